"""The session that users hold, with its widgets, and the function that opens it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from .core.runtime import registry as backends
from .core.runtime.connection import CONNECT_SECONDS, Connection
from .core.vocabulary.address import EXAMPLES, hidden_target
from .core.vocabulary.arguments import check_seconds
from .core.vocabulary.errors import ConfigError
from .core.vocabulary.secrets import hidden, revealed
from .registry import opened
from .saved.secret_places import fetch
from .session.masks import mask_of_connection
from .session.private_server import SANDBOX, start_registry, start_sandbox
from .session.session import DataSession

if TYPE_CHECKING:
    from .frames.masking.mask import Mask
    from .widgets.browse import TopicBrowser
    from .widgets.compose import Composer
    from .widgets.dashboard import Dashboard
    from .widgets.opening import ConnectionChooser
    from .widgets.tail import Tail


class Session(DataSession):
    """An open session on one broker: topics, frames, publishing and widgets.

    Made by `brokerkit.connect`. Use it as a context manager, or call `close` when you are done.

    Attributes:
        connection: The core connection underneath.
        name: The name of the broker as shown, without secrets.
        read_only: Whether everything that would change the broker is refused.
        production: Whether the widgets ask for the topic's name before they change anything.
        about: A description of the sandbox server; None for any other broker.
        last_pull: The frame of the last `pull`; None before the first.
        last_read: The report of the last peek or scan: how many messages it read and why it stopped.
        last_interrupted: The `Interrupted` of the last Ctrl-C, with the rows or outcomes so far.
    """

    def browse(self, topic: str | None = None, **options: Any) -> TopicBrowser:
        """Return a widget to find messages by clicking, without side effects.

        See `TopicBrowser`.

        Args:
            topic: The topic to show first; None shows the list of topics.
            **options: Those of `peek`, and ``columns=`` and ``sort=`` for the table.
        """
        from .widgets.browse import TopicBrowser

        return TopicBrowser(self, topic, **options)

    def tail(self, topic: str, **options: Any) -> Tail:
        """Return a widget that follows a topic live, without side effects.

        See `Tail`.

        Args:
            topic: The topic to follow.
            **options: ``start=``, ``key=``, ``where=``, ``rows=`` (how many to keep), ``decode=``,
                ``decode_key=``, ``mask=``, ``unmask=``, ``paused=`` and ``interval=`` (seconds between two
                looks).
        """
        from .widgets.tail import Tail

        return Tail(self, topic, **options)

    def compose(self, topic: str, **options: Any) -> Composer:
        """Return a widget to write, check and send messages.

        See `Composer`.

        Args:
            topic: The topic to publish to.
            **options: ``message=``, ``frame=`` or ``file=`` to begin with, otherwise ``value=``, ``key=`` and
                ``attributes=``; ``rows=`` (a file or a frame whose columns become messages) with ``rate=``
                and ``journal=``, or ``many=True`` to drop one; ``json=`` and ``schema=`` for the checks;
                ``to=`` and ``sessions=`` for the sessions it may publish to.
        """
        from .widgets.compose import Composer

        return Composer(self, topic, **options)

    def dashboard(self, every: float | str = 5.0) -> Dashboard:
        """Return a widget with all topics: rates, backlogs, dead letters and slowest readers.

        See `Dashboard`. It has no side effects.

        Args:
            every: Seconds between two looks, or a text such as "30s".

        Raises:
            ConfigError: `every` is not between a second and an hour.
        """
        from .widgets.dashboard import Dashboard

        return Dashboard(self, every)


def connect(
    target: str | None = None,
    *,
    read_only: bool | None = None,
    production: bool | None = None,
    allow_changes: bool = False,
    timeout: float | None = CONNECT_SECONDS,
    registry: str | None = None,
    mask: Mask | str | None = None,
    **options: Any,
) -> Session:
    """Connect to a broker and return a session.

    This takes one round trip to the broker.

    Args:
        target: A URL such as ``kafka://localhost:9092``, ``nats://localhost:4222`` or ``inmem://``; an Azure
            connection string; the name of a saved connection; or the configuration of another tool, such as
            ``kafka-properties:FILE`` or ``nats-context:NAME``. ``sandbox+nats://`` (or kafka, pulsar,
            pubsub, servicebus) starts a private server that runs until the session is closed, with
            ``demo=True`` for a small shop to look at and ``data="folder"`` to keep its data (see
            `brokerkit.sandbox`). None reads the environment variable BROKERKIT_URL.
        read_only: Refuse everything that would change the broker. None uses ``read_only`` from the URL's
            query, the saved connection or the environment.
        production: Make the widgets ask for the topic's name before anything is published, acknowledged or
            deleted, and refuse changes in a run without a person (nbconvert, papermill, CI, a script without
            a terminal). None uses ``production`` from the same places as `read_only`.
        allow_changes: Allow a run without a person to change a broker that is marked as production.
        timeout: Seconds to wait for the broker.
        registry: The address of a schema registry, such as ``http://localhost:8081`` or
            ``https://host/apis/ccompat/v7``; "sandbox" starts a private one. It is not asked before a schema
            is needed. ``registry_user`` and ``registry_password``, or ``registry_token``, sign in;
            ``registry_ca``, ``registry_cert`` and ``registry_key`` name files for TLS.
        mask: Personal data that every read hides: a `brokerkit.Mask` or its text. A mask of the URL, the
            saved connection or the environment is added to it.
        **options: Options of the backend. They override the URL's query; dots may be written as underscores.

    Returns:
        An open session. Close it, or use it in a ``with`` statement.

    Raises:
        ConfigError: The target or an option is not valid, or the client library is not installed.
        Unauthorized: The broker refused the credentials.
        Unavailable: The broker did not answer in time.
    """
    # a traceback may show the variables of this function
    registry = hidden("registry", registry)
    target, options = hidden_target(target), {name: hidden(name, value) for name, value in options.items()}
    if target is not None and not (isinstance(revealed(target), str) and revealed(target).strip()):
        raise ConfigError(
            f"connect needs a URL (for example {EXAMPLES}), not {target!r:.60}; "
            "connect() reads it from the environment variable BROKERKIT_URL"
        )
    seconds = check_seconds(timeout, "timeout")
    timeout = CONNECT_SECONDS if seconds is None else seconds
    named = {"read_only": read_only, "production": production, "registry": registry}
    options |= {name: value for name, value in named.items() if value is not None}
    options["allow_changes"] = allow_changes
    with ExitStack() as started:
        about: dict[str, Any] = {}
        if target is not None and revealed(target).startswith(SANDBOX):
            server, options = start_sandbox(revealed(target), options)
            started.callback(server.close)
            # the port changes between runs, but the name of a session must not
            about = {"name": f"{revealed(target).partition('://')[0]}://", "about": str(server)}
            target = server.address
        private, address = start_registry(backends.address_of(target, options, fetch))
        if private is not None:
            started.callback(private.close)
        # a wrong option is refused before anything is opened
        opened(address)
        hidden_data = mask_of_connection(address.mask, mask)
        session = Session(Connection(address, timeout=timeout), mask=hidden_data, **about)
        session.on_close(started.pop_all().close)
    return session


def open() -> ConnectionChooser:
    """Return a widget to open a broker by clicking: a saved connection, a new one, or a private server.

    What is chosen is shown as in `Session.browse`, in the same place. See `ConnectionChooser`.
    """
    from .widgets.opening import ConnectionChooser

    return ConnectionChooser(connect)
