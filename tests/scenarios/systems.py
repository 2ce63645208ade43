"""The real systems that the scenarios run on, and what their own clients say of them."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx
import nats
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

import brokerkit as bk
from brokerkit.backends.kafka.errors import translate
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

ASK_SECONDS = 60.0
_numbers = count(1)

Facts = dict[str, Any]


class System(ABC):
    """One system with a running server.

    url: how a session connects. fast_url: the same, with a dead group member let go of soon.
    subscribing: options of `create_subscription` that have a dead consumer let go of soon.
    background: starts servers: one ends with the thread that started it, and this thread stays.
    """

    name: str
    url: str
    fast_url: str
    server: KafkaServer | NatsServer | PulsarServer
    subscribing: dict[str, Any]
    background = ThreadPoolExecutor(1)

    def connect(self, **options: Any) -> Session:
        return bk.connect(self.fast_url, **options)

    def new_name(self, what: str) -> str:
        """A name that no other test uses."""
        return f"{what}-{next(_numbers)}"

    def create_topic(self, session: Session, what: str = "orders") -> str:
        """A new topic, with several partitions where the system has them; its name."""
        name = self.new_name(what)
        session.create_topic(name, **self.topic_options)
        return name

    def subscribe(self, session: Session, topic: str, name: str) -> str:
        """A new subscription that begins with the first message; its name."""
        session.create_subscription(topic, name, start="earliest", **self.subscribing)
        return name

    topic_options: dict[str, Any]

    @abstractmethod
    def facts(self) -> Facts:
        """All that reading must not change, asked with the system's own client."""

    @abstractmethod
    def stored(self, topic: str) -> int:
        """How many messages a topic has, asked with the system's own client."""

    @abstractmethod
    def taken(self, topic: str, subscription: str) -> bool:
        """Whether a consumer is reading a subscription now, as far as the system shows it."""


class Kafka(System):
    """Three partitions, so that more than one is at work."""

    name = "kafka"
    topic_options = {"partitions": 3}  # noqa: RUF012  # never changed
    subscribing: dict[str, Any] = {}  # noqa: RUF012  # never changed

    def __init__(self, server: KafkaServer) -> None:
        self.server = server
        self.url = f"kafka://{server.bootstrap}"
        self.fast_url = f"{self.url}?session.timeout.ms=6000&heartbeat.interval.ms=1000"
        self.admin = AdminClient(
            # else it would wait forever for a coordinator that it gave up (librdkafka issue 5511)
            {"bootstrap.servers": server.bootstrap, "log_level": 0, "metadata.recovery.strategy": "none"}
        )

    def facts(self) -> Facts:
        topics = self.admin.list_topics(timeout=ASK_SECONDS).topics
        listed = self.admin.list_consumer_groups(request_timeout=ASK_SECONDS).result()
        return {
            "topics": {name: len(topic.partitions) for name, topic in topics.items()},
            "ends": {name: self._ends(name, len(topics[name].partitions)) for name in topics},
            # not their states: a group of a program that was killed is given up whenever the broker notices
            "groups": sorted(each.group_id for each in listed.valid),
            "positions": {each.group_id: self.positions(each.group_id) for each in listed.valid},
        }

    def positions(self, group: str) -> dict[tuple[str, int], int]:
        """What a group has committed."""
        futures = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        found = futures[group].result(ASK_SECONDS).topic_partitions
        return {(each.topic, each.partition): each.offset for each in found}

    def _ends(self, topic: str, partitions: int) -> dict[int, int]:
        wanted = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(partitions)}
        return eventually(lambda: self._offsets(wanted), f"{topic} has its leaders", within=ASK_SECONDS)

    def _offsets(self, wanted: dict[TopicPartition, OffsetSpec]) -> dict[int, int] | None:
        """None while a partition of a topic that was just made has no leader."""
        futures = self.admin.list_offsets(wanted, request_timeout=ASK_SECONDS)
        try:
            return {each.partition: future.result(ASK_SECONDS).offset for each, future in futures.items()}
        except KafkaException as error:
            # the client marks none of these as retriable
            if not translate(error).retryable and error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            return None

    def stored(self, topic: str) -> int:
        return sum(self._ends(topic, self.topic_options["partitions"]).values())

    def taken(self, topic: str, subscription: str) -> bool:
        asked = self.admin.describe_consumer_groups([subscription], request_timeout=ASK_SECONDS)
        members = asked[subscription].result(ASK_SECONDS).members
        return any(member.assignment.topic_partitions for member in members)


class JetStream(System):
    """A stream of its own for each topic."""

    name = "nats"
    topic_options: dict[str, Any] = {}  # noqa: RUF012  # never changed
    subscribing = {"ack_wait": 5}  # noqa: RUF012  # never changed

    def __init__(self, server: NatsServer) -> None:
        self.server = server
        self.url = self.fast_url = server.url

    def facts(self) -> Facts:
        return asyncio.run(self._facts())

    async def _facts(self) -> Facts:
        client = await nats.connect(self.url, connect_timeout=5)
        try:
            streams: Facts = {}
            for stream in await _listed(client, "STREAM.LIST", "streams"):
                name = stream["config"]["name"]
                consumers = await _listed(client, f"CONSUMER.LIST.{name}", "consumers")
                streams[name] = {
                    "config": stream["config"],
                    "state": stream["state"],
                    "consumers": {each["name"]: dict(_lasting(each)) for each in consumers},
                }
            return streams
        finally:
            await client.close()

    def taken(self, topic: str, subscription: str) -> bool:
        consumers = [each for stream in self.facts().values() for each in stream["consumers"].items()]
        return any(name == subscription and facts["num_ack_pending"] for name, facts in consumers)

    def stored(self, topic: str) -> int:
        return asyncio.run(self._stored(topic))

    async def _stored(self, topic: str) -> int:
        client = await nats.connect(self.url, connect_timeout=5)
        try:
            name = await client.jetstream().find_stream_name_by_subject(topic)
            return int((await client.jetstream().stream_info(name)).state.messages)
        finally:
            await client.close()


async def _listed(client: Any, request: str, field: str) -> list[dict[str, Any]]:
    answer = await client.request(f"$JS.API.{request}", b"{}", timeout=ASK_SECONDS)
    found = json.loads(answer.data)
    assert found["total"] <= found["limit"], "there are more than one page"
    return list(found[field] or [])


def _lasting(consumer: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is known of a consumer, without the time of the answer."""
    for name in ("config", "delivered", "ack_floor", "num_pending", "num_ack_pending", "num_redelivered"):
        yield name, consumer[name]


class Pulsar(System):
    """Three partitions, each asked for its ledgers and cursors."""

    name = "pulsar"
    topic_options = {"partitions": 3}  # noqa: RUF012  # never changed
    subscribing: dict[str, Any] = {}  # noqa: RUF012  # never changed

    def __init__(self, server: PulsarServer) -> None:
        self.server = server
        self.url = self.fast_url = f"{server.url}?admin={server.admin}&nack_delay=0.1"
        self._client = httpx.Client(
            base_url=f"{server.admin}/admin/v2/", timeout=ASK_SECONDS, trust_env=False
        )

    def _get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()

    def facts(self) -> Facts:
        names = self._get("persistent/public/default")
        return {name: self._of_partition(name.replace("://", "/")) for name in names}

    def _of_partition(self, path: str) -> Facts:
        stats = self._get(f"{path}/stats?getPreciseBacklog=true")
        internal = self._get(f"{path}/internalStats")
        return {
            "end": internal["lastConfirmedEntry"],
            "entries": internal["numberOfEntries"],
            "backlogs": {name: each["msgBacklog"] for name, each in stats["subscriptions"].items()},
            "positions": {name: each["markDeletePosition"] for name, each in internal["cursors"].items()},
        }

    def stored(self, topic: str) -> int:
        path = f"persistent/public/default/{topic}-partition"
        return sum(self._of_partition(f"{path}-{number}")["entries"] for number in range(3))

    def taken(self, topic: str, subscription: str) -> bool:
        stats = self._get(f"persistent/public/default/{topic}/partitioned-stats")
        return bool(stats["subscriptions"][subscription]["unackedMessages"])
