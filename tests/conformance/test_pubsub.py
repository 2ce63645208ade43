"""The conformance suite on Google's Pub/Sub emulator and on the test server of its Go client."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from brokerkit.core import Connection
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.sandbox.pubsub import PubSubServer
from brokerkit.testing import Conformance, Gap, Harness
from brokerkit.testing.behaviour import behaviour, behaviours_of
from brokerkit.testing.stage import Stage, acknowledge, payload, payloads
from brokerkit.testing.suite import Browsing

from .on_server import ServerHarness

pytestmark = pytest.mark.broker

IN_MEMORY = Gap("never", "it keeps everything in memory: after a crash there are no topics any more")
NO_READING = Gap(
    "never", "Pub/Sub has no reading without a subscription: its messages have no positions to read from"
)
OF_THE_SERVICE = {
    "odd attribute names and values round trip": Gap(
        "never", "attributes are a map: all come back unchanged, but not in their order"
    ),
    "the key round trips and none is not empty": Gap(
        "never", "an ordering key is text, and an empty one is none"
    ),
    "an empty payload is not null": Gap(
        "never", "an empty payload needs an attribute beside it; without one it is refused"
    ),
    "publish returns after the broker confirmed": Gap(
        "never", "the messages of a topic cannot be counted without consuming them"
    ),
    "the delivery count grows from one": Gap(
        "never", "deliveries are counted only by subscriptions with a dead-letter policy"
    ),
    "what is committed is visible and nothing else": Gap("never", "Pub/Sub has no transactions"),
    **dict.fromkeys([each.name for each in behaviours_of(Browsing)], NO_READING),
}
OF_THE_SERVERS = {
    "a failed ack is raised": IN_MEMORY,
    "a killed and restarted broker loses nothing": IN_MEMORY,
}
EARLY = 3
"""How many subscriptions a topic of `pstest` is made with; few tests create more after publishing."""


class PubSubHarness(ServerHarness):
    """One of the servers."""

    lock_seconds = 10.0
    stage: ClassVar[type[Stage]]

    def __init__(self, server: PubSubServer) -> None:
        super().__init__(server)
        self.url = f"pubsub://conformance-tests?emulator={server.host}"


class EmulatorStage(Stage):
    """Subscriptions without ordering, unless a test is about it: with ordering the emulator cannot seek,
    and keeps a busy thread for every key."""

    def subscription(self, topic: str, *, start: Any = "earliest", **options: Any) -> str:
        if options.get("ordering"):
            return super().subscription(topic, start="latest", **options)
        return super().subscription(topic, start=start, ordering=False, **options)


class EmulatorHarness(PubSubHarness):
    """Topics retain their messages, so that subscriptions made later can go back to them."""

    name = "pubsub (emulator)"
    moved_options: Mapping[str, Any] = {"retain_acked": True}
    stage = EmulatorStage
    ordered_options: Mapping[str, Any] = {"ordering": True}
    gaps: Mapping[str, Gap] = {
        **OF_THE_SERVICE,
        **OF_THE_SERVERS,
        "a late subscriber replays": Gap(
            "never",
            "of a topic that retains messages it gives all to every subscription, from the latest too",
        ),
    }

    def make_topic(self, connection: Connection, partitions: int = 1) -> str:
        name = self.topic_name()
        connection.create_topic(name, retention=3600)
        return name


class PstestStage(Stage):
    """Topics are made with subscriptions from their beginning, because pstest keeps nothing for later ones."""

    def __init__(self, harness: Harness, model: Model | None = None) -> None:
        self._early: dict[str, list[str]] = {}
        super().__init__(harness, model)

    def topic(self, partitions: int = 1) -> str:
        topic = super().topic(partitions)
        self._early[topic] = [super(PstestStage, self).subscription(topic) for _ in range(EARLY)]
        return topic

    def subscription(self, topic: str, *, start: Any = "earliest", **options: Any) -> str:
        if start == "earliest" and not options and self._early[topic]:
            return self._early[topic].pop()
        return super().subscription(topic, start=start, **options)

    def late_subscription(self, topic: str) -> str:
        """One that is made only now."""
        return super().subscription(topic)


class PstestHarness(PubSubHarness):
    """Without a key, pstest delivers in any order; with one, a message at a time."""

    name = "pubsub (pstest)"
    moved_options: Mapping[str, Any] = {"ordering": False}
    moves_back = False
    stage = PstestStage
    gaps: Mapping[str, Gap] = {
        **OF_THE_SERVICE,
        **OF_THE_SERVERS,
        "a late subscriber replays": Gap(
            "never", "it keeps no messages for subscriptions that are made later"
        ),
        "a reset to the beginning delivers everything again": Gap(
            "never", "the process ends on a seek to a time in the past"
        ),
    }


@pytest.fixture(autouse=True)
def _stage(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(harness: PubSubHarness, model: Model | None = None) -> Stage:
        return harness.stage(harness, model)

    monkeypatch.setattr("brokerkit.testing.behaviour.Stage", made)


@pytest.fixture(scope="module")
def emulator_harness(pubsub_emulator: PubSubServer) -> Harness:
    return EmulatorHarness(pubsub_emulator)


@pytest.fixture(scope="module")
def pstest_harness(pstest_server: PubSubServer) -> Harness:
    return PstestHarness(pstest_server)


class TestEmulator(Conformance):
    """All behaviours, on Google's emulator."""

    @pytest.fixture
    def harness(self, emulator_harness: Harness) -> Harness:
        return emulator_harness


@pytest.mark.soak
class TestPstest(Conformance):
    """All behaviours, on the server that Google tests its Go client with.

    Pub/Sub promises no order without a key, and pstest keeps none: behaviours told with an order that
    they are not about are told here without it.
    """

    @pytest.fixture
    def harness(self, pstest_harness: Harness) -> Harness:
        return pstest_harness

    @behaviour(11)
    def test_conformance_11_twenty_topics_at_once(self, stage: Stage) -> None:
        topics = [stage.topic() for _ in range(20)]
        readers = [stage.reader(topic) for topic in topics]

        def exchange(number: int) -> set[bytes | None]:
            stage.publish(topics[number], b"%d" % number, b"again")
            return set(payloads(stage.receive(readers[number], 2, 40)))

        with ThreadPoolExecutor(20) as pool:
            got = list(pool.map(exchange, range(20)))
        assert got == [{b"%d" % number, b"again"} for number in range(20)]

    @behaviour(26)
    def test_conformance_26_what_was_acknowledged_is_gone_after_reopening(self, stage: Stage) -> None:
        self._acknowledge_some(stage, 5, 3)

    @behaviour(44)
    def test_conformance_44_close_commits_nothing_that_was_not_acked(self, stage: Stage) -> None:
        self._acknowledge_some(stage, 6, 2)

    @behaviour(61)
    def test_conformance_61_close_never_deletes_a_subscription(self, stage: Stage) -> None:
        self._acknowledge_some(stage, 4, 2)

    @staticmethod
    def _acknowledge_some(stage: Stage, count: int, acked: int) -> None:
        """After closing with some acknowledged, the same subscription has exactly the others."""
        topic, sent = stage.filled(count)
        subscription = stage.subscription(topic)
        connection = stage.connect()
        with connection.consumer(topic, subscription) as reader:
            items = stage.receive(reader, count)
            acknowledge(items[:acked])
        connection.close()
        reopened = stage.consumer(topic, subscription)
        rest = stage.receive(reopened, count - acked)
        assert sorted([*payloads(items[:acked]), *payloads(rest)]) == sent  # type: ignore[type-var]  # none is null
        stage.nothing_more(reopened, 0.2)

    @behaviour(63)
    def test_conformance_63_a_late_subscriber_replays(self, stage: Stage) -> None:
        topic, sent = stage.filled(1)
        assert isinstance(stage, PstestStage)
        late = stage.consumer(topic, stage.late_subscription(topic))
        assert [payload(stage.one(late, 3))] == sent
