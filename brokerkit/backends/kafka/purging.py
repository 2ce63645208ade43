"""Removing the records before an offset of each partition."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import TopicPartition

from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, NotSupported
from brokerkit.core.vocabulary.purging import PurgePlan

from .connection import KafkaConnection, request_seconds
from .options import log

COMPACTED = (
    "{topic!r} is compacted only (cleanup.policy=compact), and Kafka removes no records of it: publishing "
    "null with a key removes that key, or set cleanup.policy=compact,delete first"
)


class KafkaPurging(PurgingDriver):
    """A remover of records. The broker deletes their files later, but hides them at once."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection

    def check(self, plan: PurgePlan, timeout: float) -> tuple[str, ...]:
        try:
            policy = self._connection.topic_config(plan.topic, Deadline(timeout)).get("cleanup.policy", "")
        except BrokerError as error:
            # permission to delete records does not include permission to see the configuration
            log.info("the configuration of %r: %s", plan.topic, error)
            policy = ""
        if policy.strip() == "compact":
            raise NotSupported(COMPACTED.format(topic=plan.topic))
        if plan.notes:
            return (
                "a group whose position is removed goes by auto.offset.reset: with latest it goes on at the "
                "end, and skips what stays",
            )
        return ()

    def cut(self, topic: str, targets: Mapping[int | None, int], timeout: float) -> int | None:
        deadline = Deadline(timeout)
        wanted = [
            TopicPartition(topic, number, offset) for number, offset in targets.items() if number is not None
        ]
        futures = self._connection.client.delete_records(wanted, request_timeout=request_seconds(deadline))
        problem: BrokerError | None = None
        for each, future in futures.items():
            try:
                self._connection.wait(future, deadline, f"deleting records of partition {each.partition}")
            except BrokerError as error:
                problem = error
        if problem is not None:
            raise problem
        return None
