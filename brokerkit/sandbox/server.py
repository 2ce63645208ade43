"""What every server of the sandbox can do: start, crash, come back, stand still, and leave nothing behind."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from .process import ServerProcess
from .proxy import Proxy


class Server(ABC):
    """A server with its data in a folder, answering when the constructor returns.

    A subclass chooses its ports, writes its files, and then calls `begin`.

    Attributes:
        name: the server with its version, for messages.
        about: what it is: the real server, or an emulator and whose.
        folder: where its data is. A temporary folder unless one was given; that one goes with the server.
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
        """What `brokerkit.connect` takes."""

    @abstractmethod
    def start(self) -> None:
        """Start it on the data and ports that it had."""

    @abstractmethod
    def proxy(self) -> Proxy:
        """A new proxy before it. Where the server tells clients its address, they hear that of the proxy."""

    def begin(self) -> None:
        """Start it for the first time. One that does not start leaves nothing behind."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def run(
        self, command: Sequence[str], ready: Callable[[], bool], *, timeout: float, where: Path | None = None
    ) -> None:
        """Start the process, in the folder `where` or its own, and wait until it is `ready`."""
        self._process = ServerProcess(
            command,
            folder=where or self.folder,
            log=self.folder / "server.log",
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
        """Whether its process runs."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self.process.pid

    def log_tail(self) -> str:
        """The end of what it printed."""
        return "" if self._process is None else self._process.log_tail()

    def kill(self) -> None:
        """Send SIGKILL, as in a crash. The data stays for `restart`."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Let it keep its connections and answer nothing, until `resume`."""
        self.process.pause()

    def resume(self) -> None:
        """Undo `pause`."""
        self.process.resume()

    def restart(self) -> None:
        """Start again, after `kill` or instead of a running one."""
        self.kill()
        self.start()

    def close(self) -> None:
        """End the server, and delete its data unless a folder was given. Closing twice is fine."""
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
