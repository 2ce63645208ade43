"""The dead letters of Kafka: ordinary topics, whose records a group remembers that were sent again."""

from __future__ import annotations

from collections.abc import Mapping

from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace, HeaderRule
from brokerkit.core.vocabulary.errors import InUse, StaleAck
from brokerkit.core.vocabulary.settled_offsets import SettledOffsets

from .connection import KafkaConnection
from .group_positions import positions_of
from .operating import refuse_members
from .options import Properties, check_c_text
from .share_letters import originals

GROUP = "brokerkit-redrive"
"""The group that remembers what was redriven, unless another one is named."""

WHAT = "remember what was redriven (or name another group, through=...)"

SPRING = HeaderRule(
    {
        "kafka_dlt-original-topic": "topic",
        "kafka_dlt-original-partition": "partition",
        "kafka_dlt-original-offset": "offset",
        "kafka_dlt-original-timestamp": "time",
        "kafka_dlt-original-consumer-group": "subscription",
        "kafka_dlt-exception-cause-fqcn": "reason",
        "kafka_dlt-exception-fqcn": "reason",
        "kafka_dlt-exception-message": "description",
        "retry_topic-attempts": "deliveries",
        "retry_topic-original-timestamp": "time",
    },
    r"kafka_dlt-.*|retry_topic-.*",
    binary=True,
)
"""Spring writes numbers as big-endian bytes. The cause is what the listener raised."""
SHARE_GROUP = HeaderRule(
    {
        "__dlq.errors.topic": "topic",
        "__dlq.errors.partition": "partition",
        "__dlq.errors.offset": "offset",
        "__dlq.errors.group": "subscription",
        "__dlq.errors.delivery.count": "deliveries",
        "__dlq.errors.message": "reason",
    },
    r"__dlq\.errors\..*",
)


class KafkaDeadLetters(DeadLettersDriver):
    """Topics of dead letters. A log keeps its records: what was redriven is remembered by a group."""

    rules = (SPRING, SHARE_GROUP)

    def __init__(self, connection: KafkaConnection, properties: Properties) -> None:
        self._connection = connection
        self._properties = properties

    def places(self, topic: str, timeout: float) -> list[DeadLetterPlace]:
        check_c_text(topic, "topic")
        self._connection.partitions(topic, Deadline(timeout))
        return []

    def place(self, name: str, timeout: float) -> DeadLetterPlace:
        check_c_text(name, "topic")
        self._connection.partitions(name, Deadline(timeout))
        return DeadLetterPlace(name, "dead letters", "position", through=GROUP)

    def restored(self, place: DeadLetterPlace, columns: Columns, timeout: float) -> Columns:
        return originals(self._connection, self._properties, columns, Deadline(timeout))

    def prepare(self, place: DeadLetterPlace, timeout: float) -> None:
        group = place.through or GROUP
        check_c_text(group, "group")
        refuse_members(group, self._connection.described_group(group, Deadline(timeout)), WHAT)

    def remembered(self, place: DeadLetterPlace, timeout: float) -> dict[int | None, SettledOffsets]:
        deadline, group = Deadline(timeout), place.through or GROUP
        check_c_text(group, "group")
        with positions_of(self._connection, self._properties, group, place.name) as positions:
            found = positions.noted(self._connection.partitions(place.name, deadline), deadline)
        return {number: SettledOffsets.read(offset, note) for number, (offset, note) in found.items()}

    def remember(
        self, place: DeadLetterPlace, settled: Mapping[int | None, SettledOffsets], timeout: float
    ) -> None:
        group = place.through or GROUP
        offsets = {number: each.next for number, each in settled.items() if number is not None}
        notes = {number: each.note for number, each in settled.items() if number is not None and each.note}
        with positions_of(self._connection, self._properties, group, place.name) as positions:
            try:
                positions.set(offsets, Deadline(timeout), notes)
            except StaleAck as error:
                refuse_members(group, self._connection.described_group(group, Deadline(timeout)), WHAT)
                raise InUse(f"group {group!r} is gaining or losing members") from error.__cause__
