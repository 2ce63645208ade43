"""A consumer that takes messages as a member of a share group (KIP-932) and settles them one by one.

librdkafka delivers the next messages only when those before are settled, and it cannot extend a lock. A
member that does not fetch messages blocks its partitions for other members. Therefore an idle member leaves
the group and joins it again for the next fetch.
"""

from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Sequence
from typing import Any

from confluent_kafka import (
    AcknowledgeType,
    IllegalStateException,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from brokerkit.core.contract.background import close_with_timeout
from brokerkit.core.contract.consumer import ConsumerRequest, Fetched, MessageDriver, Outcome
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, GivenUpWarning, LockLost, NotSupported, Unavailable
from brokerkit.core.vocabulary.positions import Position
from brokerkit.core.vocabulary.secrets import revealed

from .clients import ShareConsumer
from .codec import split_errors, to_columns
from .connection import ANSWER_SECONDS, KafkaConnection
from .errors import AUTHENTICATION, codes, translating
from .options import Properties, log, passed_through
from .share_groups import DELIVERIES, NEEDED, begin_share_group, find_share_group, forget_share_group
from .watch import Watch

SETTLE_SECONDS = 10.0
LEAVE_SECONDS = 1.0
IDLE_SECONDS = 2.0
"""Seconds without a fetch after which a member without unsettled messages leaves the group."""
SHOWN = 5
"""Most messages that a warning lists."""
STATISTICS_MS = 200
FORGOTTEN = codes("GROUP_ID_NOT_FOUND", "UNKNOWN_MEMBER_ID", "FENCED_MEMBER_EPOCH")
"""Errors after which a client is unusable but its group continues, as after its coordinator was killed."""
NOT_SHARED = frozenset({
    "allow.auto.create.topics", "enable.auto.commit", "fetch.error.backoff.ms", "fetch.queue.backoff.ms",
    "group.instance.id", "group.protocol", "group.protocol.type", "group.remote.assignor",
    "heartbeat.interval.ms", "isolation.level", "message.copy.max.bytes", "partition.assignment.strategy",
    "queued.max.messages.kbytes", "queued.min.messages", "session.timeout.ms", "socket.max.fails",
    "topic.blacklist",
})  # fmt: skip
"""Properties of a connection that a share consumer does not accept."""

Receipt = tuple[int, int]
"""A (partition, offset) pair."""

_TYPES = {
    Outcome.ACK: AcknowledgeType.ACCEPT,
    Outcome.NACK: AcknowledgeType.RELEASE,
    Outcome.REJECT: AcknowledgeType.REJECT,
}


class KafkaShareConsumer(MessageDriver):
    """A member of a share group that reads one topic."""

    def __init__(self, connection: KafkaConnection, properties: Properties, request: ConsumerRequest) -> None:
        assert request.subscription is not None
        self._connection = connection
        self._topic = request.topic
        self._group = request.subscription
        self._watch = Watch.of(properties)
        self._settings: Properties = {
            "fetch.wait.max.ms": 100,
            # messages beyond the batch would be returned, which counts as a delivery
            **({} if request.batch_size is None else {"max.poll.records": request.batch_size}),
            **{name: value for name, value in properties.items() if name not in NOT_SHARED},
            **passed_through(request.options),
            "group.id": self._group,
            "share.acknowledgement.mode": "explicit",
            "statistics.interval.ms": STATISTICS_MS,
            "stats_cb": self._on_statistics,
            "error_cb": self._watch,
        }
        self._client: ShareConsumer | None = None
        self._ready = False
        self._fetching = False
        self._placed = False
        self._created = False
        self._spare: list[Message] = []
        self._deliveries = 0
        self._held: dict[Receipt, int] = {}
        self._locked_until = 0.0
        self._wanted_at = 0.0
        self._woken = threading.Event()

    def attach(self, wait: float) -> bool:
        self._find_group()
        self._spare = self._poll(wait)
        return self._fetching or bool(self._spare)

    def _find_group(self) -> None:
        """Look up how the group is configured, if it is not known."""
        if self._ready:
            return
        deadline = Deadline(ANSWER_SECONDS)
        settings = find_share_group(self._connection, self._topic, self._group, deadline)
        self.lock_seconds = settings.lock_seconds
        self._deliveries = settings.deliveries
        self._placed = settings.start == "earliest"
        self._ready = True

    def create_subscription(self, start: Position, timeout: float) -> None:
        begin_share_group(self._connection, self._group, start, Deadline(timeout))
        self._created = True

    def _on_statistics(self, text: str) -> None:
        """Note that the first fetch was sent, which is the only sign that this member has joined."""
        if not self._fetching:
            brokers = json.loads(text)["brokers"].values()
            self._fetching = any(broker["req"].get("ShareFetch") for broker in brokers)

    def _opened(self) -> ShareConsumer:
        if self._client is None:
            self._fetching = False
            with translating("opening the share consumer"):
                client = ShareConsumer(revealed(self._settings))
            client.subscribe([self._topic])
            self._client = client
        return self._client

    def _poll(self, wait: float) -> list[Message]:
        """Return the messages that arrive within `wait` seconds. They are locked for this member."""
        self._wanted_at = time.monotonic()
        try:
            found = list(self._opened().poll(wait))
        except KafkaException as error:
            raise self._problem(error.args[0]) from error
        messages, errors = split_errors(found)
        for each in errors:
            self._note(each)
        if messages:
            self._watch.forget()
            self._wanted_at = time.monotonic()
            self._locked_until = self._wanted_at + (self.lock_seconds or 0.0)
            self._held = {_receipt(message): message.delivery_count() or 1 for message in messages}
        else:
            self._watch.raise_if_refused()
        return messages

    def _problem(self, error: KafkaError) -> BrokerError:
        """Return an error of reading as a `BrokerError`.

        If the broker has forgotten this member, close the client, so that the next fetch joins again.
        """
        what = f"reading {self._topic!r} as share group {self._group!r}"
        if error.fatal() and error.code() in FORGOTTEN:
            # the client is unusable, and the broker delivers its locked messages again
            self._leave(LEAVE_SECONDS)
            self._ready = False
            return Unavailable(f"{what}: the broker forgot this member, which joins again: {error.str()}")
        problem = self._watch.translate(error, what)
        if not isinstance(problem, NotSupported):
            return problem
        if self._created:
            forget_share_group(self._connection, self._group, Deadline(ANSWER_SECONDS))
        return NotSupported(f"{problem}; {NEEDED}")

    def _note(self, message: Message) -> None:
        """Handle an error that arrived as a message."""
        error = message.error()
        assert error is not None
        if error.fatal() or error.code() in AUTHENTICATION:
            raise self._problem(error)
        log.info("reading %r as share group %r: %s", self._topic, self._group, error)
        receipt = _receipt(message)
        if min(receipt) >= 0:
            # a message that cannot be read must be settled like any other
            self._acknowledge([receipt], AcknowledgeType.RELEASE)

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        if self._held and not self._spare:
            self._wanted_at = time.monotonic()
            if self._wanted_at < self._locked_until:
                self._woken.wait(wait)
                self._woken.clear()
                return Fetched(Columns.empty())
            self._let_go()
        self._find_group()
        messages, self._spare = self._spare, []
        messages = messages or self._poll(wait)
        if not messages:
            return Fetched(Columns.empty())
        return Fetched(to_columns(messages, self._topic, counted=True), list(map(_receipt, messages)))

    def wake(self) -> None:
        self._woken.set()

    def idle(self) -> None:
        # a group that starts at the end and has settled nothing would start at a later end next time
        if self._placed and not self._held and time.monotonic() > self._wanted_at + IDLE_SECONDS:
            self._leave(LEAVE_SECONDS)

    # Settling.

    def settle(
        self, receipts: Sequence[Receipt], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> list[BaseException | None]:
        self._wanted_at = time.monotonic()
        lost = self._acknowledge(receipts, _TYPES[outcome])
        if outcome is Outcome.NACK:
            self._warn_of_last_deliveries(receipts)
        for receipt in receipts:
            self._held.pop(receipt, None)
        failed = self._commit({partition for partition, _ in receipts})
        self._placed = self._placed or not failed
        return [lost.get(each) or failed.get(each[0]) for each in receipts]

    def _acknowledge(self, receipts: Sequence[Receipt], kind: AcknowledgeType) -> dict[Receipt, LockLost]:
        """Mark messages for the next commit, and return errors for those whose lock was lost."""
        client = self._opened()
        lost = {}
        for partition, offset in receipts:
            try:
                client.acknowledge_offset(self._topic, partition, offset, kind)
            except IllegalStateException as error:
                lost[partition, offset] = LockLost(f"offset {offset} of partition {partition}: {error}")
        return lost

    def _warn_of_last_deliveries(self, receipts: Sequence[Receipt]) -> None:
        last = sorted(each for each in receipts if self._held.get(each, 0) >= self._deliveries)
        if last:
            shown = ", ".join(f"{partition}-{offset}" for partition, offset in last[:SHOWN])
            warnings.warn(
                f"{len(last)} messages of {self._topic!r} were returned after {self._deliveries} "
                f"deliveries: share group {self._group!r} does not get them again ({DELIVERIES}): {shown}"
                f"{', ...' if len(last) > SHOWN else ''}. They are still in the topic, for peek and scan",
                GivenUpWarning,
                stacklevel=2,
            )

    def _commit(self, partitions: set[int]) -> dict[int, BaseException]:
        """Commit what was marked, wait for the broker, and return the errors by partition."""
        what = f"settling messages for share group {self._group!r}"
        try:
            answers: dict[TopicPartition, Any] = self._opened().commit_sync(SETTLE_SECONDS)
        except KafkaException as error:
            return dict.fromkeys(partitions, self._watch.translate(error, what))
        return {
            each.partition: self._watch.translate(error, what)
            for each, error in answers.items()
            if error is not None
        }

    def _let_go(self) -> None:
        """Release messages whose locks have expired. The broker delivers them to any member."""
        self._warn_of_last_deliveries(list(self._held))
        lapsed, self._held = self._held, {}
        self._acknowledge(sorted(lapsed), AcknowledgeType.RELEASE)
        # the broker refuses, as expected
        self._commit(set())

    def _leave(self, timeout: float) -> None:
        client, self._client = self._client, None
        self._spare.clear()
        self._held.clear()
        if client is not None:
            # closing takes long after the broker was killed, and continues in the background
            close_with_timeout(client.close, timeout, "close")

    def close(self, timeout: float) -> None:
        self._leave(timeout)

    @property
    def native(self) -> Any:
        """The `confluent_kafka.ShareConsumer`, while it is in the group."""
        return self._client


def _receipt(message: Message) -> Receipt:
    """Return the partition and offset of a message, -1 for those that an error does not include."""
    partition, offset = message.partition(), message.offset()
    return -1 if partition is None else partition, -1 if offset is None else offset
