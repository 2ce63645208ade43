"""The Session: one broker, seen from a notebook."""

from __future__ import annotations

import uuid
import warnings
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from brokerkit.core.arguments import check_count, check_seconds
from brokerkit.core.browser import ConnectedBrowser
from brokerkit.core.capabilities import Capabilities, Model
from brokerkit.core.connection import Connection
from brokerkit.core.errors import Closed, ConfigError, NotSupported
from brokerkit.core.held import Held
from brokerkit.core.message_consumer import MessageConsumer
from brokerkit.core.messages import PublishResult
from brokerkit.core.owner import close_at_exit
from brokerkit.core.positions import AtTime, Earliest, Latest, Position, parse_all, resolve
from brokerkit.core.protocols import PositionLike
from brokerkit.core.publisher import ConnectedPublisher
from brokerkit.core.record_consumer import RecordConsumer
from brokerkit.core.topics import Slice
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.expand import expand as expand_frame
from brokerkit.frames.outbound import Kind
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.frames.provenance import attach, provenance

from .batches import Batches
from .filters import Filter
from .interrupted import Interrupted
from .listing import Description, topics_frame
from .peek import Newest, merged_by_time
from .publishing import FramePublishing, message_of, plan_of, publish_all
from .pulling import acknowledge, check_give_back, collect, frame_of
from .reading import ReadReport, SliceReader
from .reread import decoder_of, places_of, slices_of
from .scan import Scan

if TYPE_CHECKING:
    import pandas as pd

SLICE_ROWS = 250_000
"""About how many messages one slice of a scan holds: one Parquet file, one dask partition."""

_sessions: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()


class Session:
    """Topics, frames and publishing on one broker. Made by `brokerkit.connect`.

    connection: the core underneath. last_pull: the frame of the last `pull`. last_read: what the
    last peek or scan looked at and why it stopped. last_interrupted: what a Ctrl-C left.
    """

    def __init__(self, connection: Connection, *, read_only: bool = False, name: str | None = None) -> None:
        self.connection = connection
        self.name = name or connection.name
        self.read_only = read_only
        self.token = uuid.uuid4().hex
        self.target = connection.address.public_url
        self.last_pull: pd.DataFrame | None = None
        self.last_read: ReadReport | None = None
        self.last_interrupted: Interrupted | None = None
        self._publisher: ConnectedPublisher | None = None
        self._on_close: list[Any] = []
        _sessions[self.token] = self
        close_at_exit(self)

    @staticmethod
    def of_this_process(token: str) -> Session | None:
        """The open session of this process with that token."""
        found = _sessions.get(token)
        return found if found is not None and not found.connection.closed else None

    @property
    def capabilities(self) -> Capabilities:
        """What the system can do."""
        return self.connection.capabilities

    @property
    def native(self) -> Any:
        """The client library's own object, for what only this system has."""
        return self.connection.native

    @property
    def browser(self) -> ConnectedBrowser:
        """The core browser underneath `peek` and `scan`."""
        return self.connection.browser()

    # Looking.

    def topics(self, *, internal: bool = False) -> pd.DataFrame:
        """All topics as a frame; the broker's own ones only with `internal`."""
        return topics_frame([info for info in self.browser.topics() if internal or not info.internal])

    def describe(self, topic: str) -> Description:
        """Partitions with their bounds, and subscriptions or groups with their lag."""
        return Description(self.browser.describe(topic))

    def peek(
        self,
        topic: str,
        limit: int = 100,
        *,
        start: PositionLike = None,
        end: PositionLike = None,
        key: str | bytes | None = None,
        where: Any = None,
        decode: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        scan_for_time: bool = False,
    ) -> pd.DataFrame:
        """Messages of a topic, without any side effect: the newest `limit`, or the first from `start`.

        start, end: "earliest", "latest", an offset, a negative offset from the end, a time, or
        {partition: position}; `end` is exclusive. key, where: only messages with this key, or whose
        value contains a text or satisfies a function. Oldest first. `last_read` says how many were
        looked at and why it stopped.
        """
        check_count(limit, "limit")
        wanted = Filter(key, where)
        builder = FrameBuilder(decode, attributes)
        self.last_read = report = ReadReport()
        batches: list[pa.RecordBatch] = []
        begin, stop = self._positions(start, Earliest()), self._positions(end, Latest())

        def make_reader(slices: Sequence[Slice], most: int | None = None) -> SliceReader:
            return SliceReader(
                self.browser, slices, builder, wanted=wanted, limit=most, attributes=attributes
            )

        def frame(rows: Sequence[pa.RecordBatch]) -> pd.DataFrame:
            table = merged_by_time(rows, builder.schema)
            table = table.slice(max(0, table.num_rows - limit)) if start is None else table.slice(0, limit)
            details = {"peek": topic, "read": report.to_dict()}
            content = provenance(builder, source=self.name, details=details)
            return attach(to_pandas(expand_frame(table) if expand else table), content)

        try:
            if start is None:
                bounds = self.browser.bounds(topic)
                ceiling = self._offsets(topic, stop, Latest(), scan_for_time)
                floor = {each.partition: each.start for each in bounds}
                newest = Newest(make_reader, topic, bounds, floor, ceiling)
                for found in newest.read(limit, report):
                    batches.append(found)
            else:
                for piece in self._plan(topic, begin, stop, scan_for_time):
                    reader = make_reader([piece], limit)
                    for part in reader.parts(what=f"peek {topic}"):
                        batches.append(part.batch)
                    report.add(reader.report)
        except KeyboardInterrupt as interrupt:
            report.stopped = "interrupted"
            self.last_interrupted = error = Interrupted(
                f"peek of {topic!r} was interrupted; the rows read so far are in "
                "session.last_interrupted.frame",
                frame(batches),
            )
            raise error from interrupt
        return frame(batches)

    def scan(
        self,
        topic: str | Sequence[str],
        *,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        key: str | bytes | None = None,
        where: Any = None,
        limit: int | None = None,
        decode: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        slice_rows: int = SLICE_ROWS,
        scan_for_time: bool = False,
        progress: bool = True,
    ) -> Scan:
        """A plan to read a range of one or several topics; nothing is read before you ask for it.

        The end is fixed now. attributes=False leaves headers out, which is faster. limit: at most so
        many rows. slice_rows: about so many messages per slice. Rows are ordered inside a slice only.
        """
        check_count(slice_rows, "slice_rows")
        if limit is not None:
            check_count(limit, "limit")
        topics = [topic] if isinstance(topic, str) else list(topic)
        begin, stop = self._positions(start, Earliest()), self._positions(end, Latest())
        slices = [
            piece
            for name in topics
            for piece in self._plan(name, begin, stop, scan_for_time, slice_rows=slice_rows)
        ]
        title = f"scan of {', '.join(topics[:3])}{', ...' if len(topics) > 3 else ''} from {begin} to {stop}"
        return Scan(
            self,
            slices,
            title=title,
            decode=decode,
            expand=expand,
            attributes=attributes,
            key=key,
            where=where,
            limit=limit,
            progress=progress,
        )

    def reread(self, df: pd.DataFrame, *, decode: Any = None, expand: bool = False) -> pd.DataFrame:
        """The rows of a frame read again, in its order, by their own topic, partition and offset.

        decode: None decodes as the frame was. Rows that the broker deleted meanwhile are left out,
        with a warning.
        """
        if self.capabilities.slices == "never":
            raise NotSupported("this system cannot read messages again; the frame itself has their payloads")
        places = places_of(df)
        builder = FrameBuilder(decoder_of(df) if decode is None else decode)
        wanted = set(places)
        found: dict[Any, int] = {}
        batches: list[pa.RecordBatch] = []
        rows = 0
        for piece in slices_of(places):
            for columns in self.browser.read(piece):
                offsets = columns.to_list("offset")
                keep = [i for i, o in enumerate(offsets) if (piece.topic, piece.partition, o) in wanted]
                for index in keep:
                    found[piece.topic, piece.partition, offsets[index]] = rows
                    rows += 1
                if keep:
                    batches.append(builder.batch(columns.take(keep)))
        missing = sum(1 for place in places if place not in found)
        if missing:
            warnings.warn(
                f"{missing:,} of {len(places):,} rows are no longer on the broker and were left out",
                stacklevel=2,
            )
        table = builder.to_table(batches).take([found[place] for place in places if place in found])
        content = provenance(builder, source=self.name, details={"reread": len(places), "missing": missing})
        return attach(to_pandas(expand_frame(table) if expand else table), content)

    # Positions.

    def _positions(self, value: Any, default: Position) -> Position | dict[int, Position]:
        return parse_all(value, now=datetime.now(UTC), default=default)

    def _plan(
        self,
        topic: str,
        start: Position | Mapping[int, Position],
        end: Position | Mapping[int, Position],
        scan_for_time: bool,
        *,
        slice_rows: int | None = None,
    ) -> list[Slice]:
        if not self.capabilities.time_index:
            start = self._timeless(topic, start, Earliest(), scan_for_time)
            end = self._timeless(topic, end, Latest(), scan_for_time)
        return self.browser.plan(topic, start, end, slice_rows=slice_rows)

    def _timeless(self, topic: str, position: Any, otherwise: Position, scan_for_time: bool) -> Any:
        """A position without times in it, for systems that have no time index."""
        times = position.values() if isinstance(position, Mapping) else [position]
        if not any(isinstance(each, AtTime) for each in times):
            return position
        return self._offsets(topic, position, otherwise, scan_for_time)

    def _offsets(
        self, topic: str, position: Any, otherwise: Position, scan_for_time: bool
    ) -> dict[int | None, int]:
        """The offset of a position in each partition."""

        def at_time(moment: int) -> dict[int | None, int]:
            if self.capabilities.time_index:
                return {piece.partition: piece.start for piece in self.browser.plan(topic, AtTime(moment))}
            if not scan_for_time:
                raise NotSupported(
                    "this system has no time index: give an offset, or scan_for_time=True to read the topic "
                    "through in search of the time"
                )
            return self._found_by_reading(topic, moment)

        return resolve(position, self.browser.bounds(topic), at_time, otherwise=otherwise)

    def _found_by_reading(self, topic: str, moment: int) -> dict[int | None, int]:
        found: dict[int | None, int] = {}
        for piece in self.browser.plan(topic):
            for columns in self.browser.read(piece, attributes=False):
                pairs = zip(columns.values("offset"), columns.values("publish_time"), strict=True)
                hit = next((offset for offset, time in pairs if time is not None and time >= moment), None)
                if hit is not None:
                    found[piece.partition] = hit
                    break
        return found

    # Taking.

    def pull(
        self,
        topic: str,
        n: int = 500,
        *,
        subscription: str | None = None,
        start: Any = None,
        ack: bool = True,
        timeout: float = 10.0,
        idle: float = 0.5,
        connect_timeout: float = 15.0,
        hold: float = 600.0,
        model: Model | None = None,
        side_effects: str | None = None,
        decode: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        **options: Any,
    ) -> pd.DataFrame:
        """Take up to `n` messages as a frame, and acknowledge them once the frame is built.

        It returns at `n` rows, when nothing new came for `idle` seconds after the first, or at
        `timeout` seconds, counted from being attached (`connect_timeout`). After the acknowledgement
        this is at-most-once: if you lose the frame, the messages are gone for this subscription
        (`last_pull` keeps the last one; `batches` lets you acknowledge after the work).

        start: creates a missing subscription there; without it a missing one is NotFound.
        ack=False gives the messages back. If the acknowledgement fails or is interrupted, the error
        carries `.frame`. Interrupted before that, everything is given back.
        """
        check_count(n, "n")
        check_seconds(timeout, "timeout")
        check_seconds(idle, "idle")
        check_give_back(ack, side_effects, self.capabilities)
        FrameBuilder(decode, attributes)  # a wrong decoder is an error before anything is taken
        if ack:
            self._refuse_if_read_only("pull acknowledges messages: use peek or scan, or ack=False")
        consumer = self.consumer(
            topic,
            subscription=subscription,
            model=model,
            start=start,
            hold=hold,
            connect_timeout=connect_timeout,
            **options,
        )
        with consumer:
            pieces = collect(consumer, n, timeout=timeout, idle=idle)
            details = {"pull": topic, "subscription": subscription, "acknowledged": ack}
            frame = frame_of(
                pieces,
                decode=decode,
                attributes=attributes,
                expanded=expand,
                source=self.name,
                details=details,
            )
            self.last_pull = frame
            if ack:
                acknowledge(pieces, frame)
        return frame

    def batches(
        self,
        topic: str,
        *,
        subscription: str | None = None,
        size: int = 500,
        start: Any = None,
        window: float = 0.5,
        idle: float | None = None,
        connect_timeout: float = 15.0,
        hold: float = 600.0,
        model: Model | None = None,
        decode: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        **options: Any,
    ) -> Batches:
        """Batches to be acknowledged by you: ``for batch in s.batches(...): with batch: ...``

        A batch ends at `size` messages, or `window` seconds after its first. With `idle` the loop
        ends when nothing came for so many seconds; without, it never does.
        """
        check_count(size, "size")
        check_seconds(window, "window")
        check_seconds(idle, "idle")
        FrameBuilder(decode, attributes)
        self._refuse_if_read_only("batches are there to be acknowledged: use scan")
        consumer = self.consumer(
            topic,
            subscription=subscription,
            model=model,
            start=start,
            hold=hold,
            connect_timeout=connect_timeout,
            **options,
        )

        def make_frame(pieces: Sequence[Held]) -> pd.DataFrame:
            return frame_of(
                pieces,
                decode=decode,
                attributes=attributes,
                expanded=expand,
                source=self.name,
                details={"batch": topic, "subscription": subscription},
            )

        return Batches(consumer, make_frame, size=size, window=window, idle=idle)

    def consumer(
        self,
        topic: str,
        subscription: str | None = None,
        *,
        model: Model | None = None,
        start: Any = None,
        hold: float = 600.0,
        connect_timeout: float = 15.0,
        **options: Any,
    ) -> MessageConsumer | RecordConsumer:
        """A core consumer, for code; see `brokerkit.core`."""
        return self.connection.consumer(
            topic,
            subscription,
            model=model,
            start=start,
            hold=hold,
            connect_timeout=connect_timeout,
            **options,
        )

    # Publishing.

    def publish(
        self,
        topic: str,
        value: Any,
        *,
        key: str | bytes | None = None,
        attributes: Any = None,
        timeout: float | None = None,
    ) -> PublishResult:
        """Publish one message and wait for the confirmation. dict and list become JSON; str and bytes
        stay as they are. Raises PublishFailed."""
        return self.publish_batch(topic, [message_of(value, key, attributes)], timeout=timeout)[0]

    def publish_batch(
        self, topic: str, values: Sequence[Any], *, timeout: float | None = None
    ) -> list[PublishResult]:
        """Publish several values or `OutboundMessage`s. Raises PublishFailed with every outcome unless
        all were confirmed."""
        self._refuse_if_read_only("it publishes nothing")
        messages = [message_of(value) for value in values]
        return publish_all(self._shared_publisher(), topic, messages, timeout)

    def publish_frame(
        self,
        topic: str,
        df: Any,
        *,
        key: str | None = None,
        kind: Kind | None = None,
        columns: Sequence[str] | None = None,
        dry_run: bool = False,
        resume: pd.DataFrame | None = None,
        timeout: float | None = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Publish each row of a frame; returns one outcome per row and never raises for a row.

        A frame of messages (key, value, raw, attributes) goes back as it is; of any other frame each
        row becomes a JSON object, and `key` names the column whose text is the key. dry_run=True
        sends nothing and shows what would be sent. resume: the outcome frame of an earlier call for
        the same frame; what it confirmed is not sent again. timeout: seconds per 5,000 rows.
        """
        outbound = plan_of(df, kind, key, columns)
        if dry_run:
            return outbound.preview()
        self._refuse_if_read_only("it publishes nothing")
        return self._publish_frame(self._shared_publisher(), topic, outbound, resume, timeout, progress)

    def _publish_frame(
        self,
        publisher: ConnectedPublisher,
        topic: str,
        outbound: Any,
        resume: pd.DataFrame | None,
        timeout: float | None,
        progress: bool,
    ) -> OutcomeFrame:
        publisher.topic(topic)
        publishing = FramePublishing(publisher, topic, outbound, resume)
        try:
            return publishing.run(timeout=timeout, progress=progress)
        except Interrupted as interrupt:
            self.last_interrupted = interrupt
            raise

    @contextmanager
    def transaction(self, transactional_id: str | None = None) -> Iterator[Transaction]:
        """Everything published inside becomes visible together, or not at all if the block raises."""
        self._refuse_if_read_only("it publishes nothing")
        name = transactional_id or f"brokerkit-{uuid.uuid4().hex}"
        with self.connection.publisher(transactional_id=name) as publisher, publisher.transaction():
            yield Transaction(self, publisher)

    def publisher(self, *, transactional_id: str | None = None) -> ConnectedPublisher:
        """A core publisher, for code; see `brokerkit.core`."""
        self._refuse_if_read_only("it publishes nothing")
        return self.connection.publisher(transactional_id=transactional_id)

    def _shared_publisher(self) -> ConnectedPublisher:
        if self._publisher is None:
            self._publisher = self.connection.publisher()
        return self._publisher

    # Creating and deleting.

    def create_topic(self, topic: str, **options: Any) -> None:
        """Create a topic; options such as ``partitions=3`` are the system's. Raises AlreadyExists."""
        self._refuse_if_read_only("it creates nothing")
        self.connection.create_topic(topic, **options)

    def create_subscription(
        self,
        topic: str,
        subscription: str,
        *,
        start: Any = "latest",
        model: Model | None = None,
        **options: Any,
    ) -> None:
        """Create a subscription, durable consumer or group that begins at `start`. Raises AlreadyExists."""
        self._refuse_if_read_only("it creates nothing")
        self.connection.create_subscription(topic, subscription, start=start, model=model, **options)

    def delete_topic(self, topic: str, *, confirm: str) -> None:
        """Delete a topic with all its messages. `confirm` must be the topic's name again."""
        self._refuse_if_read_only("it deletes nothing")
        if confirm != topic:
            raise ConfigError(
                f"to delete {topic!r} with all its messages, type its name again: confirm={topic!r}"
            )
        self.connection.delete_topic(topic)

    def _refuse_if_read_only(self, why: str) -> None:
        if self.connection.closed:
            raise Closed(f"the session of {self.name} is closed")
        if self.read_only:
            raise NotSupported(f"this session is read-only (read_only=True): {why}")

    # Lifetime.

    def on_close(self, action: Any) -> None:
        """Have a function called after everything is closed."""
        self._on_close.append(action)

    def close(self, timeout: float = 4.0) -> None:
        """Close everything this session opened. Twice is fine."""
        self.connection.close(timeout)
        actions, self._on_close = self._on_close, []
        for action in actions:
            action()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = ", closed" if self.connection.closed else ", read-only" if self.read_only else ""
        return f"<Session of {self.name}{state}>"


class Transaction:
    """What can be done inside ``with session.transaction() as tx:``."""

    def __init__(self, session: Session, publisher: ConnectedPublisher) -> None:
        self._session = session
        self._publisher = publisher

    def publish(
        self, topic: str, value: Any, *, key: str | bytes | None = None, attributes: Any = None
    ) -> PublishResult:
        """Like `Session.publish`, within the transaction."""
        return self.publish_batch(topic, [message_of(value, key, attributes)])[0]

    def publish_batch(self, topic: str, values: Sequence[Any]) -> list[PublishResult]:
        """Like `Session.publish_batch`, within the transaction."""
        return publish_all(self._publisher, topic, [message_of(value) for value in values], None)

    def publish_frame(
        self,
        topic: str,
        df: Any,
        *,
        key: str | None = None,
        kind: Kind | None = None,
        columns: Sequence[str] | None = None,
    ) -> OutcomeFrame:
        """Like `Session.publish_frame`, within the transaction; a failed row raises, so that it aborts."""
        outbound = plan_of(df, kind, key, columns)
        outcome = self._session._publish_frame(self._publisher, topic, outbound, None, None, True)
        outcome.raise_for_failures()
        return outcome
