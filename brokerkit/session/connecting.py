"""Opening a session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from brokerkit.core.runtime.connection import CONNECT_SECONDS, Connection
from brokerkit.core.vocabulary.address import hidden_target, resolve
from brokerkit.core.vocabulary.arguments import as_flag, check_seconds
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import hidden, revealed

from .session import Session

if TYPE_CHECKING:
    from brokerkit.sandbox import Server

SANDBOX = "sandbox+"


def connect(
    target: str | None = None,
    *,
    read_only: bool | None = None,
    production: bool | None = None,
    timeout: float | None = CONNECT_SECONDS,
    **options: Any,
) -> Session:
    """Open a session: one round trip to the broker, `timeout` seconds at most.

    target: a URL such as ``kafka://localhost:9092``, ``nats://localhost:4222``, ``inmem://``; an
    Azure connection string; the name of a saved connection; ``sandbox+nats://`` (or kafka, pulsar,
    pubsub, servicebus) for a private server that lives as long as the session, with ``demo=True`` for a
    small shop to look at and ``data="folder"`` to keep its data (see `brokerkit.sandbox`); None for the
    environment variable BROKERKIT_URL.
    options: the backend's, overriding the URL's query (dots may be written as underscores).
    read_only: refuse everything that would change the broker. production: have the widgets ask for the
    topic's name before anything is published, acknowledged or deleted. Where they are None, the URL's
    query, the saved connection and the environment decide (``production = true``).
    Raises ConfigError, Unauthorized or Unavailable.
    """
    # a traceback may show the variables of this function
    target, options = hidden_target(target), {name: hidden(name, value) for name, value in options.items()}
    if target is not None and not (isinstance(revealed(target), str) and revealed(target).strip()):
        raise ConfigError(
            f"connect needs a URL such as inmem:// or nats://localhost:4222, not {target!r:.60}; "
            "connect() reads it from the environment variable BROKERKIT_URL"
        )
    seconds = check_seconds(timeout, "timeout")
    timeout = CONNECT_SECONDS if seconds is None else seconds
    marks = {"read_only": read_only, "production": production}
    options |= {name: value for name, value in marks.items() if value is not None}
    if target is not None and revealed(target).startswith(SANDBOX):
        return _sandbox(revealed(target), options, timeout)
    return Session(Connection(resolve(target, options), timeout=timeout))


def start_sandbox(target: str, options: Mapping[str, Any]) -> tuple[Server, dict[str, Any]]:
    """Start the private server of a ``sandbox+...`` target.

    Returns:
        The server, and the options that are not the sandbox's own (`data`, `demo`).

    Raises:
        ConfigError: the system is not known, or something that its server needs is not there.
        Unavailable: the server did not start.
    """
    from brokerkit import sandbox

    system, _, rest = target.removeprefix(SANDBOX).partition("://")
    place, _, query = rest.partition("?")
    if place.strip("/"):
        raise ConfigError(
            f"a sandbox chooses its own address: write {SANDBOX}{system}:// without {place!r:.60}"
        )
    given = {**dict(parse_qsl(query, keep_blank_values=True)), **options}
    data = given.pop("data", None)
    if data is not None and not (isinstance(data, str | Path) and str(data)):
        raise ConfigError(f"data= must be the path of a folder, not {data!r:.60}")
    demo = as_flag(given.pop("demo", False), "demo")
    return sandbox.start(system, data=data, demo=demo), given


def _sandbox(target: str, options: dict[str, Any], timeout: float) -> Session:
    server, rest = start_sandbox(target, options)
    try:
        connection = Connection(resolve(server.address, rest), timeout=timeout)
    except BaseException:
        server.close()
        raise
    # the port differs from run to run; the name of a session must not
    session = Session(connection, name=f"{target.partition('://')[0]}://", about=str(server))
    session.on_close(server.close)
    return session
