"""Queries to the cluster, each bounded by a timeout: topics, offsets, groups and configuration."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from brokerkit.core.contract.background import submit
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, InUse, NotFound, Unauthorized, Unavailable
from brokerkit.core.vocabulary.secrets import revealed
from brokerkit.core.vocabulary.topics import Bounds

from .clients import AdminClient
from .errors import kafka_error
from .options import Properties, check_c_text, log
from .tokens import TokenSource
from .watch import Watch

T = TypeVar("T")
_SPEC: Any = OffsetSpec

WAIT_SLICE = 0.1
ANSWER_SECONDS = 10.0
"""Seconds that the broker may take to answer one question."""
RETRY_SECONDS = 0.1
LEADER_SECONDS = 5.0
"""How long to wait for a partition without a leader, in seconds."""
NEWS_SECONDS = 1.0
"""How long to ask for a topic that one of several brokers does not know: each hears of it in its own time."""
ATTEMPT_SECONDS = 4.0
"""How long to wait for an answer, at first, before it is looked up again which broker to ask: the one that
was asked may have just died."""
LONGER = 1.5
"""How much longer to wait for each further attempt."""
SOME_TOPIC = "__consumer_offsets"
"""The topic that a ping looks up. The answer is short, even if the topic does not exist yet."""
Offsets = dict[tuple[str, int], int]
"""An offset for each topic and partition."""


class GroupSetting(NamedTuple):
    """An entry of a group's configuration.

    Attributes:
        value: The value, as text.
        chosen: Whether the value was set for this group, rather than being a default.
    """

    value: str
    chosen: bool


class KafkaConnection:
    """The admin client of a connection.

    It may be used from any thread. A query creates nothing on the broker.
    """

    def __init__(self, properties: Properties) -> None:
        self.watch = Watch.of(properties)
        if isinstance(tokens := properties.get("oauth_cb"), TokenSource):
            tokens.prepare(str(properties.get("sasl.oauthbearer.config", "")))
        # else it would wait for a group's coordinator that it gave up with all brokers (librdkafka #5511)
        settings: Properties = {"metadata.recovery.strategy": "none", **properties, "error_cb": self.watch}
        self.client = AdminClient(revealed(settings))

    def wait(self, future: Future[T], deadline: Deadline, what: str) -> T:
        """Wait for an answer and return it.

        Args:
            future: The pending answer.
            deadline: When to stop waiting.
            what: A description of the query, for error messages.

        Raises:
            Unauthorized: The broker refused the credentials; raised at once.
            Unavailable: There was no answer before the deadline.
        """
        while True:
            try:
                answer = future.result(deadline.slice(WAIT_SLICE))
            except TimeoutError as waited:
                # librdkafka calls its error and log callbacks only from poll
                self.client.poll(0)
                self.watch.raise_if_refused()
                if deadline.passed:
                    raise self.watch.unavailable(what) from waited
            except KafkaException as error:
                self.client.poll(0)
                self.watch.raise_if_refused()
                problem = self.watch.translate(error, what)
                found = kafka_error(error)
                if found is not None and found.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):
                    problem = self.watch.unavailable(what)
                raise problem from problem.__cause__
            else:
                self.watch.forget()
                return answer

    def call(self, question: Callable[[], Future[T]], deadline: Deadline, what: str) -> T:
        """Ask a question, and repeat it while the broker reports an error that can be retried.

        See `wait` for the arguments and the errors raised.
        """
        while True:
            try:
                return self.wait(question(), deadline, what)
            except BrokerError as error:
                if not error.retryable or deadline.remaining() <= RETRY_SECONDS:
                    raise
            # the coordinator has just started, or the partition is changing its leader
            time.sleep(RETRY_SECONDS)

    def call_again(self, question: Callable[[float], Future[T]], deadline: Deadline, what: str) -> T:
        """Ask a question of any broker, and ask another one if the first does not answer soon.

        One of several brokers that does not know a topic is asked again: it may not have heard of a new one.

        Args:
            question: Asks it, with the timeout of the request in seconds.
            deadline: When to stop waiting.
            what: A description of the query, for error messages.
        """
        seconds = ATTEMPT_SECONDS
        news = Deadline(min(NEWS_SECONDS, deadline.remaining()))
        while True:
            attempt = Deadline(min(seconds, deadline.remaining()))
            try:
                return self.wait(question(request_seconds(attempt)), attempt, what)
            except NotFound:
                if news.passed or len(self._metadata(SOME_TOPIC, deadline, what).brokers) == 1:
                    raise
            except BrokerError as error:
                if not error.retryable or deadline.remaining() <= RETRY_SECONDS:
                    raise
                seconds *= LONGER
            time.sleep(RETRY_SECONDS)

    def ping(self, timeout: float) -> None:
        """Make one round trip to the cluster."""
        self._metadata(SOME_TOPIC, Deadline(timeout), "connecting")

    def topics(self, timeout: float) -> dict[str, Any]:
        """Return the cluster's metadata of all topics, by name."""
        found: dict[str, Any] = self._metadata(None, Deadline(timeout), "listing topics").topics
        return found

    def leaders(self, topic: str, deadline: Deadline, *, wait: float = NEWS_SECONDS) -> dict[int, int]:
        """Return the id of the broker that leads each partition, -1 for a partition without a leader.

        Args:
            topic: A topic's name.
            deadline: When to stop waiting.
            wait: For how many seconds to ask again in a cluster of several brokers if the topic is unknown.

        Raises:
            NotFound: The topic does not exist.
        """
        found = self._topic_metadata(topic, deadline, wait)
        return {number: partition.leader for number, partition in sorted(found.partitions.items())}

    def partitions(self, topic: str, deadline: Deadline, *, wait: float = NEWS_SECONDS) -> list[int]:
        """Return the numbers of a topic's partitions, sorted.

        See `leaders` for the arguments and the errors raised.
        """
        return list(self.leaders(topic, deadline, wait=wait))

    def replicas(self, topic: str, deadline: Deadline) -> tuple[int, int]:
        """Return the smallest number of replicas, and of in-sync replicas, of a topic's partitions."""
        found = self._topic_metadata(topic, deadline, NEWS_SECONDS).partitions.values()
        return min(len(each.replicas) for each in found), min(len(each.isrs) for each in found)

    def _topic_metadata(self, topic: str, deadline: Deadline, wait: float) -> Any:
        """Return the cluster's metadata of a topic; see `leaders` for the arguments and the errors raised."""
        what = f"looking for topic {topic!r}"
        patience = Deadline(min(wait, deadline.remaining()))
        while True:
            cluster = self._metadata(topic, deadline, what)
            found = cluster.topics[topic]
            if found.error is None:
                return found
            error = KafkaException(found.error)
            if found.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise self.watch.translate(error, what)
            if len(cluster.brokers) == 1 or patience.passed:
                raise NotFound(f"there is no topic {topic!r}; create_topic({topic!r}) creates it") from error
            time.sleep(RETRY_SECONDS)

    def _metadata(self, topic: str | None, deadline: Deadline, what: str) -> Any:
        """Return the cluster's metadata for one topic, or for all topics if `topic` is None."""
        check_c_text(topic, "topic")
        seconds = max(0.1, deadline.remaining())
        # in a thread, because the call itself does not notice refused credentials before its timeout
        which = () if topic is None else (topic,)
        asking = submit(lambda: self.client.list_topics(*which, timeout=seconds), "metadata")
        return self.wait(asking, deadline, what)

    def starts(self, partitions: Sequence[TopicPartition], deadline: Deadline) -> Offsets:
        """Return the first offset of each partition. Partitions without a leader are left out."""
        return self._offsets(partitions, _SPEC.earliest(), deadline)

    def ends(self, partitions: Sequence[TopicPartition], deadline: Deadline) -> Offsets:
        """Return the end offset of each partition, before any record of an open transaction."""
        return self._offsets(partitions, _SPEC.latest(), deadline)

    def written(self, partitions: Sequence[TopicPartition], deadline: Deadline) -> Offsets:
        """Return the end offset of each partition, including records that cannot be read yet."""
        return self._offsets(partitions, _SPEC.latest(), deadline, committed=False)

    def _offsets(
        self, partitions: Sequence[TopicPartition], spec: Any, deadline: Deadline, *, committed: bool = True
    ) -> Offsets:
        """Return the offsets of many partitions, with one request to each broker."""
        found: Offsets = {}
        missing = list(partitions)
        patience = Deadline(min(LEADER_SECONDS, deadline.remaining()))
        seconds = ATTEMPT_SECONDS
        while missing:
            attempt = Deadline(min(seconds, deadline.remaining()))
            answers, problem = self._offsets_once(missing, spec, attempt, committed)
            found.update(answers)
            missing = [each for each in missing if (each.topic, each.partition) not in found]
            if missing and attempt.passed and not deadline.passed:
                seconds *= LONGER
                continue
            # these partitions exist: a leader that does not know one has not heard of the new topic
            passes = isinstance(problem, NotFound) or (problem is not None and problem.retryable)
            if problem is not None and (patience.passed or not passes):
                if not found:
                    raise problem
                log.info("%s", problem)
                break
            if missing:
                # the partition was just created, or is changing its leader
                time.sleep(RETRY_SECONDS)
        return found

    def _offsets_once(
        self, partitions: Sequence[TopicPartition], spec: Any, deadline: Deadline, committed: bool
    ) -> tuple[Offsets, BrokerError | None]:
        """Return the offsets that are known now, and the error of a partition that is missing."""
        futures = self.client.list_offsets(
            dict.fromkeys(partitions, spec),
            isolation_level=IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED,
            request_timeout=request_seconds(deadline),
        )
        found: Offsets = {}
        problem: BrokerError | None = None
        for each, future in futures.items():
            try:
                answer = self.wait(future, deadline, "asking for offsets")
                found[each.topic, each.partition] = answer.offset
            except BrokerError as error:
                problem = error
        return found, problem

    def bounds_of(self, topic: str, deadline: Deadline) -> list[Bounds]:
        """Return the readable range of each partition.

        Raises:
            NotFound: The topic does not exist.
            Unavailable: A partition has no leader.
        """
        numbers = self.partitions(topic, deadline)
        wanted = [TopicPartition(topic, number) for number in numbers]
        starts = self.starts(wanted, deadline)
        # before the ends, so that records written in between do not look like an open transaction
        written = self.written(wanted, deadline)
        ends = self.ends(wanted, deadline)
        for number in numbers:
            if (topic, number) not in starts or (topic, number) not in ends:
                raise Unavailable(f"partition {number} of {topic!r} has no leader now")
        return [
            Bounds(
                number,
                starts[topic, number],
                ends[topic, number],
                hidden=max(0, written.get((topic, number), 0) - ends[topic, number]),
            )
            for number in numbers
        ]

    def offsets_at(self, topic: str, microseconds: int, deadline: Deadline) -> dict[int | None, int]:
        """Return the offset of the first message at or after a moment, for each partition.

        Partitions without such a message are left out.
        """
        wanted = [TopicPartition(topic, number) for number in self.partitions(topic, deadline)]
        # the broker uses whole milliseconds: rounding down would find messages before the moment
        millis = max(0, -(-microseconds // 1000))
        found = self._offsets(wanted, _SPEC.for_timestamp(millis), deadline)
        return {number: offset for (_, number), offset in found.items() if offset >= 0}

    def described_group(self, group: str, deadline: Deadline) -> Any:
        """Return the brokers' description of a group, whose state is DEAD for one that does not exist."""
        seconds = request_seconds(deadline)
        describe = self.client.describe_consumer_groups
        what = f"describing group {group!r}"
        return self.call(lambda: describe([group], request_timeout=seconds)[group], deadline, what)

    def delete_group(self, group: str, deadline: Deadline) -> None:
        """Delete a group of any kind.

        Raises:
            InUse: The group has members.
            NotFound: There is no such group.
        """
        futures = self.client.delete_consumer_groups([group], request_timeout=request_seconds(deadline))
        try:
            self.wait(futures[group], deadline, f"deleting group {group!r}")
        except BrokerError as error:
            found = None if error.__cause__ is None else kafka_error(error.__cause__)
            if found is not None and found.code() == KafkaError.NON_EMPTY_GROUP:
                raise InUse(f"group {group!r} has members and cannot be deleted: stop them") from error
            raise

    def check_group(self, group: str, deadline: Deadline) -> None:
        """Raise Unauthorized when the user may not see a group."""
        futures = self.client.describe_consumer_groups([group], request_timeout=request_seconds(deadline))
        try:
            self.wait(futures[group], deadline, f"looking for group {group!r}")
        except Unauthorized:
            raise
        except BrokerError as error:
            log.info("%s", error)

    def topic_config(self, topic: str, deadline: Deadline) -> dict[str, str]:
        """Return a topic's configuration, without sensitive entries."""
        entries = self.topic_entries(topic, deadline)
        return {
            name: entry.value
            for name, entry in entries.items()
            if entry.value is not None and not entry.is_sensitive
        }

    def topic_entries(self, topic: str, deadline: Deadline) -> dict[str, Any]:
        """Return the entries of a topic's configuration by name."""
        check_c_text(topic, "topic")
        resource = ConfigResource(ResourceType.TOPIC, topic)
        return self._configuration(resource, deadline, f"the configuration of {topic!r}")

    def group_config(self, group: str, deadline: Deadline) -> dict[str, GroupSetting]:
        """Return the broker's configuration of a group. It is empty if the broker keeps none."""
        resource = ConfigResource(ResourceType.GROUP, group)
        entries = self._configuration(resource, deadline, f"the configuration of group {group!r}")
        return {name: GroupSetting(entry.value, not entry.is_default) for name, entry in entries.items()}

    def _configuration(self, resource: ConfigResource, deadline: Deadline, what: str) -> dict[str, Any]:
        return self.call_again(
            lambda seconds: self.client.describe_configs([resource], request_timeout=seconds)[resource],
            deadline,
            what,
        )

    def set_group_config(self, group: str, config: Mapping[str, str], deadline: Deadline) -> None:
        """Set entries of the broker's configuration of a group.

        Raises:
            ConfigError: The broker refused an entry.
        """
        self._alter_group_config(group, config, AlterConfigOpType.SET, deadline)

    def clear_group_config(self, group: str, names: Iterable[str], deadline: Deadline) -> None:
        """Return entries of the broker's configuration of a group to their defaults."""
        self._alter_group_config(group, dict.fromkeys(names, ""), AlterConfigOpType.DELETE, deadline)

    def _alter_group_config(
        self, group: str, config: Mapping[str, str], operation: AlterConfigOpType, deadline: Deadline
    ) -> None:
        entries = [
            ConfigEntry(name, value, incremental_operation=operation) for name, value in config.items()
        ]
        resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=entries)
        futures = self.client.incremental_alter_configs([resource], request_timeout=request_seconds(deadline))
        self.wait(futures[resource], deadline, f"configuring group {group!r}")


def request_seconds(deadline: Deadline) -> float:
    """Return the timeout of a request, a little beyond the deadline.

    The deadline then passes first, and its error says what happened.
    """
    return min(max(1.0, deadline.remaining() + 1.0), 300.0)
