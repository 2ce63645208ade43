"""The methods of a session that send messages: publish, copy, transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.arguments import check_seconds
from brokerkit.core.vocabulary.interrupts import Hold
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.protocols import PositionLike
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.core.vocabulary.windows import LATENESS
from brokerkit.frames.codecs.framing import FramingName
from brokerkit.frames.outbound import Kind
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.frames.provenance import source_of

from ..arguments import MessageIds, check_topic, keeps_ids
from ..base import BrokerSession
from ..interrupted import outcome_kept
from ..masks import refuse_unless_unmasked
from ..read.ranges import parse_range
from .batch import BatchPublishing
from .copy_topic import CopyOptions, copy_topic
from .frame import FramePublishing, plan_of
from .frame_placement import placed, plan_shown
from .journal import opened
from .messages import message_of, messages_of
from .pace import check_rate
from .placement import Partitions, Times
from .resending import known_again
from .schema_choice import Schema, payload_writer, when_json
from .transaction import Transaction, committed_whole

if TYPE_CHECKING:
    import pandas as pd


class PublishingSession(BrokerSession):
    """A session that publishes and copies messages."""

    def publish(
        self,
        topic: str,
        value: Any,
        *,
        key: str | bytes | None = None,
        attributes: Any = None,
        partition: int | None = None,
        publish_time: datetime | None = None,
        schema: Schema | None = None,
        framing: FramingName | None = None,
        format: str | None = None,
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
            schema: Write the value with a schema: True for the topic's own (the newest of ``TOPIC-value``), a
                subject of the registry such as ``"orders-value"``, or a version as ``"orders-value:3"``, an
                id, or ``brokerkit.avro(...)`` or ``brokerkit.protobuf(...)``; ``brokerkit.protobuf(message=
                "Order")`` is that message of the topic's own. Bytes may be base64 text, and times ISO 8601.
                False says that JSON is meant. None writes JSON too, and a `SchemaIgnoredWarning` says once
                if the topic has a schema.
            framing: How the payload names the schema: "confluent" (an id in front), "headers" (the same id
                in a header), "apicurio" (Apicurio's headers), "single-object" (Avro's own, the fingerprint of
                the schema in front) or "bare" (not at all). None does as the newest message of the topic,
                which is peeked at, and as "confluent" where there is none.
            format: "msgpack" or "cbor", which have no schemas.
            timeout: Seconds to wait for the confirmation; None is 30.

        Raises:
            ConfigError: The value does not fit the schema, or there is no such schema.
            PublishFailed: The message was not confirmed.
            TypeError: The value has another type.
            NotSupported: The system cannot send what was asked for, or the session is read-only.
        """
        writer = payload_writer(self, check_topic(topic), schema, framing, format)
        on_json = when_json(self, topic, writer or schema)
        message = message_of(value, key, attributes, partition, publish_time, writer, on_json)
        return self._publish_all(topic, [message], timeout)[0]

    def publish_batch(
        self,
        topic: str,
        values: Sequence[Any],
        *,
        schema: Schema | None = None,
        framing: FramingName | None = None,
        format: str | None = None,
        timeout: float | None = None,
    ) -> list[PublishResult]:
        """Publish several values or messages, wait until the broker confirms them, and return the results.

        Args:
            topic: The name of the topic.
            values: Payloads as in `publish`, or `OutboundMessage` objects, which are sent as they are.
            schema, framing, format: As in `publish`.
            timeout: Seconds to wait for the confirmations; None is 30.

        Raises:
            ConfigError: A value does not fit the schema; nothing was sent.
            PublishFailed: Not all messages were confirmed; the error has every result.
        """
        writer = payload_writer(self, check_topic(topic), schema, framing, format)
        messages = messages_of(values, writer, when_json(self, topic, writer or schema))
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
        schema: Schema | None = None,
        framing: FramingName | None = None,
        format: str | None = None,
        dry_run: bool = False,
        resume: pd.DataFrame | None = None,
        journal: str | PathLike[str] | None = None,
        message_ids: MessageIds = "new",
        rate: float | None = None,
        timeout: float | None = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Publish each row of a frame, and return an `OutcomeFrame` with one row for each.

        A row that fails does not raise; its outcome says so.

        A frame of messages (key, value, raw, attributes) is published as it was read, with the key from
        `raw_key` where `key` is NA. Of any other frame, each row becomes a JSON object.

        Args:
            topic: The name of the topic.
            df: The frame, or the rows of a file as `brokerkit.read_rows` returns them.
            key, columns: For a frame that is not one of messages, the column whose text is the key, and the
                columns to publish.
            kind: "messages" or "rows"; None decides by the columns of the frame.
            partitions, times: As in `copy`, for a frame of messages with the columns partition and
            publish_time.
            schema, framing, format: As in `publish`. The fields are the columns, or for messages the column
                `value`: structs, objects or JSON text. A row that does not fit is a failed outcome with the
                path; nothing of it is sent. The outcome's ``attrs["brokerkit"]["schema"]`` says what was
                used.
            dry_run: Send nothing, and return a frame of the messages that would be sent.
            resume: The outcome frame of an earlier call for the same frame. Rows that it confirmed are not
                sent again. Those that it does not know are sent again only where the topic surely stores
                them once; an `UnknownRowsWarning` counts those that are left.
            journal: A file that records outcomes as they come. If the process is killed, the same call
                continues where it stopped (see `brokerkit.session.publish.journal`).
            message_ids: A message that was read has an id, by which the topic might drop it as a duplicate.
                "new" sends it under a new id and keeps the old one in the attribute ``bk-message-id``. "keep"
                sends it under its own (see `brokerkit.session.publish.resending`).
            rate: How many rows a second are sent at most; None sends them as fast as they are confirmed.
            timeout: Seconds for each part of the frame: 5,000 rows, or more while parts take less than 0.1 s.
            progress: Show a progress bar.

        Raises:
            ConfigError: The frame or an argument cannot be used.
            NotSupported: The system cannot send what was asked for.
            Interrupted: Ctrl-C was pressed; `.frame` has the outcomes so far.
        """
        check_topic(topic)
        timeout = check_seconds(timeout, "timeout")
        rate = check_rate(rate)
        self._check_open()
        writer = payload_writer(self, topic, schema, framing, format)
        label = None if writer is None else writer.label
        outbound = plan_of(df, kind, key, columns, writer)
        if outbound.as_json:
            when_json(self, topic, schema)()
        outbound, placement = placed(outbound, df, self, topic, partitions, times)
        if dry_run:
            return plan_shown(outbound, placement, label)
        with opened(journal) as kept:
            publishing = FramePublishing(
                self.shared_publisher(), topic, outbound, resume, kept, placement,
                known_again=known_again(self, topic), keep_ids=keeps_ids(message_ids), schema=label,
                elsewhere=source_of(df) != self.name,
            )  # fmt: skip

            def work(hold: Hold) -> OutcomeFrame:
                hold.begin()
                return publishing.run(timeout=timeout, progress=progress, rate=rate)

            return outcome_kept(self, work, publishing.interrupted)

    def copy(
        self,
        src: str,
        dst_session: BrokerSession,
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
        unmask: bool = False,
    ) -> OutcomeFrame:
        """Copy the messages of a topic to a topic of any session, and return one outcome per message.

        Key, payload and attributes arrive as they are. What the target cannot carry is put into attributes
        whose names begin with ``bk-`` (see `brokerkit.session.publish.copy_attributes`); the next copy to a
        target that can carry it puts it back. The source is read from `start` to `end` without side effects.
        With `subscription`, its messages are taken instead, and acknowledged once the target confirmed them.
        If the target does not answer, the copy ends after one timeout, with the outcomes so far.

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
            unmask: Copy messages as they are although the session has a mask, which is refused otherwise.

        Raises:
            ConfigError: An argument cannot be used.
            NotSupported: The session has a mask, the source cannot be read, or the target cannot be
                published to, as asked.
            Interrupted: Ctrl-C was pressed; `.frame` has the outcomes so far.
        """
        refuse_unless_unmasked(self.mask, unmask, "copy passes messages on as they are")
        with opened(journal) as kept:
            src, dst = check_topic(src), check_topic(dst)
            given = CopyOptions(
                parse_range(start, end, lateness),
                subscription,
                share,
                check_seconds(idle, "idle") or 0.0,
                resume,
                partitions,
                times,
                scan_for_time,
                progress,
                message_ids,
            )
            return copy_topic(self, src, dst_session, dst, given, kept)

    @contextmanager
    def transaction(self, transactional_id: str | None = None) -> Iterator[Transaction]:
        """Return a context manager for a `Transaction`.

        Everything published inside becomes visible together, or not at all if the block raises or a message
        fails. Kafka refuses a whole batch because of one message, and nothing of an aborted transaction can
        be sent again: the outcome names the message at fault where the topic's configuration tells, and
        otherwise how many it may be::

            with s.transaction() as tx:
                tx.publish("orders", {"id": 1})

        Args:
            transactional_id: A name that identifies the publisher across restarts; None makes one up.
        """
        name = transactional_id or f"brokerkit-{uuid.uuid4().hex}"
        with committed_whole(self, self.connection.publisher(transactional_id=name)) as transaction:
            yield transaction
