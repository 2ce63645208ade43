"""Waiting for messages: idle, cancelled, interrupted and failed are different things."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from brokerkit.core import Cancellation, Cancelled, MessageConsumer, OutboundMessage
from brokerkit.core.contract.consumer import Backlog, ConsumerRequest, Fetched
from brokerkit.core.vocabulary.cancellation import Deadline

from ..behaviour import behaviour
from ..processes import Child
from ..stage import RECEIVE_SECONDS, AnyConsumer, Item, Stage, acknowledge, numbered, payloads
from ..waiting import eventually

PROMPT_SECONDS = 1.0
"""An interrupt or a cancellation takes effect within this time."""
MID_WAIT_SECONDS = 0.5
"""How long a call waits before it is cancelled or interrupted."""


def _next(stage: Stage, consumer: AnyConsumer, timeout: float | None) -> Item | None:
    item: Item | None
    if isinstance(consumer, MessageConsumer):
        item = consumer.next_message(timeout)
    else:
        item = consumer.next_record(timeout)
    if item is not None:
        stage.keep(item)
    return item


@contextmanager
def _cancelled_soon() -> Iterator[tuple[Cancellation, Callable[[], float]]]:
    """Return a cancellation that is cancelled during a wait, and a function for the seconds since then."""
    cancellation = Cancellation()
    at: list[float] = []

    def trip() -> None:
        at.append(time.monotonic())
        cancellation.cancel()

    timer = threading.Timer(MID_WAIT_SECONDS, trip)
    timer.start()
    try:
        yield cancellation, lambda: time.monotonic() - at[0]
    finally:
        timer.cancel()


@contextmanager
def _trickle(stage: Stage, topic: str, every: float = 0.1) -> Iterator[None]:
    """Publish messages, one after the other, while the block runs."""
    over = threading.Event()

    def publish() -> None:
        with stage.connection.publisher() as publisher:
            while not over.wait(every):
                publisher.topic(topic).publish(OutboundMessage(b"trickle"))

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def _keep_streaming(stage: Stage, consumer: MessageConsumer, cancellation: Cancellation) -> None:
    with consumer.stream(cancellation=cancellation) as messages:
        for message in messages:
            stage.keep(message)


class Iteration:
    """Behaviours 45 to 54 and 79."""

    @behaviour(45, timed=True)
    def test_conformance_45_an_idle_read_is_empty_and_ends_nothing(self, stage: Stage) -> None:
        topic = stage.topic()
        reader = stage.reader(topic)
        reader.attach()
        for timeout in (0.0, 0.3):
            began = time.monotonic()
            assert stage.batch(reader, 10, timeout) == []
            assert _next(stage, reader, timeout) is None
            assert time.monotonic() - began < 2 * timeout + PROMPT_SECONDS
        stage.publish(topic, b"after all")
        assert payloads([stage.one(reader)]) == [b"after all"]

    @behaviour(46)
    def test_conformance_46_a_cancelled_wait_raises_cancelled(self, stage: Stage) -> None:
        reader = stage.reader(stage.topic())
        reader.attach()
        with _cancelled_soon() as (cancellation, since):
            with pytest.raises(Cancelled):
                reader.next_batch(10, None, cancellation=cancellation)
            assert since() < PROMPT_SECONDS
            with pytest.raises(Cancelled):
                reader.next_batch(10, 60.0, cancellation=cancellation)

    @behaviour(47)
    def test_conformance_47_a_cancelled_wait_loses_no_message(self, stage: Stage) -> None:
        topic, sent = stage.filled(5)
        reader = stage.reader(topic)
        got: list[Item] = []
        with _cancelled_soon() as (cancellation, _), suppress(Cancelled):
            # a member of a share group does not wait for more while it holds messages
            got = stage.batch(reader, 10, None, cancellation=cancellation)
        if not got:
            got = stage.receive(reader, 5)
        assert sorted(payloads(got)) == sent
        acknowledge(got)
        stage.nothing_more(reader, 0.2)

    @behaviour(48)
    def test_conformance_48_one_cancellation_ends_two_receivers(self, stage: Stage) -> None:
        topic = stage.topic(partitions=2)
        subscription = stage.subscription(topic)
        readers = [stage.consumer(topic, subscription) for _ in range(2)]
        for reader in readers:
            reader.attach()
        with _cancelled_soon() as (cancellation, since), ThreadPoolExecutor(2) as pool:
            waits = [pool.submit(reader.next_batch, 1, None, cancellation=cancellation) for reader in readers]
            for wait in waits:
                with pytest.raises(Cancelled):
                    wait.result(60)
            assert since() < PROMPT_SECONDS

    @behaviour(49)
    def test_conformance_49_after_a_cancelled_stream_a_new_one_sees_all(self, stage: Stage) -> None:
        topic, sent = stage.filled(10)
        subscription = stage.subscription(topic)
        first = stage.consumer(topic, subscription)
        with _cancelled_soon() as (cancellation, _):
            if isinstance(first, MessageConsumer):
                with pytest.raises(Cancelled):
                    _keep_streaming(stage, first, cancellation)
            else:
                with pytest.raises(Cancelled):
                    stage.batch(first, 100, None, cancellation=cancellation)
        first.close()
        stage.drain_all(stage.consumer(topic, subscription), sent)

    @behaviour(50)
    def test_conformance_50_ctrl_c_takes_effect_at_once_and_loses_nothing(self, stage: Stage) -> None:
        sent = numbered(3)
        if stage.harness.in_process:
            topic, subscription = "topic", "subscription"
        else:
            topic = stage.topic()
            subscription = stage.subscription(topic)
            stage.publish(topic, *sent)
        order = {
            "url": stage.harness.url,
            "options": dict(stage.harness.options),
            "in_process": stage.harness.in_process,
            "topic": topic,
            "subscription": subscription,
            "model": stage.model,
            "payloads": [data.decode() for data in sent],
        }
        with Child("interrupt", order) as child:
            self._interrupt(child)
            assert sorted(child.hear("batch")["payloads"]) == order["payloads"]
            self._interrupt(child)
            assert child.hear("next")["payload"] is None
            child.hear("closed")

    @staticmethod
    def _interrupt(child: Child) -> None:
        child.hear("waiting")
        time.sleep(MID_WAIT_SECONDS)
        sent_at = time.monotonic()
        child.signal(signal.SIGINT)
        assert child.hear("interrupted")["at"] - sent_at < PROMPT_SECONDS

    @behaviour(51)
    def test_conformance_51_after_a_break_the_rest_is_redeliverable(self, stage: Stage) -> None:
        topic, sent = stage.filled(10)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        got: list[bytes] = []
        for item in reader:
            stage.keep(item)
            item.ack()
            got.extend(payloads([item]))
            if len(got) == 3:
                break
        reader.close()
        rest = stage.receive(stage.consumer(topic, subscription), 7)
        assert sorted([*got, *payloads(rest)]) == sent

    @behaviour(52)
    def test_conformance_52_concurrent_receivers_get_each_message_once(self, stage: Stage) -> None:
        topic, sent = stage.filled(200)
        reader = stage.reader(topic)
        got: Counter[bytes | None] = Counter()
        lock, over = threading.Lock(), threading.Event()

        def consume() -> None:
            while not over.is_set():
                batch = stage.batch(reader, 7, 0.2)
                with lock:
                    got.update(payloads(batch))

        with ThreadPoolExecutor(4) as pool:
            work = [pool.submit(consume) for _ in range(4)]
            try:
                eventually(lambda: sum(got.values()) >= len(sent), "all arrive", within=60)
                stage.nothing_more(reader, 0.2)
            finally:
                over.set()
            for each in work:
                each.result()
        assert got == Counter(sent)

    @behaviour(53, timed=True)
    def test_conformance_53_a_batch_window_is_not_restarted_by_each_message(self, stage: Stage) -> None:
        topic = stage.topic()
        reader = stage.reader(topic)
        reader.attach()
        batch: Sequence[Item]
        with _trickle(stage, topic):
            if isinstance(reader, MessageConsumer):
                # the window counts from the first message, not from opening the stream
                with reader.batch_stream(max_messages=1000, window=0.6) as batches:
                    first = next(batches)
                    stage.keep(*first)
                    acknowledge(first)
                    began = time.monotonic()
                    batch = next(batches)
                    stage.keep(*batch)
                    took = time.monotonic() - began
            else:
                began = time.monotonic()
                batch = stage.batch(reader, 1000, 0.6)
                took = time.monotonic() - began
        assert 0 < len(batch) < 100
        assert took < 0.6 + PROMPT_SECONDS

    @behaviour(54, timed=True)
    def test_conformance_54_a_timeout_in_mid_batch_returns_the_part(self, stage: Stage) -> None:
        topic, sent = stage.filled(3)
        reader = stage.reader(topic)
        reader.attach()
        began = time.monotonic()
        got = stage.batch(reader, 100, 3.0)
        assert time.monotonic() - began < 3.0 + PROMPT_SECONDS
        assert sorted(payloads(got)) == sent

    @behaviour(79)
    def test_conformance_79_a_backlog_ends_with_the_messages_that_there_were(self, stage: Stage) -> None:
        topic, sent = stage.topic(), numbered(10)
        driver = stage.connection.driver.consumer(
            ConsumerRequest(topic, stage.subscription(topic), stage.model)
        )

        def asked(mark: Any) -> Backlog | None:
            """Return the answer of the driver; a retryable error asks again, as the caller does."""
            try:
                return driver.backlog(mark)
            except Exception as error:
                if not stage.connection.translate(error).retryable:
                    raise
                return Backlog(mark, left=True)

        def left(mark: Any) -> bool:
            told = asked(mark)
            assert told is not None
            return told.left

        try:
            eventually(lambda: driver.attach(1.0), "it is attached", within=RECEIVE_SECONDS)
            # it is asked only after a fetch that returned nothing
            assert driver.fetch(1, 0.2).columns.length == 0
            if asked(None) is None:
                # the system does not say
                return
            eventually(lambda: not left(None), "an empty topic has none left")
            stage.publish(topic, *sent)
            first = eventually(lambda: asked(None) if left(None) else None, "there are messages")
            assert first is not None
            found: list[Fetched] = []
            deadline = Deadline(RECEIVE_SECONDS)
            while sum(each.columns.length for each in found) < len(sent) and not deadline.passed:
                found.append(driver.fetch(len(sent), 1.0))
            assert sorted(data for each in found for data in each.columns.values("value")) == sent
            stage.publish(topic, b"later")

            def none_left() -> bool:
                if not left(first.mark):
                    return True
                # as a caller does: what a client holds may be later messages
                driver.fetch(len(sent), 0.2)
                return False

            eventually(none_left, "what there was has come")
        finally:
            driver.close(5.0)
