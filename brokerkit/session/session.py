"""The methods of a session: look, take, publish and copy."""

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

from .arguments import (
    MAX_BYTES,
    MaxBytesWarning,
    MessageIds,
    check_bytes,
    check_topic,
    keeps_ids,
    model_of,
    topic_names,
)
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
    """A session without widgets: topics, frames and publishing on one broker."""

    # Looking.

    def topics(self, *, internal: bool = False) -> pd.DataFrame:
        """Return all topics as a frame, one row each.

        Args:
            internal: Include the broker's own topics.
        """
        return topics_frame([info for info in self.inspector.topics() if internal or not info.internal])

    def describe(self, topic: str) -> Description:
        """Return the partitions of a topic with their bounds, and its subscriptions or groups with their lag.

        Raises:
            NotFound: There is no such topic.
        """
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
        max_bytes: int | None = MAX_BYTES,
    ) -> pd.DataFrame:
        """Return messages of a topic without any side effect: the newest `limit`, or the first from `start`.

        Rows are oldest first. `last_read` says how many messages were read and why the peek stopped.

        Args:
            topic: The name of the topic.
            limit: At most so many rows.
            start: Where the range begins: "earliest", "latest", an offset, a negative offset counted from the
                end, a time, or ``{partition: position}``. None is the earliest message.
            end: Where the range ends, written like `start`; exclusive.
            newest: Return the newest of the range, not the first. None does so unless there is a `start`.
            partitions: Only these partitions.
            key: Only messages with this key.
            header: Only messages that have a header of this name, or match ``{name: value}``.
            where: Only messages whose payload contains this text, or for which this function of the value, or
                this Arrow expression over the frame's columns, is true.
            decode: "auto", "json", "text", "raw", or a decoder; see `brokerkit.decoder`.
            expand: Add a column for each field of JSON values; see `brokerkit.expand`.
            attributes: Read the headers. False leaves them out, which is faster.
            lateness: Where producers set the times, a message may be stored behind later ones. Search past a
                time range for this long: "15min", a timedelta or seconds. None searches everywhere.
            scan_for_time: Where the system cannot find a time by itself, read the topic through to find it.
            side_effects: How to look where side effects cannot be avoided (Pub/Sub). "give back" takes the
                next messages of `subscription` and gives them back, which raises their delivery counts.
                "temporary subscription" reads from `start` through a new subscription, and deletes it.
            subscription: The subscription for ``side_effects="give back"``.
            max_bytes: At most so many bytes of rows, but at least one row; None sets no limit. If more were
                wanted, a `MaxBytesWarning` says so. With several partitions each has a share.

        Raises:
            ConfigError: An argument cannot be used.
            NotFound: There is no such topic or partition.
            NotSupported: The system cannot do this, for example find a time without `scan_for_time`.
            Interrupted: Ctrl-C was pressed; `.frame` has the rows so far.
        """
        limit, max_bytes = check_count(limit, "limit"), check_bytes(max_bytes)
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
                max_bytes=max_bytes,
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
            max_bytes=max_bytes,
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
        if peek.report.stopped == "at max_bytes":
            note(
                f"the peek of {topic!r} ends at max_bytes={max_bytes:,} with {len(found):,} rows: for others "
                "use start= or end=, raise max_bytes=, or scan the topic to a file with to_parquet",
                MaxBytesWarning,
            )
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
        max_bytes: int | None = MAX_BYTES,
    ) -> Peek:
        """Return a `peek` that has read nothing yet, so that it can be stopped and continued.

        The arguments are those of `peek`.
        """
        builder = FrameBuilder(decode, attributes, expanding=expand)
        wanted = wanted_rows(key, header, where, builder.schema, attributes)
        planner = self.planner(scan_for_time)
        return Peek(
            self.inspector, planner, builder, wanted, limit=limit, max_bytes=max_bytes, attributes=attributes
        )

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
        """Plan to read a range of one or several topics.

        Nothing is read until you call a method of the scan. The end is fixed now: messages that are published
        later are not part of the scan. Rows are in order within a slice only.

        Args:
            topic: The name of a topic, or several names.
            start, end: The ends of the range, as in `peek`.
            partitions, key, header, where: Which messages to read, as in `peek`.
            limit: At most so many rows; None reads all.
            decode, expand: As in `peek`.
            attributes: Read the headers. False leaves them out, which is faster.
            slice_rows: About how many messages each slice holds: one Parquet file, one dask partition.
            lateness, scan_for_time: How to find times, as in `peek`.
            progress: Show a progress bar.

        Raises:
            ConfigError: An argument cannot be used.
            NotFound: There is no such topic or partition.
            NotSupported: The system cannot read a range, or cannot find a time without `scan_for_time`.
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
        """Read the rows of a frame again from the broker, in the order of the frame.

        Rows are found by their topic, partition and offset. Rows that were deleted since are left out, with a
        warning.

        Args:
            df: A frame of messages.
            decode: How to decode payloads; None decodes as the frame was decoded.
            expand: As in `peek`.

        Raises:
            NotSupported: The system cannot read messages again.
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
        max_bytes: int | None = MAX_BYTES,
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

        It returns when there are `n` rows or `max_bytes`, when no message came for `idle` seconds after the
        first, or after `timeout` seconds. Where the broker says how many messages are left (Kafka's groups,
        JetStream, in memory), `idle` does not end the pull before those have come.
        ``frame.attrs["brokerkit"]["stopped"]`` says why it ended.

        Once acknowledged, messages are delivered at most once: if you lose the frame, they are gone for this
        subscription. `last_pull` keeps the last frame; use `batches` to acknowledge after the work is done.
        If a pull is interrupted before it acknowledges, all its messages are given back.

        Args:
            topic: The name of the topic.
            n: At most so many messages.
            subscription: The subscription, durable consumer or group to take from.
            start: Where to create the subscription if it does not exist; None raises NotFound instead. If it
                exists, `start` has no effect, and a `StartIgnoredWarning` says so. A time means the first
                message at or after it, and everything stored behind that, also with earlier times.
            ack: Acknowledge the messages. False gives them back.
            max_bytes: At most so many bytes of keys, payloads and headers, but at least one message; None
                sets no limit. The next pull goes on with what did not fit.
            timeout: Seconds to wait in all, counted from when the subscription is attached.
            idle: Seconds to wait for another message after the first.
            connect_timeout: Seconds to wait until the subscription is attached.
            hold: Seconds for which the messages are kept for this session.
            model: "message" or "record", where the system has both. None is the system's first.
            share: Join a share group of Kafka, which settles messages one by one, and not a consumer group.
                The same as ``model="message"``. A pull may return fewer messages than there are: pull again.
            side_effects: "give back" accepts that ``ack=False`` counts as a delivery, where the system counts
                deliveries and may move messages to a dead-letter topic.
            decode, expand: As in `peek`.
            attributes: Keep the headers as a column.
            **options: Options of the system's consumer.

        Raises:
            NotFound: There is no such topic or subscription.
            NotSupported: The session is read-only, or the system has no such model.
            AckFailed: Messages could not be acknowledged; the error has `.frame`.
            Interrupted: Ctrl-C was pressed during the acknowledgement; the error has `.frame`.
        """
        n, max_bytes = check_count(n, "n"), check_bytes(max_bytes)
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
        run = partial(pulling.run, n, timeout=timeout, idle=idle, max_bytes=max_bytes)
        return outcome_kept(self, run, pulling.interrupted)

    def batches(
        self,
        topic: str,
        *,
        subscription: str | None = None,
        size: int = 500,
        max_bytes: int | None = MAX_BYTES,
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
        """Iterate over batches of messages that you acknowledge yourself::

            for batch in s.batches("orders", subscription="billing"):
                with batch:
                    work(batch.frame)

        Args:
            topic, subscription, start: As in `pull`.
            size: A batch ends at so many messages.
            max_bytes: A batch ends before it has more bytes of keys, payloads and headers than this, but has
                at least one message; None sets no limit. The next batch goes on; `Batch.ended` says why.
            window: A batch ends so many seconds after its first message.
            idle: End the loop when no message came for so many seconds and no more are known to be left. None
                never ends it.
            connect_timeout, hold, model, share, decode, expand, attributes: As in `pull`.
            **options: Options of the system's consumer.
        """
        size, max_bytes = check_count(size, "size"), check_bytes(max_bytes)
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
        made = Batches(
            open_consumer,
            make_frame,
            start=start,
            size=size,
            max_bytes=max_bytes,
            window=window,
            idle=idle,
        )
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
        """Publish one message, wait until the broker confirms it, and return the result.

        Args:
            topic: The name of the topic.
            value: The payload. A dict or list is written as JSON; str and bytes are sent as they are.
            key: The key of the message.
            attributes: The headers of the message.
            partition: The partition, where `capabilities.publish_partition`. None lets the system choose.
            publish_time: The time of the message, where `capabilities.publish_time`; without a zone it is
                UTC. None lets the system set it.
            timeout: Seconds to wait for the confirmation; None is 30.

        Raises:
            PublishFailed: The message was not confirmed.
            TypeError: The value has another type.
            NotSupported: The system cannot send what was asked for, or the session is read-only.
        """
        message = message_of(value, key, attributes, partition, publish_time)
        return self._publish_all(topic, [message], timeout)[0]

    def publish_batch(
        self, topic: str, values: Sequence[Any], *, timeout: float | None = None
    ) -> list[PublishResult]:
        """Publish several values or messages, wait until the broker confirms them, and return the results.

        Args:
            topic: The name of the topic.
            values: Payloads as in `publish`, or `OutboundMessage` objects.
            timeout: Seconds to wait for the confirmations; None is 30.

        Raises:
            PublishFailed: Not all messages were confirmed; the error has every result.
        """
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
        """Publish each row of a frame, and return an `OutcomeFrame` with one row for each.

        A row that fails does not raise; its outcome says so.

        A frame of messages (key, value, raw, attributes) is published as it was read, with the key from
        `raw_key` where `key` is NA. Of any other frame, each row becomes a JSON object.

        Args:
            topic: The name of the topic.
            df: The frame.
            key, columns: For a frame that is not one of messages, the column whose text is the key, and the
                columns to publish.
            kind: "messages" or "rows"; None decides by the columns of the frame.
            partitions, times: As in `copy`, for a frame of messages with the columns partition and
            publish_time.
            dry_run: Send nothing, and return a frame of the messages that would be sent.
            resume: The outcome frame of an earlier call for the same frame. Rows that it confirmed are not
                sent again.
            journal: A file that records outcomes as they come. If the process is killed, the same call
                continues where it stopped (see `brokerkit.session.journal`).
            message_ids: A message that was read has an id, by which the topic might drop it as a duplicate.
                "new" sends it under a new id and keeps the old one in the attribute ``bk-message-id``. "keep"
                sends it under its own (see `brokerkit.session.resuming`).
            timeout: Seconds for each 5,000 rows.
            progress: Show a progress bar.

        Raises:
            ConfigError: The frame or an argument cannot be used.
            NotSupported: The system cannot send what was asked for.
            Interrupted: Ctrl-C was pressed; `.frame` has the outcomes so far.
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
        """Copy the messages of a topic to a topic of any session, and return one outcome per message.

        Key, payload and attributes arrive as they are. What the target cannot carry is put into attributes
        whose names begin with ``bk-`` (see `brokerkit.session.copy_attributes`); the next copy to a target
        that can carry it puts it back. The source is read from `start` to `end` without side effects. With
        `subscription`, its messages are taken instead, and acknowledged once the target confirmed them. If
        the target does not answer, the copy ends after one timeout, with the outcomes so far.

        Args:
            src: The topic to copy from.
            dst_session: The session to copy to. It may be this one.
            dst: The topic to copy to.
            start, end: The ends of the range, as in `peek`.
            subscription: Take the messages of this subscription. On Kafka this needs ``share=True``.
            share: The subscription is a share group of Kafka, as in `pull`.
            idle: With `subscription`, end when no message came for so many seconds.
            resume: The outcome frame of an earlier call. Messages that it confirmed are not copied again.
            journal, message_ids: As in `publish_frame`.
            partitions: "same" keeps the partition number of each message; "key" lets the target choose by the
                key. None is "same" if both topics have as many partitions, otherwise "key". Within a
                partition (or a key) order is kept, except that messages which are resumed come later.
            times: "keep" (None) keeps the publish time of each message where the target takes one; "now" uses
                the present. A time that the target would refuse, or delete at once, becomes the present,
                and is kept in ``bk-publish-time``. A `PlacingWarning` says what differs before sending.
            lateness, scan_for_time: How to find times, as in `peek`.
            progress: Show a progress bar.

        Raises:
            ConfigError: An argument cannot be used.
            NotSupported: The source cannot be read, or the target cannot be published to, as asked.
            Interrupted: Ctrl-C was pressed; `.frame` has the outcomes so far.
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
        """Return a context manager for a `Transaction`.

        Everything published inside becomes visible together, or not at all if the block raises::

            with s.transaction() as tx:
                tx.publish("orders", {"id": 1})

        Args:
            transactional_id: A name that identifies the publisher across restarts; None makes one up.
        """
        name = transactional_id or f"brokerkit-{uuid.uuid4().hex}"
        with committed_whole(self, self.connection.publisher(transactional_id=name)) as transaction:
            yield transaction
