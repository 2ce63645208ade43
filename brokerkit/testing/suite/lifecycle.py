"""Opening and closing, failures of the server, and recovery."""

from __future__ import annotations

import math
import random
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from brokerkit.core import (
    AbandonedWarning,
    BrokerError,
    Closed,
    ConfigError,
    NotFound,
    OutboundMessage,
    PublishResult,
    connect,
)

from ..behaviour import Behaviour, behaviour, behaviours_of, declared
from ..stage import Item, Stage, acknowledge, acknowledge_ours, identity, numbered, payload, payloads
from ..waiting import eventually

RESTART_MESSAGES = 10_000
RESTART_SECONDS = 90.0
UNDER_WAY_SECONDS = 5.0
"""How long after a restart a message may be delivered again that was acknowledged after it. A killed NATS
server remembers as few as 15 of the last 200 deliveries. It sends the others again while their first copies
are still on their way, and acknowledging one copy does not stop the other. A forgotten acknowledgement shows
later, when the lock ends."""
PARALLEL = 10
CLOSED_SECONDS = 1.5
"""How much later than at its timeout a close may end on a busy machine."""


class Lifecycle:
    """Behaviours 55 to 68."""

    @behaviour(55)
    def test_conformance_55_after_close_everything_says_closed(self, stage: Stage) -> None:
        topic, _ = stage.filled(2)
        connection = stage.connect()
        subscription = stage.subscription(topic)
        consumer = connection.consumer(topic, subscription, model=stage.model)
        publisher = connection.publisher()
        browser = connection.inspector()
        item = stage.one(consumer)
        calls: list[tuple[Callable[[], object], Callable[[], object]]] = [
            (consumer.close, lambda: consumer.next_batch(1, 1.0)),
            (consumer.close, item.ack),
            (publisher.close, lambda: publisher.topic(topic).publish(OutboundMessage(b"x"))),
            (browser.close, lambda: browser.bounds(topic)),
            (connection.close, connection.ping),
            (connection.close, lambda: connection.consumer(topic, subscription, model=stage.model)),
        ]
        for close, use in calls:
            close()
            close()
            with pytest.raises(Closed):
                use()

    @behaviour(56)
    def test_conformance_56_a_missing_topic_is_not_found_on_first_use(self, stage: Stage) -> None:
        missing = stage.harness.topic_name()
        consumer = stage.consumer(missing, "reader", start="earliest")
        with pytest.raises(NotFound):
            consumer.next_batch(1, 5.0)
        with stage.connection.publisher() as publisher:
            topic = publisher.topic(missing)
            with pytest.raises(NotFound):
                topic.publish(OutboundMessage(b"x"), timeout=5.0)
        with pytest.raises(NotFound):
            stage.connection.inspector().bounds(missing)
        with pytest.raises(NotFound):
            stage.connection.create_subscription(missing, "reader", model=stage.model)
        assert missing not in {info.name for info in stage.connection.inspector().topics()}

    @behaviour(57)
    def test_conformance_57_close_flushes_publishes_and_acks(self, stage: Stage) -> None:
        topic = stage.topic()
        subscription = stage.subscription(topic)
        publisher = stage.connection.publisher()
        begun = threading.Barrier(6)

        def publish(number: int) -> list[PublishResult]:
            batch = [OutboundMessage(data) for data in numbered(100, start=100 * number)]
            begun.wait(10)
            try:
                return publisher.topic(topic).publish_batch(batch)
            except Closed:
                return []

        with ThreadPoolExecutor(5) as pool:
            work = [pool.submit(publish, number) for number in range(5)]
            begun.wait(10)
            publisher.close()
            outcomes = [each.result(20) for each in work]
        assert all(result.ok for outcome in outcomes for result in outcome)
        flushed = [number for number, outcome in enumerate(outcomes) if outcome]
        sent = [data for number in flushed for data in numbered(100, start=100 * number)]
        reader = stage.consumer(topic, subscription)
        got = stage.receive(reader, len(sent)) if sent else []
        assert sorted(payloads(got)) == sent
        acknowledge(got)
        reader.close()
        stage.nothing_more(stage.consumer(topic, subscription))

    @behaviour(58, disturbs=True)
    def test_conformance_58_close_keeps_its_timeout_while_the_broker_hangs(self, stage: Stage) -> None:
        topic, _ = stage.filled(5)
        subscription = stage.subscription(topic)
        connection = stage.connect()
        consumer = connection.consumer(topic, subscription, model=stage.model)
        publisher = connection.publisher()
        stage.receive(consumer, 3)
        publisher.topic(topic).publish(OutboundMessage(b"x"))
        stage.harness.pause()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", AbandonedWarning)
                for close in (consumer.close, publisher.close, connection.close):
                    began = time.monotonic()
                    close(timeout=1.0)
                    assert time.monotonic() - began < 1.0 + CLOSED_SECONDS
        finally:
            stage.harness.resume()

    @behaviour(59)
    def test_conformance_59_ten_concurrent_opens_and_closes_lose_nothing(self, stage: Stage) -> None:
        topic, sent = stage.filled(100, partitions=2)
        subscription = stage.subscription(topic)

        def visit(_: int) -> list[Item]:
            with stage.harness.connect() as connection:
                consumer = connection.consumer(topic, subscription, model=stage.model, connect_timeout=30)
                try:
                    batch = stage.batch(consumer, 5, 1.0)
                    return acknowledge_ours(batch)
                finally:
                    consumer.close()

        with ThreadPoolExecutor(10) as pool:
            got = [item for items in pool.map(visit, range(10)) for item in items]
        rest = set(sent) - set(payloads(got))
        stage.drain_all(stage.consumer(topic, subscription), rest, within=60)

    @behaviour(60)
    def test_conformance_60_closing_and_reopening_five_times_loses_nothing(self, stage: Stage) -> None:
        topic, sent = stage.filled(60)
        subscription = stage.subscription(topic)
        got: list[Item] = []
        for visit in range(5):
            reader = stage.consumer(topic, subscription)
            batch = stage.batch(reader, 10)
            # each time a part is left without an answer
            done = batch[: max(1, len(batch) // 2 + visit - 2)]
            assert done
            acknowledge(done)
            got.extend(done)
            reader.close()
        rest = set(sent) - set(payloads(got))
        stage.drain_all(stage.consumer(topic, subscription), rest)
        assert len({identity(item) for item in got}) == len(got)

    @behaviour(61)
    def test_conformance_61_close_never_deletes_a_subscription(self, stage: Stage) -> None:
        topic, sent = stage.filled(4)
        subscription = stage.subscription(topic)
        connection = stage.connect()
        with connection.consumer(topic, subscription, model=stage.model) as consumer:
            acknowledge(stage.receive(consumer, 2))
        connection.close()
        # without start= a missing subscription raises NotFound
        assert payloads(stage.receive(stage.consumer(topic, subscription), 2)) == sent[2:]

    @behaviour(62)
    def test_conformance_62_each_group_gets_everything(self, stage: Stage) -> None:
        topic, sent = stage.filled(40, partitions=2)
        deadline = time.monotonic() + 60
        for _ in range(3):
            subscription = stage.subscription(topic)
            members = [stage.consumer(topic, subscription) for _ in range(2)]
            got: set[bytes | None] = set()
            while got != set(sent):
                assert time.monotonic() < deadline, f"{len(got)} of {len(sent)} came to the group"
                for member in members:
                    got.update(payloads(acknowledge_ours(stage.batch(member, 40, 0.1))))

    @behaviour(63)
    def test_conformance_63_a_late_subscriber_replays(self, stage: Stage) -> None:
        topic, sent = stage.filled(10)
        early = stage.reader(topic)
        acknowledge(stage.receive(early, 10))
        assert payloads(stage.receive(stage.reader(topic), 10)) == sent
        late = stage.consumer(topic, stage.subscription(topic, start="latest"))
        late.attach()
        stage.publish(topic, b"new")
        assert payload(stage.one(late)) == b"new"

    @behaviour(64)
    def test_conformance_64_the_order_within_a_key_is_kept(self, stage: Stage) -> None:
        topic = stage.topic(partitions=3)
        with stage.connection.publisher() as publisher:
            for number in range(100):
                message = OutboundMessage(b"%d" % number, key=b"key-%d" % (number % 5))
                publisher.topic(topic).publish(message)
        got = stage.drain(stage.reader(topic), lambda found: len(found) >= 100, within=60)
        for rest in range(5):
            numbers = [int(payload(item) or b"") for item in got if item.key == b"key-%d" % rest]
            assert numbers == list(range(rest, 100, 5))

    @behaviour(65, disturbs=True)
    def test_conformance_65_a_killed_and_restarted_broker_loses_nothing(self, stage: Stage) -> None:
        run = _Restarted(stage)
        deadline = time.monotonic() + RESTART_SECONDS
        with ThreadPoolExecutor(2) as pool:
            work = [pool.submit(run.publish, deadline), pool.submit(run.consume, deadline)]
            try:
                for count in (RESTART_MESSAGES // 3, RESTART_MESSAGES // 2):
                    run.wait_for(count, work, deadline)
                    stage.harness.kill()
                    run.crashes.append((time.monotonic(), math.inf))
                    stage.harness.restart()
                    run.crashes[-1] = run.crashes[-1][0], time.monotonic()
                run.wait_for(RESTART_MESSAGES, work, deadline)
            finally:
                run.over.set()
            for each in work:
                each.result(30)
        assert run.got == set(numbered(RESTART_MESSAGES))
        assert run.wrongly_again == {}

    @pytest.mark.slow
    @pytest.mark.soak
    @pytest.mark.timeout(600)
    @behaviour(66, disturbs=True)
    def test_conformance_66_the_suite_ten_times_in_parallel(self, stage: Stage) -> None:
        """Run all behaviours in ten threads on one server, each in its own order.

        Behaviours that break the server or look at the whole process (`disturbs`), and those that measure
        fractions of a second (`timed`), are left out.
        """
        gaps = {each.number for each in behaviours_of(type(self)) if declared(stage.harness, each)}
        chosen = [
            each
            for each in behaviours_of(type(self))
            if not each.disturbs and not each.timed and each.number not in gaps
        ]
        failures: list[str] = []
        over = threading.Event()

        def show_all(seed: int) -> None:
            order: list[Behaviour] = list(chosen)
            random.Random(seed).shuffle(order)
            for each in order:
                if over.is_set():
                    return
                try:
                    each.show(self, stage.harness)
                except (Exception, pytest.fail.Exception) as error:
                    failures.append(f"{each.number:02} {each.name}: {type(error).__name__}: {error}")

        with ThreadPoolExecutor(PARALLEL) as pool:
            try:
                list(pool.map(show_all, range(PARALLEL)))
            finally:
                # a run that is stopped by its timeout does not wait for tests that have not begun
                over.set()
        assert not failures, "\n".join(failures)

    @behaviour(67, disturbs=True, alike=True)
    def test_conformance_67_errors_keep_their_cause_and_say_if_retrying_helps(self, stage: Stage) -> None:
        with stage.connection.publisher() as publisher, pytest.raises(NotFound) as missing:
            publisher.topic(stage.harness.topic_name()).publish(OutboundMessage(b"x"), timeout=5.0)
        stage.harness.kill()
        try:
            with pytest.raises(BrokerError) as down:
                stage.connection.ping(timeout=2.0)
            with pytest.raises(BrokerError) as refused:
                connect(stage.harness.url, timeout=3.0, **stage.harness.options)
        finally:
            stage.harness.restart()
        assert not missing.value.retryable
        for error in (down.value, refused.value):
            assert error.retryable
            assert error.__cause__ is not None or not stage.harness.translates
        eventually(lambda: _answers(stage), "the same connection works again", within=60)

    @behaviour(68)
    def test_conformance_68_what_is_committed_is_visible_and_nothing_else(self, stage: Stage) -> None:
        topic = stage.topic()
        with stage.connection.publisher(transactional_id=f"tx-{uuid.uuid4().hex[:8]}") as publisher:
            with publisher.transaction():
                publisher.topic(topic).publish_batch([OutboundMessage(b"one"), OutboundMessage(b"two")])
            with pytest.raises(ZeroDivisionError), publisher.transaction():  # noqa: PT012  # raised inside
                publisher.topic(topic).publish_batch([OutboundMessage(b"aborted")])
                raise ZeroDivisionError
            with pytest.raises(ConfigError):
                publisher.topic(topic).publish(OutboundMessage(b"outside"))
            with publisher.transaction():
                publisher.topic(topic).publish_batch([OutboundMessage(b"three")])
        reader = stage.reader(topic)
        assert payloads(stage.receive(reader, 3)) == [b"one", b"two", b"three"]
        stage.nothing_more(reader)


def _answers(stage: Stage) -> bool:
    try:
        stage.connection.ping(timeout=2.0)
    except BrokerError:
        return False
    return True


class _Restarted:
    """Publishing and consuming while the server is killed and restarted."""

    AHEAD = 1_500
    """How many messages publishing may be ahead, so that it goes on during both restarts."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.topic = stage.topic()
        self.subscription = stage.subscription(self.topic)
        self.got: set[bytes | None] = set()
        self.acked_at: dict[str, float] = {}
        self.crashes: list[tuple[float, float]] = []
        self.wrongly_again: dict[str, float] = {}
        self.over = threading.Event()

    def wait_for(self, count: int, work: Sequence[Future[None]], deadline: float) -> None:
        """Wait until so many different messages came. Raise the error of a worker that ended before."""

        def reached() -> bool:
            for each in work:
                if each.done() and each.exception() is not None:
                    each.result()
            return len(self.got) >= count

        eventually(reached, f"{count} messages arrive", within=deadline - time.monotonic())

    def publish(self, deadline: float) -> None:
        """Publish all messages in order. Publish those again that the broker did not confirm."""
        with self.stage.connection.publisher() as publisher:
            topic = publisher.topic(self.topic)
            for begin in range(0, RESTART_MESSAGES, 100):
                while begin - len(self.got) > self.AHEAD and not self.over.wait(0.01):
                    pass
                left = [OutboundMessage(data, key=b"key") for data in numbered(100, start=begin)]
                while left and not self.over.is_set():
                    results = topic.publish_batch(left, timeout=20)
                    for result in results:
                        assert result.ok or (result.error is not None and result.error.retryable), result
                    left = [m for m, result in zip(left, results, strict=True) if not result.ok]
                    assert time.monotonic() < deadline

    def consume(self, deadline: float) -> None:
        """Receive and acknowledge messages. Repeat a call that failed with a retryable error."""
        consumer = self.stage.consumer(self.topic, self.subscription)
        while not self.over.is_set() and time.monotonic() < deadline:
            try:
                held = consumer.fetch(200, 0.5)
            except BrokerError as error:
                if not error.retryable:
                    raise
                continue
            if held is None:
                continue
            columns = held.columns
            ids = [str(value) for value in columns.values("id")]
            self._look_for_acknowledged(ids)
            self.got.update(columns.values("value"))
            try:
                held.ack()
            except BrokerError:
                # it may not have taken effect: these messages may be delivered again
                continue
            self.acked_at.update(dict.fromkeys(ids, time.monotonic()))

    def _look_for_acknowledged(self, ids: Sequence[str]) -> None:
        """Note messages that are delivered again after an acknowledgement, unless a crash explains it."""
        now = time.monotonic()
        for each in ids:
            acked_at = self.acked_at.get(each)
            if acked_at is not None and not self._explained(acked_at, now):
                self.wrongly_again[each] = acked_at

    def _explained(self, acked_at: float, again_at: float) -> bool:
        unflushed = self.stage.harness.ack_flush_seconds
        return any(
            killed - unflushed <= acked_at <= back or back < acked_at < again_at <= back + UNDER_WAY_SECONDS
            for killed, back in self.crashes
        )
