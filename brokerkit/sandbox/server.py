"""The base class of every server of the sandbox: starting, crashing, restarting, pausing and cleaning up."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from .process import ServerProcess
from .proxy import Proxy


class Server(ABC):
    """A server with its data in a folder, answering when the constructor returns.

    A subclass chooses its ports, writes its files, and then calls `begin`.

    Attributes:
        name: The server with its version, for messages.
        about: A description: the real server, or whose emulator it is.
        folder: The folder of its data. A temporary one is deleted with the server, a given one is not.
    """

    name: ClassVar[str]
    about: ClassVar[str]

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = folder is None
        prefix = f"brokerkit-{self.name.split()[0].lower()}-"
        self.folder = Path(tempfile.mkdtemp(prefix=prefix)) if folder is None else folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process: ServerProcess | None = None
        _open.add(self)

    @property
    @abstractmethod
    def address(self) -> str:
        """The address for `brokerkit.connect`."""

    @abstractmethod
    def start(self) -> None:
        """Start the server on its former data and ports."""

    @abstractmethod
    def proxy(self) -> Proxy:
        """Return a new proxy before the server.

        If the server tells clients its address, they get that of the proxy.
        """

    def begin(self) -> None:
        """Start the server for the first time. If it does not start, it leaves nothing behind."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def run(
        self,
        command: Sequence[str],
        ready: Callable[[], bool],
        *,
        timeout: float,
        where: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start the process, in the folder `where` or its own, and wait until it is `ready`.

        `environment` has its variables; None for those of this process.
        """
        self._process = ServerProcess(
            command,
            folder=where or self.folder,
            log=self.folder / "server.log",
            environment=environment,
            remove=self.folder if self._temporary else None,
        )
        self._process.wait_until(ready, timeout=timeout, what=self.name)

    @property
    def process(self) -> ServerProcess:
        """The process of a server that was started."""
        assert self._process is not None
        return self._process

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self.process.pid

    def log_tail(self) -> str:
        """Return the end of the server's output."""
        return "" if self._process is None else self._process.log_tail()

    def kill(self) -> None:
        """Send SIGKILL, as in a crash. The data stays for `restart`."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Keep the connections and answer nothing, until `resume`."""
        self.process.pause()

    def resume(self) -> None:
        """Undo `pause`."""
        self.process.resume()

    def restart(self) -> None:
        """Start the server again, after `kill` or while it runs."""
        self.kill()
        self.start()

    def close(self) -> None:
        """End the server, and delete its data unless a folder was given. Closing twice is allowed."""
        if self._process is not None:
            if self._temporary:
                self._process.kill()
            else:
                self._process.terminate()
                self._process.kill()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return f"{self.name}, {self.about}"

    def __repr__(self) -> str:
        return f"<{self}{'' if self.running else ', closed'}>"


_open: weakref.WeakSet[Server] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for server in list(_open):
        server.close()
