"""The conformance suite on Google's Pub/Sub emulator and on the test server of its Go client."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from brokerkit.core import Connection, Gap
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.sandbox.pubsub import PubSubServer
from brokerkit.testing import Conformance, Harness
from brokerkit.testing.behaviour import behaviour
from brokerkit.testing.stage import Stage, acknowledge, payload, payloads

from .on_server import ServerHarness

pytestmark = pytest.mark.broker

IN_MEMORY = "it keeps everything in memory: after a crash there are no topics any more"
EARLY = 3
"""How many subscriptions a topic of `pstest` is made with; few tests create more after publishing."""


class PubSubHarness(ServerHarness):
    """One of the servers. gaps: what the service can and this server cannot."""

    lock_seconds = 10.0
    stage: ClassVar[type[Stage]]
    gaps: ClassVar[Mapping[int, str]]

    def __init__(self, server: PubSubServer) -> None:
        super().__init__(server)
        assert self.server is not None
        self.name = f"pubsub ({self.server})"
        self.url = f"pubsub://conformance-tests?emulator={server.host}"
        self._gaps = {number: Gap("never", why, server=self.server) for number, why in self.gaps.items()}

    def connect(self) -> Connection:
        connection = super().connect()
        backend = connection.capabilities
        connection.capabilities = backend.but(gaps={**backend.gaps, **self._gaps})
        return connection


class EmulatorStage(Stage):
    """Subscriptions without ordering, unless a test is about it: with ordering the emulator cannot seek,
    and keeps a busy thread for every key."""

    def subscription(self, topic: str, *, start: Any = "earliest", **options: Any) -> str:
        if options.get("ordering"):
            return super().subscription(topic, start="latest", **options)
        return super().subscription(topic, start=start, ordering=False, **options)


class EmulatorHarness(PubSubHarness):
    """Topics retain their messages, so that subscriptions made later can go back to them."""

    server = "emulator"
    stage = EmulatorStage
    ordered_options: Mapping[str, Any] = {"ordering": True}
    gaps: ClassVar[Mapping[int, str]] = {
        27: IN_MEMORY,
        63: "of a topic that retains messages it gives all to every subscription, from the latest too",
        65: IN_MEMORY,
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

    server = "pstest"
    stage = PstestStage
    gaps: ClassVar[Mapping[int, str]] = {
        27: IN_MEMORY,
        63: "it keeps no messages for subscriptions that are made later",
        65: IN_MEMORY,
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
