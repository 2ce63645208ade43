"""The conformance suite on our emulator of Azure Service Bus."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brokerkit.core import Connection
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.testing import Conformance, Gap, Harness
from brokerkit.testing.behaviour import behaviour
from brokerkit.testing.stage import Stage, acknowledge, acknowledge_ours, numbered, payloads
from brokerkit.testing.suite import Acknowledgement, Iteration, fidelity

from .on_server import ServerHarness

pytestmark = pytest.mark.broker

DELIVERIES = 1000
"""A message may be returned many times before it is dead-lettered."""
EARLY = 3
"""How many subscriptions a topic is made with: it keeps nothing for later ones."""


OF_QUEUES = dict.fromkeys(
    (
        "a subscription is listed with its topic and lag",
        "a description agrees with the list",
        "a deleted subscription is gone",
    ),
    Gap("never", "a queue has no subscriptions; those of topics are shown by the tests of topics"),
)


class ServiceBusHarness(ServerHarness):
    """Each topic is a queue, so that it can be looked at."""

    name = "servicebus"
    gaps: Mapping[str, Gap] = {
        **OF_QUEUES,
        "the key round trips and none is not empty": Gap(
            "never", "a session id is text, and an empty one is none"
        ),
        "a late subscriber replays": Gap(
            "never", "a topic keeps nothing for subscriptions that are made later"
        ),
        "what is committed is visible and nothing else": Gap(
            "never", "the client library does not offer the transactions of Service Bus"
        ),
    }
    lock_seconds = 3.0
    lock_options: Mapping[str, Any] = {"lock_seconds": 3.0}
    ordered_options: Mapping[str, Any] = {"sessions": True}

    @property
    def stage(self) -> type[Stage]:
        """The stage on which behaviours are shown."""
        return QueueStage

    def __init__(self, server: ServiceBusServer) -> None:
        super().__init__(server)
        self.url = server.connection_string

    def make_topic(self, connection: Connection, partitions: int = 1) -> str:
        name = self.topic_name()
        connection.create_topic(name, max_delivery_count=DELIVERIES)
        return name

    def make_gap(self, connection: Connection, topic: str) -> None:
        """A message that was scheduled and cancelled."""
        from azure.servicebus import ServiceBusMessage

        with connection.native.client.get_queue_sender(topic) as sender:
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            sender.cancel_scheduled_messages(sender.schedule_messages(ServiceBusMessage("gap"), tomorrow))


class QueueStage(Stage):
    """A queue has no subscriptions: what a test asks of one is asked of the queue."""

    def subscription(self, topic: str, *, start: Any = "earliest", **options: Any) -> Any:
        if options.get("sessions"):
            self.connection.delete_topic(topic)
            self.connection.create_topic(topic, sessions=True)
        if "lock_seconds" in options:
            administration = self.connection.native.administration
            lock = timedelta(seconds=options["lock_seconds"])
            administration.update_queue(administration.get_queue(topic), lock_duration=lock)
        return None

    def fan_out(self, *subscriptions: str) -> str:
        """A topic with subscriptions."""
        topic = self.harness.topic_name()
        self.connection.create_topic(topic, kind="topic")
        for name in subscriptions:
            self.connection.create_subscription(topic, name, max_delivery_count=DELIVERIES)
        return topic


class TopicHarness(ServiceBusHarness):
    """Each topic is one of Service Bus, with subscriptions."""

    name = "servicebus topics"
    gaps: Mapping[str, Gap] = {
        name: gap for name, gap in ServiceBusHarness.gaps.items() if name not in OF_QUEUES
    }

    @property
    def stage(self) -> type[Stage]:
        return TopicStage

    def make_topic(self, connection: Connection, partitions: int = 1) -> str:
        name = self.topic_name()
        connection.create_topic(name, kind="topic")
        return name


class TopicStage(Stage):
    """Topics are made with subscriptions, which are handed out when a test asks for one."""

    def __init__(self, harness: Harness, model: Model | None = None) -> None:
        self._early: dict[str, list[str]] = {}
        super().__init__(harness, model)

    def topic(self, partitions: int = 1) -> str:
        topic = super().topic(partitions)
        self._early[topic] = [self._made(topic) for _ in range(EARLY)]
        return topic

    def _made(self, topic: str, **options: Any) -> str:
        return super().subscription(topic, max_delivery_count=DELIVERIES, **options)

    def subscription(self, topic: str, *, start: Any = "earliest", **options: Any) -> str:
        if "sessions" in options:
            return self._made(topic, **options)
        name = self._early[topic].pop()
        if "lock_seconds" in options:
            administration = self.connection.native.administration
            lock = timedelta(seconds=options["lock_seconds"])
            found = administration.get_subscription(topic, name)
            administration.update_subscription(topic, found, lock_duration=lock)
        return name


@pytest.fixture(autouse=True)
def _told_for_service_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(harness: ServiceBusHarness, model: Model | None = None) -> Stage:
        return harness.stage(harness, model)

    monkeypatch.setattr("brokerkit.testing.behaviour.Stage", made)
    # AMQP keeps milliseconds; what is finer is refused
    whole = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
    monkeypatch.setitem(fidelity.TYPED, "timestamp", whole)


@pytest.fixture(scope="module")
def harness(servicebus_server: ServiceBusServer) -> Harness:
    return ServiceBusHarness(servicebus_server)


@pytest.fixture(scope="module")
def topic_harness(servicebus_server: ServiceBusServer) -> Harness:
    return TopicHarness(servicebus_server)


class TestTopics(Acknowledgement, Iteration):
    """Settling and waiting, on the subscriptions of topics."""

    @pytest.fixture
    def harness(self, topic_harness: Harness) -> Harness:
        return topic_harness


class TestServiceBus(Conformance):
    """All behaviours. Those about several subscriptions are shown on topics, all others on queues."""

    @behaviour(2)
    def test_conformance_02_two_subscriptions_each_get_everything(self, stage: Stage) -> None:
        assert isinstance(stage, QueueStage)
        topic = stage.fan_out("one", "two")
        sent = numbered(10)
        stage.publish(topic, *sent)
        for name in ("one", "two"):
            got = stage.receive(stage.consumer(topic, name), 10)
            assert payloads(got) == sent
            acknowledge(got)

    @behaviour(62)
    def test_conformance_62_each_group_gets_everything(self, stage: Stage) -> None:
        assert isinstance(stage, QueueStage)
        names = ("one", "two", "three")
        topic = stage.fan_out(*names)
        sent = numbered(40)
        stage.publish(topic, *sent)
        deadline = time.monotonic() + 60
        for name in names:
            members = [stage.consumer(topic, name) for _ in range(2)]
            got: set[bytes | None] = set()
            while got != set(sent):
                assert time.monotonic() < deadline, f"{len(got)} of {len(sent)} came to the group"
                for member in members:
                    got.update(payloads(acknowledge_ours(stage.batch(member, 40, 0.1))))

    @behaviour(63)
    def test_conformance_63_a_late_subscriber_replays(self, stage: Stage) -> None:
        assert isinstance(stage, QueueStage)
        topic = stage.fan_out("early")
        sent = numbered(10)
        stage.publish(topic, *sent)
        stage.connection.create_subscription(topic, "late", start="earliest")
        assert payloads(stage.batch(stage.consumer(topic, "late"), 10, 1.0)) == sent

    @behaviour(70)
    def test_conformance_70_reading_changes_no_position_and_no_backlog(self, stage: Stage) -> None:
        """What was acknowledged cannot be read any more; all else is there, and stays as it is."""
        assert isinstance(stage, QueueStage)
        topic = stage.fan_out("reader")
        sent = numbered(10)
        stage.publish(topic, *sent)
        with stage.consumer(topic, "reader") as reader:
            acknowledge(stage.receive(reader, 4))
        browser = stage.connection.inspector()

        def backlog() -> list[tuple[str, int | None]]:
            return [(each.name, each.lag) for each in browser.describe(topic).subscriptions]

        assert backlog() == [("reader", 6)]
        plan = browser.plan(f"{topic}/Subscriptions/reader")
        for _ in range(2):
            read = [
                value
                for slice_ in plan
                for columns in browser.read(slice_)
                for value in columns.values("value")
            ]
            assert read == sent[4:]
        browser.topics()
        assert backlog() == [("reader", 6)]
        reopened = stage.messages(topic, "reader")
        again = stage.receive(reopened, 6)
        assert payloads(again) == sent[4:]
        assert {item.delivery_count for item in again} == {1}  # type: ignore[union-attr]  # messages
        stage.nothing_more(reopened, 0.2)
