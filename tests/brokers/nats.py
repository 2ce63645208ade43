"""A real NATS server with JetStream, that tests may stop, kill and start again on the same data."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Self

from brokerkit.sandbox.nats import answers, server_command

from .processes import ServerProcess, free_ports


class NatsServer:
    """A server on a free loopback port. `start` it, and `close` it to remove its data.

    user, password: what clients must give, where set. settings: lines for its configuration file.
    """

    def __init__(self, *, user: str | None = None, password: str | None = None, settings: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="brokerkit-nats-test-"))
        self.port = free_ports(1)[0]
        self._user = user
        self._password = password
        self._settings = settings
        self._process: ServerProcess | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address, with the credentials where some are needed."""
        who = f"{self._user}:{self._password}@" if self._user else ""
        return f"nats://{who}{self.host}"

    def start(self, timeout: float = 10.0) -> Self:
        extra: list[str] = []
        if self._settings:
            (self.folder / "server.conf").write_text(self._settings, "utf-8")
            extra += ["--config", str(self.folder / "server.conf")]
        if self._user:
            extra += ["--user", self._user, "--pass", self._password or ""]
        self._process = ServerProcess(
            server_command(self.folder, port=self.port, extra=extra),
            folder=self.folder,
            log=self.folder / "server.log",
        )
        self._process.wait_until(
            lambda: answers("127.0.0.1", self.port), timeout=timeout, what="the NATS server"
        )
        return self

    def stop(self) -> None:
        """End it in an orderly way; its data stays."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Have it keep its connections and answer nothing."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)

    def restart(self) -> Self:
        """Kill it and start it on the same data and port."""
        self.kill()
        return self.start()

    def close(self) -> None:
        """End it and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
