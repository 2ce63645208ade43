"""One message that the broker refuses fails alone, and the others are stored in their order."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.backends.kafka.connection import KafkaConnection
from brokerkit.backends.kafka.publisher import KafkaPublisher
from brokerkit.core import Connection, OutboundMessage, Unauthorized
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker
MakeTopic = Callable[..., str]
ROWS = 3_000


@pytest.fixture
def session(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as opened:
        yield opened


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration of topics may not be seen, so that only the broker knows what is wrong."""

    def refused(*_: Any) -> dict[str, str]:
        raise Unauthorized("the user lacks an ACL for this")

    monkeypatch.setattr(KafkaConnection, "topic_config", refused)


def stored(session: Session, topic: str) -> dict[int, list[int]]:
    """The numbers of the messages in each partition, in their order."""
    frame = session.scan(topic, progress=False).to_pandas().sort_values("offset")
    return {int(str(place)): rows["value"].astype(int).tolist() for place, rows in frame.groupby("partition")}


def batch_of(bad: set[int], partitions: int = 1) -> list[OutboundMessage]:
    return [
        OutboundMessage(b"%d" % n, None if n in bad else b"k%d" % (n % 9), partition=n % partitions)
        for n in range(ROWS)
    ]


def check(session: Session, topic: str, results: list[Any], bad: set[int], partitions: int = 1) -> None:
    assert {row for row, result in enumerate(results) if result.status == "failed"} == bad
    assert sum(result.ok for result in results) == ROWS - len(bad)
    assert stored(session, topic) == {
        place: [n for n in range(ROWS) if n % partitions == place and n not in bad]
        for place in range(partitions)
    }


BAD = [{0}, {1_500}, {ROWS - 1}, {1, 700, 701, 2_998}]


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_message_without_a_key_fails_alone_on_a_compacted_topic(
    session: Session, make_topic: MakeTopic, bad: set[int], partitions: int
) -> None:
    topic = make_topic(partitions, **{"cleanup.policy": "compact"})
    results = session.shared_publisher().topic(topic).publish_batch(batch_of(bad, partitions))
    check(session, topic, results, bad, partitions)
    assert all("a compacted topic needs a key" in str(results[row].error) for row in bad)


PLACES = {
    "first": {0},
    "middle": {1_500},
    "last": {ROWS - 1},
    "apart": {1, 700, 2_998},
    "adjacent": {1_500, 1_501, 1_502},
    "first hundred": set(range(100)),
    "last hundred": set(range(ROWS - 100, ROWS)),
    "hundred apart": set(range(7, ROWS, 30)),
    "hundred adjacent": set(range(1_000, 1_100)),
}


@pytest.mark.parametrize("size", [0, 2_000], ids=["one batch", "several batches"])
@pytest.mark.parametrize("bad", PLACES.values(), ids=PLACES)
def test_exactly_the_messages_that_only_the_broker_refuses_fail(
    session: Session, make_topic: MakeTopic, hidden: None, bad: set[int], size: int
) -> None:
    topic = make_topic(3, **{"cleanup.policy": "compact"})
    batch = [
        OutboundMessage(b"%d" % n + b" " * size, None if n in bad else b"k%d" % (n % 9), partition=n % 3)
        for n in range(ROWS)
    ]
    # a publisher that is in use sends its first batch of a topic at once
    session.publish(make_topic(1), "warm")
    results = session.shared_publisher().topic(topic).publish_batch(batch)
    check(session, topic, results, bad, 3)
    assert all("failed to validate record" in str(results[row].error) for row in bad)


@pytest.mark.parametrize("bad", [{0}, {1_500}, {ROWS - 1}, {1, 2, 3}, set(range(0, ROWS, 30))], ids=str)
def test_the_order_within_keys_is_kept_around_a_time_that_the_broker_refuses(
    session: Session, make_topic: MakeTopic, hidden: None, bad: set[int]
) -> None:
    topic = make_topic(3, **{"message.timestamp.before.max.ms": 60_000})
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    batch = [
        OutboundMessage(b"%d" % n, b"k%d" % (n % 9), publish_time=yesterday if n in bad else None)
        for n in range(ROWS)
    ]
    results = session.shared_publisher().topic(topic).publish_batch(batch)
    assert {row for row, result in enumerate(results) if result.status == "failed"} == bad
    assert all("time" in str(results[row].error) for row in bad)
    frame = session.scan(topic, progress=False).to_pandas().sort_values("offset")
    for key, rows in frame.groupby("key"):
        number = int(str(key)[1:])
        assert rows["value"].astype(int).tolist() == [n for n in range(number, ROWS, 9) if n not in bad]


def test_messages_of_a_topic_with_a_small_unseen_limit_are_stored_in_smaller_batches(
    session: Session, make_topic: MakeTopic, hidden: None
) -> None:
    topic = make_topic(3, **{"max.message.bytes": 2_000})
    bad = {0, 150, 299}
    batch = [
        OutboundMessage(b"%d" % n + b" " * (4_000 if n in bad else 100), b"k", partition=n % 3)
        for n in range(300)
    ]
    results = session.shared_publisher().topic(topic).publish_batch(batch)
    assert {row for row, result in enumerate(results) if result.status == "failed"} == bad
    assert all(isinstance(results[row].error, bk.TooLarge) for row in bad)
    assert stored(session, topic) == {
        place: [n for n in range(300) if n % 3 == place and n not in bad] for place in range(3)
    }


def test_a_producer_that_the_client_library_gives_up_is_replaced(
    session: Session, make_topic: MakeTopic, hidden: None
) -> None:
    topic = make_topic(3, **{"cleanup.policy": "compact"})
    publisher = session.shared_publisher()
    driver = publisher._driver
    assert isinstance(driver, KafkaPublisher)
    # with this property the first refused batch ends the producer
    driver._properties["enable.gapless.guarantee"] = True
    driver._producer = driver._open()
    results = publisher.topic(topic).publish_batch(batch_of({0, 1_500}, 3))
    assert {row for row, result in enumerate(results) if result.status == "failed"} == {0, 1_500}
    assert publisher.topic(topic).publish(OutboundMessage(b"3000", b"k", partition=0)).ok
    # of what the client library dropped it does not tell whether it was on its way
    confirmed = {row for row, result in enumerate(results) if result.ok}
    assert {n for rows in stored(session, topic).values() for n in rows} == confirmed | {3_000}
    assert all(rows == sorted(rows) for rows in stored(session, topic).values())


def test_frames_and_copies_name_the_rows_that_only_the_broker_refuses(
    session: Session, make_topic: MakeTopic, hidden: None
) -> None:
    source, target, framed = make_topic(3), *(make_topic(3, **{"cleanup.policy": "compact"}) for _ in "12")
    bad = {0, 1_500, 1_501, ROWS - 1}
    session.publish_batch(source, batch_of(bad, 3))
    outcome = session.copy(source, session, target, progress=False)
    assert outcome.counts == {"confirmed": ROWS - 4, "failed": 4, "unknown": 0}
    assert set(outcome.failed["source"]) == {f"{n % 3}-{n // 3}" for n in bad}
    frame = session.scan(source, progress=False).to_pandas()
    outcome = session.publish_frame(framed, frame, progress=False)
    assert set(frame["value"].iloc[outcome.failed["row"]].astype(int)) == bad
    everything = {place: [n for n in range(ROWS) if n % 3 == place and n not in bad] for place in range(3)}
    assert stored(session, target) == stored(session, framed) == everything


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_of_messages_without_an_order_only_those_that_are_wrong_fail(
    session: Session, make_topic: MakeTopic, hidden: None, bad: set[int]
) -> None:
    topic = make_topic(2, **{"message.timestamp.before.max.ms": 60_000})
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    batch = [OutboundMessage(b"%d" % n, publish_time=yesterday if n in bad else None) for n in range(ROWS)]
    began = time.monotonic()
    results = session.shared_publisher().topic(topic).publish_batch(batch)
    assert time.monotonic() - began < 25
    assert {row for row, result in enumerate(results) if result.status == "failed"} == bad
    assert sorted(n for rows in stored(session, topic).values() for n in rows) == [
        n for n in range(ROWS) if n not in bad
    ]


def test_of_several_refused_batches_without_an_order_only_the_wrong_messages_fail(
    session: Session, make_topic: MakeTopic, hidden: None
) -> None:
    topic = make_topic(1, **{"message.timestamp.before.max.ms": 60_000})
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    # the broker names the messages of a batch only if several of them are wrong
    bad = {1, 2, 1_500, 2_999}
    batch = [
        OutboundMessage(b"%d" % n + b" " * 2_000, publish_time=yesterday if n in bad else None)
        for n in range(ROWS)
    ]
    results = session.shared_publisher().topic(topic).publish_batch(batch)
    assert {row for row, result in enumerate(results) if result.status == "failed"} == bad
    assert sorted(stored(session, topic)[0]) == [n for n in range(ROWS) if n not in bad]


def test_more_messages_than_the_client_library_puts_into_a_batch_are_narrowed(
    session: Session, make_topic: MakeTopic, hidden: None
) -> None:
    topic = make_topic(1, **{"cleanup.policy": "compact"})
    driver = session.shared_publisher()._driver
    batch = [(topic, OutboundMessage(b"%d" % n, None if n == 1_500 else b"k")) for n in range(14_000)]
    results = driver.send(batch, 30)
    assert [row for row, result in enumerate(results) if result.status == "failed"] == [1_500]
    assert stored(session, topic) == {0: [n for n in range(14_000) if n != 1_500]}


@pytest.mark.parametrize("bad", [{0}, {1_500}, {1, 700, 701, 2_998}], ids=str)
@pytest.mark.parametrize(
    "setting", ["confluent.value.schema.validation", "redpanda.key.schema.id.validation"]
)
def test_exactly_the_messages_fail_that_a_check_of_the_broker_refuses(
    session: Session, make_topic: MakeTopic, monkeypatch: pytest.MonkeyPatch, setting: str, bad: set[int]
) -> None:
    def checking(*given: Any) -> dict[str, str]:
        # the compaction stands for the check, of which only the broker knows what it refuses
        return {**seen(*given), "cleanup.policy": "delete", setting: "true"}

    seen = KafkaConnection.topic_config
    monkeypatch.setattr(KafkaConnection, "topic_config", checking)
    topic = make_topic(2, **{"cleanup.policy": "compact"})
    batch = [
        OutboundMessage(b"%d" % n + b" " * 2_000, None if n in bad else b"k%d" % (n % 9), partition=n % 2)
        for n in range(ROWS)
    ]
    check(session, topic, session.shared_publisher().topic(topic).publish_batch(batch), bad, 2)


def compact(broker: Connection, topic: str) -> None:
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    entry = ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    broker.native.incremental_alter_configs([resource])[resource].result(60)


def test_a_topic_that_was_compacted_meanwhile_is_asked_again(
    broker: Connection, session: Session, make_topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as after the time for which the configuration is relied on
    monkeypatch.setattr("brokerkit.backends.kafka.publisher.FRESH_SECONDS", 0)
    topic = make_topic(2)
    publisher = session.shared_publisher().topic(topic)
    assert publisher.publish(OutboundMessage(b"-1", b"k", partition=1)).ok
    compact(broker, topic)
    results = publisher.publish_batch(batch_of({1_500}, 2))
    assert {row for row, result in enumerate(results) if result.status == "failed"} == {1_500}
    assert "a compacted topic needs a key" in str(results[1_500].error)
    assert stored(session, topic) == {
        0: [n for n in range(0, ROWS, 2) if n != 1_500],
        1: [-1, *range(1, ROWS, 2)],
    }


@pytest.mark.parametrize("bad", [{0}, {1_500}, {ROWS - 1}, {1, 700, 701, 2_998}], ids=str)
@pytest.mark.parametrize("size", [0, 2_000])
def test_around_a_change_of_the_topic_in_the_last_moment_none_is_lost_silently_or_stored_twice(
    broker: Connection,
    session: Session,
    make_topic: MakeTopic,
    monkeypatch: pytest.MonkeyPatch,
    bad: set[int],
    size: int,
) -> None:
    # the configuration is not read again, as if it were changed after that
    monkeypatch.setattr("brokerkit.backends.kafka.publisher.FRESH_SECONDS", 3_600)
    topic = make_topic(2)
    publisher = session.shared_publisher().topic(topic)
    assert publisher.publish(OutboundMessage(b"-1", b"k", partition=1)).ok
    compact(broker, topic)
    batch = [
        OutboundMessage(b"%d" % n + b" " * size, None if n in bad else b"k%d" % (n % 9), partition=n % 2)
        for n in range(ROWS)
    ]
    results = publisher.publish_batch(batch)
    assert {result.status for result in results} == {"confirmed", "failed"}
    failed = {row for row, result in enumerate(results) if result.status == "failed"}
    assert bad <= failed
    assert all("publish it again" in str(results[row].error) for row in failed - bad)
    assert stored(session, topic) == {
        0: [n for n in range(0, ROWS, 2) if n not in failed],
        1: [-1, *(n for n in range(1, ROWS, 2) if n not in failed)],
    }
    # from now on its messages wait for each other
    more = publisher.publish_batch(batch)
    assert {row for row, result in enumerate(more) if result.status == "failed"} == bad


def test_frames_and_copies_lose_that_row_alone(session: Session, make_topic: MakeTopic) -> None:
    source, target, framed = make_topic(1), *(make_topic(1, **{"cleanup.policy": "compact"}) for _ in "12")
    session.publish_batch(source, batch_of({1_500}))
    outcome = session.copy(source, session, target, progress=False)
    assert outcome.counts == {"confirmed": ROWS - 1, "failed": 1, "unknown": 0}
    assert outcome.failed["source"].tolist() == ["0-1500"]
    assert "a compacted topic needs a key" in outcome.failed["error"].iloc[0]
    frame = session.scan(source, progress=False).to_pandas()
    outcome = session.publish_frame(framed, frame, progress=False)
    assert outcome.failed["row"].tolist() == [1_500]
    everything = {0: [n for n in range(ROWS) if n != 1_500]}
    assert stored(session, target) == stored(session, framed) == everything
    # given a key, it is all that is sent again
    frame.loc[1_500, "key"] = "k"
    again = session.publish_frame(framed, frame, resume=outcome, progress=False)
    assert again.counts["confirmed"] == ROWS
    assert stored(session, framed)[0] == [*everything[0], 1_500]


WHOLE = pd.DataFrame(
    {"value": [str(n) for n in range(100)], "key": [None if n == 50 else f"k{n}" for n in range(100)]},
    dtype=object,
)


def in_transaction(session: Session, topic: str, before: Callable[[], None] = lambda: None) -> list[str]:
    """Publish a frame whose row 50 has no key, and return the reasons, all of rows that are not stored."""
    nothing = pytest.raises(bk.PublishFailed, match="Nothing of the transaction is published")
    with nothing as caught, session.transaction() as tx:
        tx.publish(topic, "-1", key="a")
        before()
        tx.publish_frame(topic, WHOLE, kind="messages", progress=False)
    assert {result.status for result in caught.value.results} == {"failed"}
    assert stored(session, topic) == {}
    return [str(result.error) for result in caught.value.results]


def test_a_transaction_names_the_row_that_is_refused(session: Session, make_topic: MakeTopic) -> None:
    reasons = in_transaction(session, make_topic(1, **{"cleanup.policy": "compact"}))
    assert "needs a key" in reasons[50]
    assert all("another message of its transaction failed" in each for each in reasons[:50] + reasons[51:])


def test_a_transaction_names_the_row_that_the_broker_refuses(
    session: Session, make_topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the change is not seen before the rows are sent, however long that takes
    monkeypatch.setattr("brokerkit.backends.kafka.publisher.FRESH_SECONDS", 60.0)
    topic = make_topic(1)
    reasons = in_transaction(session, topic, lambda: compact(session.connection, topic))
    assert reasons[50].startswith("a compacted topic needs a key")
    assert all("not stored: " in each and "needs a key" in each for each in reasons[:50] + reasons[51:])


def test_a_transaction_says_that_the_row_at_fault_is_not_known(
    session: Session, make_topic: MakeTopic, hidden: None
) -> None:
    reasons = in_transaction(session, make_topic(1, **{"cleanup.policy": "compact"}))
    assert all("one or some of 100 messages" in each for each in reasons)


def test_a_row_that_fails_aborts_a_transaction_that_catches_its_error(
    session: Session, make_topic: MakeTopic
) -> None:
    topic = make_topic(1, **{"cleanup.policy": "compact"})
    with pytest.raises(bk.PublishFailed, match="needs a key"), session.transaction() as tx:
        with contextlib.suppress(bk.PublishFailed):
            tx.publish_batch(topic, batch_of({7})[:10])
        tx.publish(topic, "1", key="a")
    assert stored(session, topic) == {}


def test_a_transaction_with_such_a_message_stores_nothing_and_says_so(
    session: Session, make_topic: MakeTopic, hidden: None
) -> None:
    topic = make_topic(1, **{"cleanup.policy": "compact"})
    with pytest.raises(bk.BrokerError), session.transaction() as tx:
        tx.publish_frame(
            topic,
            pd.DataFrame({"value": ["1", "2", "3"], "key": ["a", None, "b"]}, dtype=object),
            kind="messages",
            progress=False,
        )
    assert stored(session, topic) == {}
    session.publish(topic, "1", key="a")
    assert stored(session, topic) == {0: [1]}
