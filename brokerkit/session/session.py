"""The verbs of a session: look, take, publish, copy, create and delete."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.arguments import check_count, check_seconds
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.interrupts import Hold
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.protocols import PositionLike
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.core.vocabulary.windows import LATENESS, parse_lateness, pieces_of
from brokerkit.display.descriptions import Description, topics_frame
from brokerkit.display.sanitize import plain
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.outbound import Kind
from brokerkit.frames.outcome import OutcomeFrame

from .arguments import MessageIds, check_topic, keeps_ids, model_of, topic_names
from .base import BrokerSession
from .batches import Batches
from .build_frame import frame_of
from .copying import copy_topic
from .filters import Header, wanted_rows
from .interrupted import Interrupted, outcome_kept
from .journal import opened
from .peek import Peek
from .peek_with_side_effects import borrow
from .placed_rows import placed, plan_shown
from .placing import Partitions, Times
from .planning import parse_partitions, parse_range
from .publishing import BatchPublishing, FramePublishing, message_of, messages_of, plan_of
from .pulling import Pulling, check_give_back, frame_maker
from .reading import NotYetReadableWarning
from .reread import decoder_of, places_of, read_places
from .resuming import known_again
from .scan import Scan
from .transaction import Transaction, committed_whole

if TYPE_CHECKING:
    import pandas as pd

SLICE_ROWS = 250_000
"""About how many messages one slice of a scan holds: one Parquet file, one dask partition."""


class DataSession(BrokerSession):
    """Topics, frames and publishing on one broker, without widgets."""

    # Looking.

    def topics(self, *, internal: bool = False) -> pd.DataFrame:
        """All topics as a frame; the broker's own ones only with `internal`."""
        return topics_frame([info for info in self.inspector.topics() if internal or not info.internal])

    def describe(self, topic: str) -> Description:
        """Partitions with their bounds, and subscriptions or groups with their lag."""
        check_topic(topic)
        return Description(self.inspector.describe(topic))

    def peek(
        self,
        topic: str,
        limit: int = 100,
        *,
        start: PositionLike = None,
        end: PositionLike = None,
        newest: bool | None = None,
        partitions: Sequence[int] | None = None,
        key: str | bytes | None = None,
        header: Header | None = None,
        where: Any = None,
        decode: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        lateness: Any = LATENESS,
        scan_for_time: bool = False,
        side_effects: str | None = None,
        subscription: str | None = None,
    ) -> pd.DataFrame:
        """Messages of a topic, without any side effect: the newest `limit`, or the first from `start`.

        start, end: "earliest", "latest", an offset, a negative offset from the end, a time, or
        {partition: position}; `end` is exclusive. newest: the newest or the first of the range; None is
        the first where there is a `start`. partitions: only these. key, header, where: only messages
        with this key, with a header of this name or {name: value}, or whose value contains a text or
        satisfies a function. Oldest first. `last_read` says how many were looked at and why it stopped.
        lateness: where producers set the times, messages of a range of time may lie behind later ones;
        they are looked for as far as so much later ("15min", a timedelta, seconds; None: everywhere).

        side_effects: how to look where that cannot be done without (Pub/Sub). "give back" takes what
        `subscription` has next and gives it back, which raises delivery counts; "temporary
        subscription" reads the first `limit` from `start` through a subscription of its own, which is
        deleted afterwards.
        """
        limit = check_count(limit, "limit")
        check_topic(topic)
        if side_effects is not None:
            if (end, newest, partitions, key, header, where) != (None,) * 6:
                raise ConfigError("with side_effects= a look takes what is next: filter the frame")
            return borrow(
                self,
                topic,
                limit,
                side_effects=side_effects,
                subscription=subscription,
                start=start,
                decode=decode,
                expand=expand,
                attributes=attributes,
            )
        span, chosen = parse_range(start, end, lateness), parse_partitions(partitions)
        peek = self.peeking(
            limit,
            key=key,
            header=header,
            where=where,
            decode=decode,
            expand=expand,
            attributes=attributes,
            scan_for_time=scan_for_time,
        )

        def frame(*, partial: bool) -> pd.DataFrame:
            table = peek.table(partial=partial)
            details = {"peek": topic, "read": peek.report.to_dict()}
            return frame_of(table, peek.builder, source=self.name, expand=expand, details=details)

        self.last_read = peek.report
        try:
            peek.plan(topic, span, newest=start is None if newest is None else newest, partitions=chosen)
            peek.read()
        except KeyboardInterrupt as interrupt:
            peek.report.stopped = "interrupted"
            text = f"peek of {topic!r} was interrupted; the rows so far are in session.last_interrupted.frame"
            self.last_interrupted = Interrupted(text, frame(partial=True))
            raise self.last_interrupted from interrupt
        found = frame(partial=False)
        peek.report.warn_of_filter()
        if peek.hidden:
            note(f"{topic!r}: {peek.hidden}", NotYetReadableWarning)
        return found

    def peeking(
        self,
        limit: int,
        *,
        key: str | bytes | None = None,
        header: Header | None = None,
        where: Any = None,
        decode: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        scan_for_time: bool = False,
    ) -> Peek:
        """A `peek` that has read nothing yet, for who wants to stop it and go on."""
        builder = FrameBuilder(decode, attributes, expanding=expand)
        wanted = wanted_rows(key, header, where, builder.schema, attributes)
        planner = self.planner(scan_for_time)
        return Peek(self.inspector, planner, builder, wanted, limit=limit, attributes=attributes)

    def scan(
        self,
        topic: str | Sequence[str],
        *,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        partitions: Sequence[int] | None = None,
        key: str | bytes | None = None,
        header: Header | None = None,
        where: Any = None,
        limit: int | None = None,
        decode: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        slice_rows: int = SLICE_ROWS,
        lateness: Any = LATENESS,
        scan_for_time: bool = False,
        progress: bool = True,
    ) -> Scan:
        """A plan to read a range of one or several topics; nothing is read before you ask for it.

        The end is fixed now. partitions, key, header, where, lateness: as in `peek`. attributes=False leaves
        headers out, which is faster. limit: at most so many rows. slice_rows: about so
        many messages per slice. Rows are ordered inside a slice only.
        """
        slice_rows = check_count(slice_rows, "slice_rows")
        if limit is not None:
            limit = check_count(limit, "limit")
        topics = topic_names(topic)
        span = parse_range(start, end, lateness)
        planner = self.planner(scan_for_time)
        chosen = parse_partitions(partitions)
        located = {name: planner.locate(name, span, chosen) for name in dict.fromkeys(topics)}
        slices = [
            piece for name in topics for each in located[name] for piece in pieces_of(name, each, slice_rows)
        ]
        late = "" if span.lateness == parse_lateness(LATENESS) else f", lateness {span.lateness}"
        shown = ", ".join(plain(name, 60) for name in topics[:3]) + (", ..." if len(topics) > 3 else "")
        return Scan(
            self,
            slices,
            title=f"scan of {shown} {span}",
            asked=f"{topics!r} from {start!r} to {end!r}{late}",
            doubt=span.doubt([each for stretches in located.values() for each in stretches]),
            decode=decode,
            expand=expand,
            attributes=attributes,
            key=key,
            header=header,
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
        places = places_of(df, self.inspector)
        builder = FrameBuilder(decoder_of(df) if decode is None else decode, expanding=expand)
        table = read_places(self.inspector, places, builder)
        missing = len(places) - table.num_rows
        details = {"reread": len(places), "missing": missing}
        return frame_of(table, builder, source=self.name, expand=expand, details=details)

    # Taking.

    def pull(
        self,
        topic: str,
        n: int = 500,
        *,
        subscription: str | None = None,
        start: Any = None,
        ack: bool = True,
        timeout: float | None = 10.0,
        idle: float | None = 0.5,
        connect_timeout: float = 15.0,
        hold: float = 600.0,
        model: Model | None = None,
        share: bool = False,
        side_effects: str | None = None,
        decode: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        **options: Any,
    ) -> pd.DataFrame:
        """Take up to `n` messages as a frame, and acknowledge them once the frame is built.

        It returns at `n` rows, when nothing new came for `idle` seconds after the first, or at
        `timeout` seconds, counted from being attached (`connect_timeout`). Where the broker says what
        there is (Kafka's groups, JetStream, in memory), that comes before `idle` ends it;
        ``frame.attrs["brokerkit"]["stopped"]`` says why it ended. After the acknowledgement
        this is at-most-once: if you lose the frame, the messages are gone for this subscription
        (`last_pull` keeps the last one; `batches` lets you acknowledge after the work).

        start: creates a missing subscription there; without it a missing one is NotFound. Where it
        exists already, a `StartIgnoredWarning` warning says that it goes on from where it is. A time is the
        first message at or after it: what comes behind that one comes too, also with earlier times.
        share: read as a member of a share group of Kafka, which settles messages one by one, where
        the default is a consumer group; the same as ``model="message"``. One pull is then what one
        fetch brought, which may be less than there is: pull again.
        ack=False gives the messages back. If the acknowledgement fails or is interrupted, the error
        carries `.frame`. Interrupted before that, everything is given back.
        """
        n = check_count(n, "n")
        timeout, idle = check_seconds(timeout, "timeout"), check_seconds(idle, "idle")
        model = self.connection.model_for(model_of(model, share))
        check_give_back(ack, side_effects, self.capabilities.of(model))
        details = {"pull": topic, "subscription": subscription, "acknowledged": ack}
        make_frame = frame_maker(decode, attributes, expand, self.name, details)
        self._release(topic, subscription)
        consumer = self.consumer(
            topic,
            subscription,
            model=model,
            start=start,
            hold=hold,
            connect_timeout=connect_timeout,
            batch_size=n,
            **options,
        )
        pulling = Pulling(consumer, ack=ack, make_frame=make_frame, keep=partial(setattr, self, "last_pull"))
        return outcome_kept(self, partial(pulling.run, n, timeout=timeout, idle=idle), pulling.interrupted)

    def batches(
        self,
        topic: str,
        *,
        subscription: str | None = None,
        size: int = 500,
        start: Any = None,
        window: float | None = 0.5,
        idle: float | None = None,
        connect_timeout: float = 15.0,
        hold: float = 600.0,
        model: Model | None = None,
        share: bool = False,
        decode: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        **options: Any,
    ) -> Batches:
        """Batches to be acknowledged by you: ``for batch in s.batches(...): with batch: ...``

        A batch ends at `size` messages, or `window` seconds after its first. With `idle` the loop
        ends when nothing came for so many seconds and nothing is known to be left; without, it never
        does. share: as in `pull`.
        """
        size = check_count(size, "size")
        window, idle = check_seconds(window, "window"), check_seconds(idle, "idle")
        details = {"batch": topic, "subscription": subscription}
        make_frame = frame_maker(decode, attributes, expand, self.name, details)
        self._release(topic, subscription)

        open_consumer = partial(
            self.consumer,
            topic,
            subscription,
            model=model_of(model, share),
            hold=hold,
            connect_timeout=connect_timeout,
            batch_size=size,
            **options,
        )
        made = Batches(open_consumer, make_frame, start=start, size=size, window=window, idle=idle)
        self._loops[topic, subscription] = made
        return made

    # Publishing.

    def publish(
        self,
        topic: str,
        value: Any,
        *,
        key: str | bytes | None = None,
        attributes: Any = None,
        partition: int | None = None,
        publish_time: datetime | None = None,
        timeout: float | None = None,
    ) -> PublishResult:
        """Publish one message and wait for the confirmation. dict and list become JSON; str and bytes
        stay as they are. Raises PublishFailed.

        partition, publish_time: where it goes and its time (naive: UTC), on systems that take them
        (`capabilities.publish_partition`, `publish_time`); None lets the system decide.
        """
        message = message_of(value, key, attributes, partition, publish_time)
        return self._publish_all(topic, [message], timeout)[0]

    def publish_batch(
        self, topic: str, values: Sequence[Any], *, timeout: float | None = None
    ) -> list[PublishResult]:
        """Publish several values or messages. Raises PublishFailed with every outcome unless
        all were confirmed."""
        messages = messages_of(values)
        return self._publish_all(topic, messages, timeout)

    def _publish_all(
        self, topic: str, messages: Sequence[OutboundMessage], timeout: float | None
    ) -> list[PublishResult]:
        seconds = check_seconds(timeout, "timeout")
        publishing = BatchPublishing(self.shared_publisher(), topic, messages)

        def work(hold: Hold) -> list[PublishResult]:
            hold.begin()
            return publishing.run(seconds)

        return outcome_kept(self, work, publishing.interrupted)

    def publish_frame(
        self,
        topic: str,
        df: Any,
        *,
        key: str | None = None,
        kind: Kind | None = None,
        columns: Sequence[str] | None = None,
        partitions: Partitions | None = None,
        times: Times | None = None,
        dry_run: bool = False,
        resume: pd.DataFrame | None = None,
        journal: str | PathLike[str] | None = None,
        message_ids: MessageIds = "new",
        timeout: float | None = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Publish each row of a frame; returns one outcome per row and never raises for a row.

        A frame of messages (key, value, raw, attributes) goes back as it is, with the key in `raw_key`
        where `key` is NA; of any other frame each row becomes a JSON object, and `key` names the column
        whose text is the key. dry_run=True sends nothing and shows what would be sent. resume: the
        outcome frame of an earlier call for the same frame; what it confirmed is not sent again.
        journal: a file that keeps the outcomes as they come, so that the same call goes on where a process
        that was killed stopped (see `brokerkit.session.journal`). timeout: seconds per 5,000 rows.
        partitions, times: as in `copy`, for a frame of messages with the columns partition and publish_time.
        message_ids: "new" replaces an id by which the topic might drop a message that was read, and keeps
        it in the attribute ``bk-message-id``; "keep" leaves it (see `brokerkit.session.resuming`).
        """
        outbound = plan_of(df, kind, key, columns)
        check_topic(topic)
        timeout = check_seconds(timeout, "timeout")
        self._check_open()
        outbound, placing = placed(outbound, df, self, topic, partitions, times)
        if dry_run:
            return plan_shown(outbound, placing)
        with opened(journal) as kept:
            publishing = FramePublishing(
                self.shared_publisher(), topic, outbound, resume, kept, placing,
                known_again=known_again(self, topic), keep_ids=keeps_ids(message_ids),
            )  # fmt: skip

            def work(hold: Hold) -> OutcomeFrame:
                hold.begin()
                return publishing.run(timeout=timeout, progress=progress)

            return outcome_kept(self, work, publishing.interrupted)

    def copy(
        self,
        src: str,
        dst_session: DataSession,
        dst: str,
        *,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        subscription: str | None = None,
        share: bool = False,
        idle: float = 2.0,
        resume: pd.DataFrame | None = None,
        journal: str | PathLike[str] | None = None,
        partitions: Partitions | None = None,
        times: Times | None = None,
        lateness: Any = LATENESS,
        scan_for_time: bool = False,
        progress: bool = True,
        message_ids: MessageIds = "new",
    ) -> OutcomeFrame:
        """Copy the messages of a topic to a topic of any session; one outcome per message.

        Key, payload and attributes arrive as they are; what the target cannot carry travels in attributes
        whose names begin with ``bk-`` (see `brokerkit.session.copy_attributes`), and is put back by the
        next copy that can.

        partitions: "same" keeps the number of each message's partition, "key" lets the target choose by
        the key; None is "same" where both topics have as many partitions, else "key". Inside a partition
        (or a key) the order stays, except that what failed and is resumed comes behind what was stored
        after it. times: "keep" (None) keeps each message's publish_time where the target takes one, "now"
        takes the present; a time that the target would delete or refuse becomes the present too, with the
        old one in ``bk-publish-time``. A `PlacingWarning` says what differs before it is sent.

        The source is read from `start` to `end` without side effects (lateness: as in `peek`); with
        `subscription` its messages are taken instead, and acknowledged once the target confirmed them,
        until nothing came for `idle` seconds (on Kafka that takes share=True, a share group).
        A target that answers to nothing ends it after one timeout, with the outcomes of what was tried.
        resume: the outcome frame of an earlier call; what it confirmed is not copied again. journal,
        message_ids: as in `publish_frame`.
        """
        with opened(journal) as kept:
            return copy_topic(
                self,
                check_topic(src),
                dst_session,
                check_topic(dst),
                span=parse_range(start, end, lateness),
                subscription=subscription,
                share=share,
                idle=check_seconds(idle, "idle") or 0.0,
                resume=resume,
                journal=kept,
                partitions=partitions,
                times=times,
                scan_for_time=scan_for_time,
                progress=progress,
                message_ids=message_ids,
            )

    @contextmanager
    def transaction(self, transactional_id: str | None = None) -> Iterator[Transaction]:
        """Everything published inside becomes visible together, or not at all if the block raises."""
        name = transactional_id or f"brokerkit-{uuid.uuid4().hex}"
        with committed_whole(self, self.connection.publisher(transactional_id=name)) as transaction:
            yield transaction

    # Creating and deleting.

    def create_topic(self, topic: str, **options: Any) -> None:
        """Create a topic; options such as ``partitions=3`` are the system's. Raises AlreadyExists."""
        self.connection.create_topic(topic, **options)

    def create_subscription(
        self,
        topic: str,
        subscription: str,
        *,
        start: Any = "latest",
        model: Model | None = None,
        share: bool = False,
        **options: Any,
    ) -> None:
        """Create a subscription, durable consumer or group that begins at `start`. Raises AlreadyExists.

        Where producers set the times, earlier ones may come behind a time given as `start`.
        share: a share group of Kafka, as in `pull`.
        """
        self.connection.create_subscription(
            topic, subscription, start=start, model=model_of(model, share), **options
        )

    def delete_topic(self, topic: str, *, confirm: str | None = None) -> None:
        """Delete a topic with all its messages. `confirm` must be the topic's name again."""
        self.connection.refuse_if_read_only("it deletes nothing")
        if confirm != topic:
            raise ConfigError(
                f"to delete {topic!r} with all its messages, type its name again: confirm={topic!r}"
            )
        self.connection.delete_topic(topic)
