"""Acknowledging and returning messages: only acknowledged ones are not delivered again."""

from __future__ import annotations

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from brokerkit.core import (
    BrokerError,
    Cancellation,
    Cancelled,
    LockLost,
    Message,
    MessageConsumer,
    OutboundMessage,
    UnsettledWarning,
)

from ..behaviour import behaviour
from ..stage import RECEIVE_SECONDS, Stage, acknowledge, identity, numbered, payload, payloads
from ..waiting import eventually

CLOCK_SECONDS = 0.3
"""How much the ends of a lock may differ between the server and the client."""
STALL_SECONDS = 30.0
"""Messages that come at all follow each other sooner than this."""
ACK_SECONDS = 45.0
"""An acknowledgement that cannot be confirmed must raise within this time."""


def _message(stage: Stage, consumer: MessageConsumer, within: float = RECEIVE_SECONDS) -> Message:
    item = stage.one(consumer, within)
    assert isinstance(item, Message)
    return item


class Acknowledgement:
    """Behaviours 22 to 38."""

    @behaviour(22)
    def test_conformance_22_a_nack_redelivers(self, stage: Stage) -> None:
        topic, _ = stage.filled(1)
        reader = stage.reader(topic)
        first = stage.one(reader)
        first.nack()
        again = stage.one(reader)
        assert identity(again) == identity(first)
        assert payload(again) == payload(first)
        again.ack()

    @behaviour(23)
    def test_conformance_23_acknowledging_twice_is_fine(self, stage: Stage) -> None:
        topic, _ = stage.filled(2)
        reader = stage.reader(topic)
        first, second = stage.receive(reader, 2)
        first.ack()
        first.ack()
        second.ack()
        first.ack()

    @behaviour(24)
    def test_conformance_24_a_nack_after_the_ack_hurts_no_sibling(self, stage: Stage) -> None:
        topic, _ = stage.filled(2)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        first, second = stage.receive(reader, 2)
        first.ack()
        first.nack()
        second.ack()
        reader.close()
        stage.nothing_more(stage.consumer(topic, subscription))

    @behaviour(25)
    def test_conformance_25_acknowledging_one_leaves_its_neighbour(self, stage: Stage) -> None:
        topic, _ = stage.filled(3)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        first, second, third = stage.receive(reader, 3)
        second.ack()
        # on a log the acknowledgement includes the records before it
        left = [third] if stage.records else [first, third]
        reader.close()
        again = stage.receive(stage.consumer(topic, subscription), len(left))
        assert {identity(item) for item in again} == {identity(item) for item in left}

    @behaviour(26)
    def test_conformance_26_what_was_acknowledged_is_gone_after_reopening(self, stage: Stage) -> None:
        topic, sent = stage.filled(5)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        acknowledge(stage.receive(reader, 3))
        reader.close()
        reopened = stage.consumer(topic, subscription)
        assert payloads(stage.receive(reopened, 2)) == sent[3:]
        stage.nothing_more(reopened, 0.2)

    @behaviour(27, disturbs=True)
    def test_conformance_27_a_failed_ack_is_raised(self, stage: Stage) -> None:
        topic, _ = stage.filled(1)
        reader = stage.reader(topic)
        item = stage.one(reader)
        stage.harness.kill()
        try:
            began = time.monotonic()
            with pytest.raises(BrokerError):
                item.ack()
            assert time.monotonic() - began < ACK_SECONDS
        finally:
            stage.harness.restart()
        # only that acknowledgement failed: the same consumer goes on
        stage.publish(topic, b"later")
        stage.drain_all(reader, [b"later"], within=60)

    @behaviour(28)
    def test_conformance_28_two_threads_may_acknowledge_the_same(self, stage: Stage) -> None:
        topic, _ = stage.filled(20)
        reader = stage.reader(topic)
        items = stage.receive(reader, 20)
        with ThreadPoolExecutor(2) as pool:
            for item in items:
                for done in [pool.submit(item.ack), pool.submit(item.ack)]:
                    done.result()

    @behaviour(29)
    def test_conformance_29_after_two_nacks_all_arrive(self, stage: Stage) -> None:
        topic, sent = stage.filled(10)
        reader = stage.reader(topic)
        stage.one(reader).nack()
        stage.one(reader).nack()
        stage.drain_all(reader, sent)

    @behaviour(30, model="message")
    def test_conformance_30_a_hundred_nacks_over_three_consumers_lose_nothing(self, stage: Stage) -> None:
        topic, sent = stage.filled(100)
        subscription = stage.subscription(topic)
        readers = [stage.messages(topic, subscription) for _ in range(3)]
        left = 100
        while left > 0:
            for reader in readers:
                for item in stage.batch(reader, 1, 0.2):
                    item.nack()
                    left -= 1
        got: list[bytes | None] = []

        def complete() -> bool:
            for reader in readers:
                batch = stage.batch(reader, 100, 0.1)
                acknowledge(batch)
                got.extend(payloads(batch))
            return set(got) == set(sent)

        came, at = len(got), time.monotonic()
        while not complete():
            if len(got) > came:
                came, at = len(got), time.monotonic()
            assert time.monotonic() - at < STALL_SECONDS, f"{came} messages came, and then no more"
        assert len(got) == 100

    @behaviour(31, model="message")
    def test_conformance_31_ordered_the_next_of_a_key_waits_for_the_ack(self, stage: Stage) -> None:
        topic = stage.topic()
        subscription = stage.subscription(topic, **stage.harness.ordered_options)
        stage.publish(topic, *[OutboundMessage(data, key=b"key") for data in numbered(3)])
        reader = stage.messages(topic, subscription)
        for expected in numbered(3):
            item = stage.one(reader)
            assert payload(item) == expected
            stage.nothing_more(reader, 0.3)
            item.ack()

    @behaviour(32, model="message")
    def test_conformance_32_a_lapsed_deadline_redelivers(self, stage: Stage) -> None:
        late, again, _ = self._lapsed(stage)
        assert identity(again) == identity(late)
        again.ack()

    @behaviour(33, model="message")
    def test_conformance_33_a_late_ack_is_lock_lost_and_settles_nothing(self, stage: Stage) -> None:
        late, again, other = self._lapsed(stage)
        with pytest.raises(LockLost):
            late.ack()
        again.nack()
        assert identity(stage.one(other)) == identity(late)

    @staticmethod
    def _lapsed(stage: Stage) -> tuple[Message, Message, MessageConsumer]:
        """Return a message whose lock expired, its second delivery, and the consumer that received it."""
        topic, _ = stage.filled(1)
        subscription = stage.subscription(topic, **stage.harness.lock_options)
        late = _message(stage, stage.messages(topic, subscription, hold=0.1))
        lapses_at = time.monotonic() + stage.harness.lock_seconds + CLOCK_SECONDS
        other = stage.messages(topic, subscription)
        again = _message(stage, other, stage.harness.lock_seconds + RECEIVE_SECONDS)
        # the server counts from when it sent the message, a little before it was received
        eventually(lambda: time.monotonic() > lapses_at, "the lock lapses by our clock as well", within=60)
        return late, again, other

    @behaviour(34, model="message")
    def test_conformance_34_the_delivery_count_grows_from_one(self, stage: Stage) -> None:
        topic, _ = stage.filled(1)
        reader = stage.messages(topic, stage.subscription(topic))
        for expected in (1, 2, 3):
            item = _message(stage, reader)
            assert item.delivery_count == expected
            item.nack()

    @behaviour(35, model="message")
    def test_conformance_35_a_handler_that_raises_gives_its_message_back(self, stage: Stage) -> None:
        topic, _ = stage.filled(1)
        reader = stage.messages(topic, stage.subscription(topic))

        def handler(message: Message) -> None:
            stage.keep(message)
            raise ZeroDivisionError("the handler's own error")

        with pytest.raises(ZeroDivisionError):
            reader.receive(handler)
        again = _message(stage, reader)
        if stage.capabilities.delivery_count:
            assert (again.delivery_count or 0) >= 2

    @behaviour(36, model="message")
    def test_conformance_36_a_cancelled_handler_neither_acks_nor_nacks(self, stage: Stage) -> None:
        topic, _ = stage.filled(1)
        subscription = stage.subscription(topic)
        reader = stage.messages(topic, subscription)
        cancellation = Cancellation()
        seen: list[Message] = []

        def handler(message: Message) -> None:
            seen.append(message)
            cancellation.cancel()
            raise Cancelled("while handling")

        reader.receive(handler, cancellation=cancellation)
        stage.keep(*seen)
        assert len(seen) == 1
        assert not seen[0].delivery.settled  # type: ignore[union-attr]  # it came from a consumer
        stage.nothing_more(stage.messages(topic, subscription))
        seen[0].ack()
        reader.close()
        stage.nothing_more(stage.messages(topic, subscription))

    @behaviour(37)
    def test_conformance_37_another_thread_may_acknowledge(self, stage: Stage) -> None:
        topic, _ = stage.filled(3)
        subscription = stage.subscription(topic)
        reader = stage.consumer(topic, subscription)
        items = stage.receive(reader, 3)
        with ThreadPoolExecutor(1) as pool:
            for item in items:
                pool.submit(item.ack).result()
        reader.close()
        stage.nothing_more(stage.consumer(topic, subscription))

    @behaviour(38, model="message", disturbs=True)
    def test_conformance_38_an_unsettled_message_warns(self, stage: Stage) -> None:
        topic, _ = stage.filled(2)
        reader = stage.messages(topic, stage.subscription(topic))
        settled = reader.next_message(RECEIVE_SECONDS)
        forgotten = reader.next_message(RECEIVE_SECONDS)
        assert settled is not None
        assert forgotten is not None
        settled.ack()
        name = forgotten.id
        with pytest.warns(UnsettledWarning, match=name) as warned:  # noqa: PT031  # both let go of it
            del settled, forgotten
            gc.collect()
        assert len([each for each in warned if each.category is UnsettledWarning]) == 1
