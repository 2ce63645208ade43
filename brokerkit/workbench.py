"""The top floor: the session that users hold, with its widgets, and how it is opened."""

from __future__ import annotations

from typing import Any

from .core.runtime.connection import CONNECT_SECONDS, Connection
from .core.vocabulary.address import hidden_target, resolve
from .core.vocabulary.arguments import check_seconds
from .core.vocabulary.errors import ConfigError
from .core.vocabulary.secrets import hidden, revealed
from .session.private_server import SANDBOX, start_sandbox
from .session.session import DataSession


class Session(DataSession):
    """Topics, frames and publishing on one broker. Made by `brokerkit.connect`.

    connection: the core underneath. read_only: whether everything that would change the broker is
    refused. about: what the server of a sandbox is; None elsewhere. production: whether the widgets ask
    for a topic's name before they change anything. last_pull: the frame of the last `pull`. last_read:
    what the last peek or scan looked at and why it stopped. last_interrupted: what a Ctrl-C left.
    """

    def browse(self, topic: str | None = None, **options: Any) -> Any:
        """Find messages by clicking, without side effects; see `brokerkit.widgets.browse.TopicBrowser`.

        options: those of `peek`, and columns=, sort= for what is shown.
        """
        from .widgets.browse import TopicBrowser

        return TopicBrowser(self, topic, **options)

    def tail(self, topic: str, **options: Any) -> Any:
        """Watch a topic live, without side effects; see `brokerkit.widgets.tail.Tail`.

        options: start=, key=, where=, rows=1000, decode=, paused=, interval= (seconds).
        """
        from .widgets.tail import Tail

        return Tail(self, topic, **options)

    def compose(self, topic: str, **options: Any) -> Any:
        """Write, check and send messages; see `brokerkit.widgets.compose.Composer`.

        options: message=, frame= or file= to begin with, else value=, key=, attributes=; json=,
        schema= to check; to=, sessions= for where it may go.
        """
        from .widgets.compose import Composer

        return Composer(self, topic, **options)


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
