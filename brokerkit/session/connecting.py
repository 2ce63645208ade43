"""Opening a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brokerkit.core.address import resolve
from brokerkit.core.arguments import check_seconds
from brokerkit.core.connection import CONNECT_SECONDS, Connection
from brokerkit.core.errors import ConfigError

from .session import Session

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
    Azure connection string; the name of a saved connection; ``sandbox+nats://`` for a private real
    server that lives as long as the session; None for the environment variable BROKERKIT_URL.
    options: the backend's, overriding the URL's query (dots may be written as underscores).
    read_only: refuse everything that would change the broker. production: have the widgets ask for the
    topic's name before anything is published, acknowledged or deleted. Where they are None, the URL's
    query, the saved connection and the environment decide (``production = true``).
    Raises ConfigError, Unauthorized or Unavailable.
    """
    if target is not None and not (isinstance(target, str) and target.strip()):
        raise ConfigError(
            f"connect needs a URL such as inmem:// or nats://localhost:4222, not {target!r:.60}; "
            "connect() reads it from the environment variable BROKERKIT_URL"
        )
    seconds = check_seconds(timeout, "timeout")
    timeout = CONNECT_SECONDS if seconds is None else seconds
    marks = {"read_only": read_only, "production": production}
    options |= {name: value for name, value in marks.items() if value is not None}
    if target is not None and target.startswith(SANDBOX):
        return _sandbox(target, options, timeout)
    return Session(Connection(resolve(target, options), timeout=timeout))


def start_sandbox(target: str) -> tuple[str, Callable[[], None]]:
    """The URL of a new private server for a ``sandbox+...`` target, and what stops it."""
    from brokerkit import sandbox

    kind, _, _ = target.removeprefix(SANDBOX).partition("://")
    server = sandbox.start(kind)
    return server.url, server.stop


def _sandbox(target: str, options: dict[str, Any], timeout: float) -> Session:
    url, stop = start_sandbox(target)
    try:
        connection = Connection(resolve(url, options), timeout=timeout)
    except BaseException:
        stop()
        raise
    # the port differs from run to run; the name of a session must not
    session = Session(connection, name=f"{target.partition('://')[0]}://")
    session.on_close(stop)
    return session
