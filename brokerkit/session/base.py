"""The base of every session: an open connection, its topics, and the results a notebook keeps about it."""

from __future__ import annotations

import uuid
import weakref
from typing import TYPE_CHECKING, Any, Self

from brokerkit.core.contract.at_exit import close_at_exit
from brokerkit.core.runtime.connection import Connection
from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.runtime.message_consumer import MessageConsumer
from brokerkit.core.runtime.publisher import ConnectedPublisher
from brokerkit.core.runtime.record_consumer import RecordConsumer
from brokerkit.core.vocabulary.arguments import check_seconds
from brokerkit.core.vocabulary.capabilities import Capabilities, Model
from brokerkit.core.vocabulary.errors import Closed
from brokerkit.core.vocabulary.positions import parse
from brokerkit.display.markup import Displayed, block, heading, lines, pairs
from brokerkit.display.sanitize import plain
from brokerkit.frames.auto.fingerprints import KIND, FingerprintedRegistry
from brokerkit.frames.masking.mask import Mask
from brokerkit.registry import SchemaSource, SystemSchemas, as_one, opened, own_sources

from .arguments import model_of
from .interrupted import Interrupted
from .masks import mask_of_connection, refuse_unless_unmasked
from .options import ConsumeOptions
from .read_report import ReadReport
from .schema_notes import SchemaNotes
from .start_ignored import note_if_it_exists

if TYPE_CHECKING:
    import pandas as pd

NEXT = (
    "s.browse()  s.tail(topic)  s.compose(topic)    to click: find, follow, write\n"
    "s.topics()  s.describe(topic)                  what there is\n"
    "s.peek(topic)  s.scan(topic)                   messages as frames"
)
"""The calls that a session suggests when it is shown."""

_sessions: weakref.WeakValueDictionary[str, BrokerSession] = weakref.WeakValueDictionary()


def open_session(name: object) -> BrokerSession | None:
    """Return an open session of that name; None if there is none."""
    return next(
        (each for each in _sessions.values() if each.name == name and not each.connection.closed), None
    )


def open_sessions() -> list[BrokerSession]:
    """Return all open sessions of this process, in the order in which they were opened."""
    return [each for each in list(_sessions.values()) if not each.connection.closed]


def session_with(token: str) -> BrokerSession | None:
    """Return the open session of this process with that token; None if there is none."""
    found = _sessions.get(token)
    return found if found is not None and not found.connection.closed else None


class BrokerSession(Displayed):
    """An open connection to one broker, with the results a notebook keeps about it.

    Attributes:
        connection: The core connection underneath.
        registry: The schemas of the registry; None without one.
        schema_source: Where the schemas are found that payloads name: in the registry, and in the system
            itself. None if there is neither.
        schema_notes: The notes of objects that become JSON although their topic has a schema.
        name: The name of the broker as shown, without secrets.
        read_only: Whether everything that would change the broker is refused.
        production: Whether the widgets ask for the topic's name before they change anything.
        about: A description of the sandbox server; None for any other broker.
        last_pull: The frame of the last `pull`; None before the first.
        last_read: The report of the last peek or scan: how many messages it read and why it stopped.
        last_interrupted: The `Interrupted` of the last Ctrl-C, with the rows or outcomes so far.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        name: str | None = None,
        about: str | None = None,
        mask: Mask | None = None,
    ) -> None:
        self.connection = connection
        self.registry = opened(connection.address)
        self._mask = mask_of_connection(connection.address.mask) if mask is None else mask
        self.schema_source = self._schema_source()
        self.schema_notes = SchemaNotes(
            self.registry, connection.inspector if self.capabilities.schemas else None
        )
        self.name = name or connection.name
        self.about = about
        self.read_only = connection.read_only
        self.production = connection.address.marks.production
        self.token = uuid.uuid4().hex
        self.target = connection.address.public_url
        self.last_pull: pd.DataFrame | None = None
        self.last_read: ReadReport | None = None
        self.last_interrupted: Interrupted | None = None
        self._publisher: ConnectedPublisher | None = None
        self._on_close: list[Any] = []
        _sessions[self.token] = self
        close_at_exit(self)

    @property
    def capabilities(self) -> Capabilities:
        """The features of the system."""
        return self.connection.capabilities

    @property
    def mask(self) -> Mask | None:
        """What reads hide unless they are told otherwise; None if they hide nothing."""
        return self._mask

    @property
    def native(self) -> Any:
        """The client library's own object, for features that only this system has.

        Raises:
            NotSupported: The mask of the session is locked.
        """
        if self._mask is not None and self._mask.locked:
            refuse_unless_unmasked(
                self._mask, False, "the client library's own object shows messages as they are"
            )
        return self.connection.native

    @property
    def inspector(self) -> ConnectedInspector:
        """The core inspector underneath `peek` and `scan`."""
        return self.connection.inspector()

    def consumer(
        self,
        topic: str,
        subscription: str | None = None,
        *,
        model: Model | None = None,
        share: bool = False,
        start: Any = None,
        hold: float = 600.0,
        connect_timeout: float = 15.0,
        unmask: bool = False,
        **options: Any,
    ) -> MessageConsumer | RecordConsumer:
        """Return a core consumer, for use in programs; see `brokerkit.core`.

        Args:
            topic: The name of the topic.
            subscription: The subscription, durable consumer or group to take from.
            model: "message" or "record", where the system has both. None is the system's first.
            share: Read as a member of a share group of Kafka; see `pull`.
            start: Where to begin if the subscription does not exist; see `pull`. With a time, the consumer
                counts in `earlier` the messages that are earlier, and does not warn of them.
            hold: Seconds for which the messages are kept for this consumer.
            connect_timeout: Seconds to wait until the subscription is attached.
            unmask: Leave the mask of the session out: a core consumer hides nothing.
            **options: Options of the system's consumer.

        Raises:
            NotSupported: The session has a mask, and `unmask` is not given or refused.
        """
        refuse_unless_unmasked(self._mask, unmask, "a core consumer returns messages as they are")
        consuming = ConsumeOptions(
            topic,
            subscription,
            model_of(model, share),
            hold,
            connect_timeout,
            options.pop("batch_size", None),
            options,
        )
        return self._open_consumer(consuming, start=start)

    def _open_consumer(
        self, consuming: ConsumeOptions, *, start: Any = None
    ) -> MessageConsumer | RecordConsumer:
        check_seconds(consuming.connect_timeout, "connect_timeout")
        topic, subscription = consuming.topic, consuming.subscription
        model = self.connection.model_for(consuming.model)
        made = self.connection.consumer(
            topic,
            subscription,
            model=model,
            start=start,
            hold=consuming.hold,
            connect_timeout=consuming.connect_timeout,
            batch_size=consuming.batch_size,
            **consuming.options,
        )
        exists = (
            start is not None
            and subscription is not None
            and note_if_it_exists(self.inspector, topic, subscription, model, start)
        )
        if start is not None and not exists and self.capabilities.slices == "repeatable":
            self.inspector.note_if_after_the_end(topic, parse(start))
        return made

    def publisher(self, *, transactional_id: str | None = None) -> ConnectedPublisher:
        """Return a core publisher, for use in programs; see `brokerkit.core`.

        Args:
            transactional_id: A name that identifies a transactional publisher across restarts, where the
                system has them.
        """
        return self.connection.publisher(transactional_id=transactional_id)

    def shared_publisher(self) -> ConnectedPublisher:
        """Return the publisher that `publish`, `publish_frame` and `copy` use."""
        if self._publisher is None:
            self._publisher = self.connection.publisher()
        return self._publisher

    def _schema_source(self) -> SchemaSource | None:
        found: list[SchemaSource] = []
        own = own_sources()
        if self.registry is not None:
            fingerprints = not any(KIND in each.kinds for each in own)
            found.append(FingerprintedRegistry(self.registry) if fingerprints else self.registry)
        if self.capabilities.schemas:
            kind, address = self.capabilities.schemas, self.connection.address
            found.append(
                SystemSchemas(self.connection.name, kind, self.connection.inspector, address.public_url)
            )
        return as_one([*found, *own])

    def _check_open(self) -> None:
        if self.connection.closed:
            raise Closed(f"the session of {self.name} is closed")

    # Showing and closing.

    @property
    def label(self) -> str:
        """The name with its marks, in one line without control characters."""
        return ", ".join([plain(self.name, 120), *self.marks])

    @property
    def marks(self) -> list[str]:
        """The marks that users must see: `PRODUCTION`, `read-only`, `closed`."""
        known = {"PRODUCTION": self.production, "read-only": self.read_only, "closed": self.connection.closed}
        return [mark for mark, holds in known.items() if holds]

    def on_close(self, action: Any) -> None:
        """Call a function after everything is closed.

        Args:
            action: A function without arguments.
        """
        self._on_close.append(action)

    def close(self, timeout: float = 4.0) -> None:
        """Close everything this session opened. Closing twice has no effect.

        Args:
            timeout: Seconds to wait for publishers and consumers to finish.
        """
        check_seconds(timeout, "timeout")
        self.connection.close(timeout)
        actions, self._on_close = self._on_close, []
        for action in actions:
            action()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Session of {self.label}>"

    def _repr_html_(self) -> str:
        known = self.capabilities
        facts = {
            "sandbox": self.about,
            "schema registry": None if self.registry is None else self.registry.name,
            "mask": None if self._mask is None else plain(str(self._mask), 200),
            "models": ", ".join(known.models),
            "ack() is": known.ack,
            "peek and scan change": known.side_effects["peek"].replace("none", "nothing"),
            "changes": "refused: it is read-only" if self.read_only else None,
            "widgets": "ask for the topic's name before a change" if self.production else None,
        }
        return block(heading(f"Session of {self.label}"), pairs(facts), lines(NEXT))
