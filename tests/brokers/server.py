"""What every server of the tests can do: start, crash, come back, stand still, be reached through a proxy."""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from .processes import ServerProcess
from .proxy import Proxy


class Server(ABC):
    """A server with its data in a folder, answering when the constructor returns.

    A subclass sets its ports and files first and then calls `begin`. name: how errors call it.
    folder: where its data is; without one it is a temporary folder, which goes with the server.
    """

    name: str

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix=f"brokerkit-{self.name.split()[0].lower()}-"))
        self._process: ServerProcess | None = None

    @abstractmethod
    def start(self) -> None:
        """Start it on the data and ports that it had."""

    @abstractmethod
    def proxy(self) -> Proxy:
        """A new proxy before it. Where the server tells clients its address, they hear that of the proxy."""

    def begin(self) -> None:
        """Start it for the first time; one that does not come up leaves nothing behind."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def run(
        self, command: Sequence[str], ready: Callable[[], bool], *, timeout: float, where: Path | None = None
    ) -> None:
        """Start the process, in the folder `where` or its own, and wait until it is `ready`."""
        log = self.folder / "server.log"
        self._process = ServerProcess(command, folder=where or self.folder, log=log)
        self._process.wait_until(ready, timeout=timeout, what=self.name)

    @property
    def process(self) -> ServerProcess:
        """The process of a server that was started."""
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self.process.pid

    def log_tail(self) -> str:
        """The end of what it printed."""
        return "" if self._process is None else self._process.log_tail()

    def kill(self) -> None:
        """SIGKILL, as in a crash. The data stays for `restart`."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Have it keep its connections and answer nothing, until `resume`."""
        self.process.pause()

    def resume(self) -> None:
        """Undo `pause`."""
        self.process.resume()

    def restart(self) -> None:
        """Start again, after `kill` or instead of a running one."""
        self.kill()
        self.start()

    def close(self) -> None:
        """End it and throw away what nobody named a folder for. Closing twice is fine."""
        # nobody reads the data again, so there is no need for an orderly and slow shutdown
        self.kill()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
