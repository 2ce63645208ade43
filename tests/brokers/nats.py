"""A real NATS server with JetStream, that tests may stop, kill and start again on the same data."""

from __future__ import annotations

from brokerkit.core import ConfigError
from brokerkit.sandbox.nats import answers, server_binary, server_command

from .processes import free_ports
from .proxy import Proxy
from .server import Server

START_SECONDS = 20.0


def available() -> str | None:
    """What is missing to start one here, None when nothing is."""
    try:
        server_binary()
    except ConfigError as error:
        return str(error)
    return None


class NatsServer(Server):
    """A server with JetStream on a free loopback port, answering when the constructor returns.

    user, password: what clients must give, where set. settings: lines for its configuration file.
    """

    name = "NATS server"

    def __init__(self, *, user: str | None = None, password: str | None = None, settings: str = "") -> None:
        super().__init__()
        self.port = free_ports(1)[0]
        self._user = user
        self._password = password
        self._settings = settings
        self.begin()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address, with the credentials where some are needed."""
        who = f"{self._user}:{self._password}@" if self._user else ""
        return f"nats://{who}{self.host}"

    def proxy(self) -> Proxy:
        return Proxy(self.port)

    def start(self) -> None:
        extra: list[str] = []
        if self._settings:
            (self.folder / "server.conf").write_text(self._settings, "utf-8")
            extra += ["--config", str(self.folder / "server.conf")]
        if self._user:
            extra += ["--user", self._user, "--pass", self._password or ""]
        command = server_command(self.folder, port=self.port, extra=extra)
        self.run(command, lambda: answers("127.0.0.1", self.port), timeout=START_SECONDS)
