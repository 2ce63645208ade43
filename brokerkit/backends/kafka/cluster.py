"""Questions to the cluster, each bounded by a timeout: topics, offsets, groups, configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package does not mark its exports
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from brokerkit.core.cancellation import Deadline
from brokerkit.core.errors import BrokerError, NotFound, Unavailable
from brokerkit.core.topics import Bounds

from .errors import kafka_error, translate
from .options import Properties
from .watch import Watch

T = TypeVar("T")
_SPEC: Any = OffsetSpec

AT_ONCE = 16
"""Requests about single groups that are under way at the same time."""
WAIT_SLICE = 0.1
Offsets = dict[tuple[str, int], int]
"""By topic and partition."""


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group as the broker describes it; members are those assigned to the topic asked for."""

    name: str
    kind: str
    state: str
    members: int
    positions: Mapping[int, int]


class Cluster:
    """The admin client of a connection. Any thread may ask; asking creates nothing on the broker."""

    def __init__(self, properties: Properties) -> None:
        self.watch = Watch(str(properties["bootstrap.servers"]))
        settings: Properties = {**properties, "error_cb": self.watch}
        self.client = AdminClient(settings)

    def wait(self, future: Future[T], deadline: Deadline, what: str) -> T:
        """The answer; raises Unauthorized as soon as the credentials are refused, Unavailable at the end."""
        while True:
            try:
                answer = future.result(deadline.slice(WAIT_SLICE))
            except TimeoutError:
                # librdkafka hands out its error and log callbacks here only
                self.client.poll(0)
                self.watch.raise_if_refused()
                if deadline.passed:
                    raise self.watch.unavailable(what) from None
            except KafkaException as error:
                self.client.poll(0)
                self.watch.raise_if_refused()
                found = kafka_error(error)
                if found is not None and found.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):
                    raise self.watch.unavailable(what) from error
                raise translate(error, what) from error
            else:
                self.watch.forget()
                return answer

    def ping(self, timeout: float) -> None:
        """One round trip."""
        deadline = Deadline(timeout)
        # the request's own timeout is longer, so that a refused password is told from silence
        self.wait(self.client.describe_cluster(request_timeout=timeout + 5), deadline, "connecting")

    def topic_names(self, timeout: float) -> dict[str, int]:
        """Every topic with its number of partitions."""
        found = translate_call(lambda: self.client.list_topics(timeout=timeout), "listing topics")
        return {name: len(topic.partitions) for name, topic in found.topics.items()}

    def partitions(self, topic: str, deadline: Deadline) -> list[int]:
        """The partitions of a topic. Raises NotFound."""
        futures = self.client.describe_topics(
            TopicCollection([topic]), request_timeout=_request_seconds(deadline)
        )
        try:
            described = self.wait(futures[topic], deadline, f"looking for topic {topic!r}")
        except NotFound as error:
            raise NotFound(
                f"there is no topic {topic!r}; create_topic({topic!r}) creates it"
            ) from error.__cause__
        return sorted(each.id for each in described.partitions)

    def starts(self, partitions: Sequence[TopicPartition], deadline: Deadline) -> Offsets:
        """The first offset of each partition; partitions that cannot be asked are left out."""
        return self._offsets(partitions, _SPEC.earliest(), deadline)

    def ends(self, partitions: Sequence[TopicPartition], deadline: Deadline) -> Offsets:
        """The offset behind the last record of each partition that is not of an open transaction."""
        return self._offsets(partitions, _SPEC.latest(), deadline)

    def _offsets(self, partitions: Sequence[TopicPartition], spec: Any, deadline: Deadline) -> Offsets:
        """Offsets of many partitions, in one request to each broker."""
        if not partitions:
            return {}
        futures = self.client.list_offsets(
            dict.fromkeys(partitions, spec),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=_request_seconds(deadline),
        )
        found: Offsets = {}
        problem: BrokerError | None = None
        for partition, future in futures.items():
            try:
                found[partition.topic, partition.partition] = self.wait(
                    future, deadline, "asking for offsets"
                ).offset
            except BrokerError as error:
                problem = error
        if problem is not None and not found:
            raise problem
        return found

    def bounds_of(self, topic: str, deadline: Deadline) -> list[Bounds]:
        """The readable range of each partition. Raises NotFound."""
        numbers = self.partitions(topic, deadline)
        wanted = [TopicPartition(topic, number) for number in numbers]
        starts = self.starts(wanted, deadline)
        ends = self.ends(wanted, deadline)
        for number in numbers:
            if (topic, number) not in starts or (topic, number) not in ends:
                raise Unavailable(f"partition {number} of {topic!r} has no leader now")
        return [Bounds(number, starts[topic, number], ends[topic, number]) for number in numbers]

    def offsets_at(self, topic: str, microseconds: int, deadline: Deadline) -> dict[int | None, int]:
        """The offset of the first message at or after a moment, by partition; left out where none is."""
        wanted = [TopicPartition(topic, number) for number in self.partitions(topic, deadline)]
        # the broker counts whole milliseconds: rounding down would find messages before the moment
        millis = max(0, -(-microseconds // 1000))
        found = self._offsets(wanted, _SPEC.for_timestamp(millis), deadline)
        return {number: offset for (_, number), offset in found.items() if offset >= 0}

    def committed(self, group: str, topic: str, numbers: Iterable[int], deadline: Deadline) -> dict[int, int]:
        """The positions that a group has committed, by partition."""
        return self.committed_by([group], topic, numbers, deadline).get(group, {})

    def committed_by(
        self, groups: Iterable[str], topic: str, numbers: Iterable[int], deadline: Deadline
    ) -> dict[str, dict[int, int]]:
        """The positions of many groups; a group that cannot be asked (an ACL) is left out."""
        partitions = [TopicPartition(topic, number) for number in numbers]
        found: dict[str, dict[int, int]] = {}
        names = list(groups)
        rest = iter(names)
        while part := list(islice(rest, AT_ONCE)):
            asked = [
                self.client.list_consumer_group_offsets(
                    [ConsumerGroupTopicPartitions(name, partitions)],
                    request_timeout=_request_seconds(deadline),
                )[name]
                for name in part
            ]
            for name, future in zip(part, asked, strict=True):
                try:
                    answer = self.wait(future, deadline, f"positions of group {name!r}")
                except NotFound:
                    continue
                except BrokerError:
                    if len(names) == 1 or deadline.passed:
                        raise
                    continue
                positions = ((each.partition, each.offset) for each in answer.topic_partitions)
                found[name] = {number: offset for number, offset in positions if offset >= 0}
        return found

    def set_positions(self, group: str, topic: str, offsets: Mapping[int, int], deadline: Deadline) -> None:
        """Commit positions for a group that has no members. StaleAck when it has some."""
        partitions = [TopicPartition(topic, number, offset) for number, offset in offsets.items()]
        futures = self.client.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, partitions)], request_timeout=_request_seconds(deadline)
        )
        what = f"setting the positions of group {group!r}"
        answer = self.wait(futures[group], deadline, what)
        for each in answer.topic_partitions:
            if each.error is not None:
                raise translate(KafkaException(each.error), what)

    def groups(self, topic: str, numbers: Sequence[int], deadline: Deadline) -> list[Group]:
        """The groups that have committed positions in a topic, or members that read it."""
        listing = self.wait(
            self.client.list_consumer_groups(request_timeout=_request_seconds(deadline)),
            deadline,
            "listing groups",
        )
        names = sorted(each.group_id for each in listing.valid)
        if not names:
            return []
        committed = self.committed_by(names, topic, numbers, deadline)
        described = self.client.describe_consumer_groups(names, request_timeout=_request_seconds(deadline))
        found = []
        for name in names:
            positions = committed.get(name, {})
            try:
                about = self.wait(described[name], deadline, f"describing group {name!r}")
            except BrokerError:
                if deadline.passed:
                    raise
                about = None
            members = 0 if about is None else sum(map(_reads(topic), about.members))
            if positions or members:
                state = "unknown" if about is None else about.state.name.lower()
                kind = "unknown" if about is None else about.type.name.lower()
                found.append(Group(name, kind, state, members, positions))
        return found

    def topic_config(self, topic: str, deadline: Deadline) -> dict[str, str]:
        """A topic's configuration, without sensitive entries."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        futures = self.client.describe_configs([resource], request_timeout=_request_seconds(deadline))
        entries = self.wait(futures[resource], deadline, f"the configuration of {topic!r}")
        return {
            name: entry.value
            for name, entry in entries.items()
            if entry.value is not None and not entry.is_sensitive
        }


def _request_seconds(deadline: Deadline) -> float:
    """A request's own timeout: a little beyond ours, so that ours tells what happened."""
    return min(max(1.0, deadline.remaining() + 1.0), 300.0)


def _reads(topic: str) -> Callable[[Any], bool]:
    def reads(member: Any) -> bool:
        assignment = member.assignment
        return assignment is not None and any(each.topic == topic for each in assignment.topic_partitions)

    return reads


def translate_call(work: Callable[[], T], what: str) -> T:
    """Call, with errors of confluent-kafka as errors of our tree."""
    try:
        return work()
    except KafkaException as error:
        raise translate(error, what) from error
