"""What consuming from JetStream promises, on the real server and at the driver."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from brokerkit.backends import jetstream
from brokerkit.core.contract.consumer import ConsumerRequest, Fetched, MessageDriver, Outcome
from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import AckFailed, ConfigError, NotFound
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.positions import AtOffset, AtTime, Earliest, Latest, Position
from brokerkit.core.vocabulary.topics import SubscriptionInfo
from brokerkit.sandbox.nats import NatsServer
from brokerkit.testing import eventually
from tests.backends.attaching import attached

pytestmark = pytest.mark.broker

Publish = Callable[..., list[str]]


def consumer(
    driver: Driver, topic: str, start: Position | None = None, name: str = "me", **options: Any
) -> MessageDriver:
    made = attached(driver, ConsumerRequest(topic, name, "message", start or Earliest(), options))
    assert isinstance(made, MessageDriver)
    return made


def values(fetched: Fetched) -> list[bytes]:
    return list(fetched.columns.values("value"))


def fetch_all(made: MessageDriver, count: int) -> Fetched:
    """Fetch until `count` messages came; the last fetch with all receipts so far."""
    receipts: list[Any] = []
    columns = None
    deadline = time.monotonic() + 60
    while len(receipts) < count and time.monotonic() < deadline:
        fetched = made.fetch(count - len(receipts), 0.2)
        receipts += fetched.receipts
        columns = fetched.columns if columns is None else type(columns).concat([columns, fetched.columns])
    assert columns is not None
    return Fetched(columns, receipts)


def leave_a_request_open(made: MessageDriver) -> None:
    """Interrupt a fetch, as another thread does that settles messages."""
    waking = threading.Timer(0.1, made.wake)
    waking.start()
    assert made.fetch(5, 1.0).columns.length == 0
    waking.join()


def settle(
    made: MessageDriver, receipts: Any, outcome: Outcome = Outcome.ACK, delay: float | None = None
) -> None:
    assert made.settle(receipts, outcome, delay=delay, reason=None) == [None] * len(receipts)


def subscription(driver: Driver, topic: str, name: str = "me") -> SubscriptionInfo:
    found = [each for each in driver.inspector().describe(topic, 5).subscriptions if each.name == name]
    assert len(found) == 1
    return found[0]


def test_a_message_comes_with_where_when_and_how_often(
    driver: Driver, subject: str, publish: Publish
) -> None:
    before = time.time_ns() // 1000
    publish(f"{subject}.x", OutboundMessage(b"v", key=b"k", attributes={"a": "b"}))
    columns = consumer(driver, f"{subject}.>").fetch(1, 60).columns
    assert list(columns.values("topic")) == [f"{subject}.x"]
    assert list(columns.values("id")) == ["1"]
    assert list(columns.values("offset")) == [1]
    assert list(columns.values("key")) == [b"k"]
    assert list(columns.values("attributes")) == [(("a", "b"),)]
    assert list(columns.values("delivery_count")) == [1]
    assert columns.partition is None
    (stamped,) = list(columns.values("publish_time"))
    assert before - 1_000_000 < stamped < time.time_ns() // 1000 + 1_000_000
    assert list(columns.values("ingestion_time")) == [stamped]


def test_an_idle_fetch_is_empty_at_its_wait(driver: Driver, subject: str) -> None:
    made = consumer(driver, subject)
    began = time.monotonic()
    assert made.fetch(10, 0.3).columns.length == 0
    assert 0.2 < time.monotonic() - began < 60


def test_a_waiting_fetch_returns_early_when_woken(driver: Driver, subject: str) -> None:
    made = consumer(driver, subject)
    threading.Timer(0.2, made.wake).start()
    began = time.monotonic()
    assert made.fetch(10, 90).columns.length == 0
    assert time.monotonic() - began < 60


def test_a_fetch_waits_for_the_first_message_that_comes(
    driver: Driver, subject: str, publish: Publish
) -> None:
    made = consumer(driver, subject)
    threading.Timer(0.3, publish, (subject, b"late")).start()
    assert values(made.fetch(10, 60)) == [b"late"]


def test_an_acknowledgement_is_confirmed_and_the_message_gone(
    driver: Driver, subject: str, publish: Publish
) -> None:
    publish(subject, b"1", b"2", b"3")
    made = consumer(driver, subject)
    fetched = fetch_all(made, 3)
    settle(made, fetched.receipts[:2])
    info = subscription(driver, subject)
    assert (info.lag, info.in_flight, info.position) == (1, 1, {None: 3})
    settle(made, fetched.receipts[2:])
    made.close(2)
    assert consumer(driver, subject).fetch(1, 0.3).columns.length == 0


def test_many_acknowledgements_are_confirmed_at_once(driver: Driver, subject: str, publish: Publish) -> None:
    publish(subject, *[b"%d" % number for number in range(6000)])
    made = consumer(driver, subject)
    settle(made, fetch_all(made, 6000).receipts)
    assert subscription(driver, subject).lag == 0


def test_a_returned_message_is_redelivered_with_its_count(
    driver: Driver, subject: str, publish: Publish
) -> None:
    publish(subject, b"1")
    made = consumer(driver, subject)
    settle(made, made.fetch(1, 60).receipts, Outcome.NACK)
    again = made.fetch(1, 25)
    assert (values(again), list(again.columns.values("delivery_count"))) == ([b"1"], [2])
    assert list(again.columns.values("id")) == ["1"]


def test_giving_back_with_a_delay_waits_that_long(driver: Driver, subject: str, publish: Publish) -> None:
    publish(subject, b"1")
    made = consumer(driver, subject)
    settle(made, made.fetch(1, 60).receipts, Outcome.NACK, delay=0.8)
    began = time.monotonic()
    while not made.fetch(1, 0.2).columns.length:
        assert time.monotonic() - began < 60
    assert time.monotonic() - began > 0.6


def test_a_rejected_message_is_never_redelivered(driver: Driver, subject: str, publish: Publish) -> None:
    publish(subject, b"1", b"2")
    made = consumer(driver, subject, ack_wait=60)
    fetched = fetch_all(made, 2)
    settle(made, fetched.receipts[:1], Outcome.REJECT)
    settle(made, fetched.receipts[1:], Outcome.NACK)
    assert values(made.fetch(2, 25)) == [b"2"]


def test_an_unsettled_message_is_redelivered_after_ack_wait_unless_extended(
    driver: Driver, subject: str, publish: Publish
) -> None:
    publish(subject, b"1", b"2")
    made = consumer(driver, subject, ack_wait=3)
    assert made.lock_seconds == 3
    fetched = fetch_all(made, 2)
    extended_until = time.monotonic() + 5.0
    came: list[bytes] = []
    while time.monotonic() < extended_until:
        assert made.extend(fetched.receipts[:1]) == [None]
        came += values(made.fetch(2, 0.2))
    assert b"1" not in came
    assert b"2" in came


def test_acknowledging_after_the_consumer_was_deleted_is_an_error(
    driver: Driver, subject: str, publish: Publish
) -> None:
    publish(subject, b"1")
    made = consumer(driver, subject)
    fetched = made.fetch(1, 60)
    driver.delete_topic(f"stream:{subject.upper()}", timeout=60)
    (problem,) = made.settle(fetched.receipts, Outcome.ACK, delay=None, reason=None)
    assert isinstance(problem, AckFailed)


def test_a_consumer_that_is_deleted_while_read_is_not_found(driver: Driver, subject: str) -> None:
    made = consumer(driver, subject)
    made.fetch(1, 0.1)
    driver.delete_topic(f"stream:{subject.upper()}", timeout=60)

    def until_refused() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            made.fetch(1, 0.2)

    with pytest.raises(NotFound):
        until_refused()


def test_messages_that_arrive_after_the_demand_ended_are_handed_over_later(
    driver: Driver, subject: str, publish: Publish
) -> None:
    made = consumer(driver, subject)
    leave_a_request_open(made)
    publish(subject, b"1", b"2")
    eventually(lambda: subscription(driver, subject).in_flight == 2, "both are in flight")
    made.idle()
    fetched = made.fetch(5, 0)
    assert values(fetched) == [b"1", b"2"]
    assert list(fetched.columns.values("delivery_count")) == [1, 1]


def test_stopping_names_undelivered_messages_to_be_returned(
    driver: Driver, subject: str, publish: Publish
) -> None:
    made = consumer(driver, subject, ack_wait=60)
    leave_a_request_open(made)
    publish(subject, b"1", b"2")
    eventually(lambda: subscription(driver, subject).in_flight == 2, "both are in flight")
    settle(made, made.stop(2), Outcome.NACK)
    made.close(2)
    assert sorted(values(fetch_all(consumer(driver, subject), 2))) == [b"1", b"2"]


def test_after_closing_nothing_is_captured_any_more(driver: Driver, subject: str, publish: Publish) -> None:
    made = consumer(driver, subject, ack_wait=60)
    assert made.fetch(5, 0.05).columns.length == 0
    assert list(made.stop(2)) == []
    made.close(2)
    publish(subject, b"1")
    fetched = consumer(driver, subject).fetch(1, 60)
    assert (values(fetched), list(fetched.columns.values("delivery_count"))) == ([b"1"], [1])


def test_closing_keeps_the_durable_consumer(driver: Driver, subject: str) -> None:
    consumer(driver, subject).close(2)
    assert subscription(driver, subject).name == "me"


def test_a_missing_consumer_is_not_found_and_not_created(driver: Driver, subject: str) -> None:
    with pytest.raises(NotFound, match="create_subscription"):
        attached(driver, ConsumerRequest(subject, "me", "message"))
    assert driver.inspector().describe(subject, 5).subscriptions == ()


def test_a_missing_topic_is_not_found_at_first_use(driver: Driver) -> None:
    made = driver.consumer(ConsumerRequest("nowhere", "me", "message", Earliest()))
    with pytest.raises(NotFound, match=r"create_topic\('nowhere'\)"):
        made.attach(5)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (Earliest(), [b"0", b"1", b"2", b"3"]),
        (AtOffset(3), [b"2", b"3"]),
        (AtOffset(-1), [b"3"]),
        (AtOffset(-100), [b"0", b"1", b"2", b"3"]),
    ],
)
def test_a_created_consumer_begins_where_it_was_told(
    driver: Driver, subject: str, publish: Publish, start: Position, expected: list[bytes]
) -> None:
    publish(subject, b"0", b"1", b"2", b"3")
    assert values(fetch_all(consumer(driver, subject, start), len(expected))) == expected


def test_a_created_consumer_may_begin_at_the_end_or_at_a_time(
    driver: Driver, subject: str, publish: Publish
) -> None:
    publish(subject, b"old")
    newest = consumer(driver, subject, Latest(), name="newest")
    time.sleep(0.005)  # the clock moves on
    moment = time.time_ns() // 1000
    publish(subject, b"new")
    timed = consumer(driver, subject, AtTime(moment), name="timed")
    assert values(newest.fetch(5, 60)) == [b"new"]
    assert values(timed.fetch(5, 60)) == [b"new"]


def test_an_existing_consumer_with_another_filter_is_refused(driver: Driver, subject: str) -> None:
    consumer(driver, f"{subject}.a").close(1)
    other = driver.consumer(ConsumerRequest(f"{subject}.b", "me", "message", Earliest()))
    with pytest.raises(ConfigError, match=rf"'{subject}\.a'.*'{subject}\.b'"):
        other.attach(5)


def test_a_whole_stream_and_wildcards_can_be_consumed(driver: Driver, subject: str, publish: Publish) -> None:
    publish(f"{subject}.a", b"1")
    publish(f"{subject}.b.c", b"2")
    publish(subject, b"3")
    assert values(fetch_all(consumer(driver, f"stream:{subject.upper()}", name="all"), 3)) == [
        b"1",
        b"2",
        b"3",
    ]
    assert values(fetch_all(consumer(driver, f"{subject}.>", name="deep"), 2)) == [b"1", b"2"]
    assert values(fetch_all(consumer(driver, f"{subject}.*", name="flat"), 1)) == [b"1"]


@pytest.mark.parametrize("name", ["a.b", "a b", "a*", ""])
def test_a_name_that_no_consumer_can_have_is_refused(driver: Driver, subject: str, name: str) -> None:
    with pytest.raises(ConfigError):
        driver.consumer(ConsumerRequest(subject, name, "message", Earliest()))


def test_unknown_and_wrong_options_are_refused(driver: Driver, subject: str) -> None:
    with pytest.raises(ConfigError, match="max_ack_pending"):
        consumer(driver, subject, wait=3)
    with pytest.raises(ConfigError, match="ack_wait"):
        consumer(driver, subject, ack_wait="soon")


def test_a_stall_at_max_ack_pending_is_said(
    driver: Driver, subject: str, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    publish(subject, b"1", b"2")
    made = consumer(driver, subject, max_ack_pending=1)
    with caplog.at_level(logging.WARNING, logger="brokerkit.jetstream"):
        assert values(made.fetch(2, 60)) == [b"1"]
        deadline = time.monotonic() + 60
        while "max_ack_pending" not in caplog.text:
            assert time.monotonic() < deadline
            assert made.fetch(2, 0.2).columns.length == 0


def test_consuming_continues_after_the_server_was_killed() -> None:
    with NatsServer() as server:
        driver = jetstream.open(Address.parse(server.url), 60)
        driver.create_topic("orders", options={}, timeout=60)
        publisher = driver.publisher()
        publisher.send([("orders", OutboundMessage(b"1"))], 5)
        made = consumer(driver, "orders", ack_wait=2)
        settle(made, made.fetch(1, 60).receipts)
        made.fetch(1, 0.05)
        server.restart()
        assert publisher.send([("orders", OutboundMessage(b"2", dedup_id="b"))], 15)[0].ok
        assert values(fetch_all(made, 1)) == [b"2"]
        made.close(2)
        driver.close(2)
