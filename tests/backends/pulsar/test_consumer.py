"""The types of subscriptions, giving back, acknowledging within batches, counting, closing."""

from __future__ import annotations

import time

import pytest

from brokerkit.core import (
    AlreadyExists,
    BrokerError,
    ConfigError,
    Connection,
    NotFound,
    NotSupported,
    OutboundMessage,
    Unavailable,
    connect,
)
from brokerkit.testing import eventually

from .conftest import (
    NACK_DELAY,
    Make,
    messages_of,
    new_name,
    publish,
    publish_as_one_batch,
    records_of,
    settled,
    take,
)

pytestmark = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore::brokerkit.core.vocabulary.errors.UnsettledWarning"),
]


def test_two_consumers_of_a_shared_subscription_share_its_messages(broker: Connection, make: Make) -> None:
    topic = make()
    consumers = [messages_of(broker, topic, prefetch=1) for _ in range(2)]
    for consumer in consumers:
        consumer.attach()
    publish(broker, topic, *(b"%d" % n for n in range(20)))
    got: list[list[bytes | None]] = [[], []]

    def both() -> bool:
        for consumer, own in zip(consumers, got, strict=True):
            own.extend(settled(consumer.next_batch(1, 0.05)))
        return sum(map(len, got)) == 20

    eventually(both, "all came", within=60)
    assert all(got)
    assert sorted(got[0] + got[1], key=lambda data: int(data or b"")) == [b"%d" % n for n in range(20)]


def test_key_shared_gives_all_messages_of_a_key_to_one_consumer_in_order(
    broker: Connection, make: Make
) -> None:
    topic = make()
    consumers = [messages_of(broker, topic, subscription_type="key_shared") for _ in range(2)]
    for consumer in consumers:
        consumer.attach()
    publish(broker, topic, *(OutboundMessage(b"%d" % n, key=b"key-%d" % (n % 10)) for n in range(100)))
    keys: list[dict[bytes | None, list[int]]] = [{}, {}]

    def both() -> bool:
        for consumer, own in zip(consumers, keys, strict=True):
            for message in consumer.next_batch(100, 0.1):
                own.setdefault(message.key, []).append(int(message.data or b""))
                message.ack()
        return sum(len(numbers) for own in keys for numbers in own.values()) == 100

    eventually(both, "all came", within=60)
    assert not set(keys[0]) & set(keys[1])
    assert all(numbers == sorted(numbers) for own in keys for numbers in own.values())


def test_an_exclusive_subscription_has_one_consumer(broker: Connection, make: Make) -> None:
    topic = make()
    with messages_of(broker, topic, subscription_type="exclusive") as first:
        first.attach()
        second = messages_of(broker, topic, subscription_type="exclusive")
        with pytest.raises(BrokerError, match="single consumer") as refused:
            second.next_message(60)
        assert not refused.value.retryable
        other_type = messages_of(broker, topic, subscription_type="shared")
        with pytest.raises(BrokerError, match="same subscription_type"):
            other_type.next_message(60)


def test_a_failover_subscription_continues_with_the_next_consumer(broker: Connection, make: Make) -> None:
    topic = make()
    publish(broker, topic, b"1", b"2", b"3")
    first = records_of(broker, topic)
    (one,) = first.next_batch(1, 60)
    one.ack()
    second = records_of(broker, topic)
    second.attach()
    # which of the two is chosen is the broker's affair
    first.close()
    got: list[bytes | None] = []

    def the_last_came() -> bool:
        got.extend(record.value for record in second.next_batch(1, 0.5))
        return got[-1:] == [b"3"]

    eventually(the_last_came, "the rest comes to the second", within=60)
    # the acknowledgement of the first may still have been on its way when the second was chosen
    assert got in ([b"2", b"3"], [b"1", b"2", b"3"])


@pytest.mark.parametrize("kind", ["failover", "exclusive"])
def test_acknowledging_a_record_acknowledges_all_before_it(broker: Connection, make: Make, kind: str) -> None:
    topic = make()
    publish(broker, topic, *(b"%d" % n for n in range(6)))
    with records_of(broker, topic, subscription_type=kind) as consumer:
        consumer.next_batch(6, 60)[3].ack()
    with records_of(broker, topic, subscription_type=kind) as again:
        assert [record.value for record in again.next_batch(2, 60)] == [b"4", b"5"]


@pytest.mark.parametrize("kind", ["shared", "key_shared"])
def test_records_are_refused_where_only_single_messages_are_acknowledged(
    broker: Connection, make: Make, kind: str
) -> None:
    with pytest.raises(NotSupported, match="failover or exclusive"):
        records_of(broker, make(), subscription_type=kind)


def test_an_unknown_type_or_option_is_refused_with_the_known_ones(broker: Connection, make: Make) -> None:
    topic = make()
    with pytest.raises(ConfigError, match="key_shared"):
        messages_of(broker, topic, subscription_type="fanout")
    with pytest.raises(ConfigError, match="max_redeliveries"):
        messages_of(broker, topic, ack_deadline=3)
    with pytest.raises(ConfigError, match="max_redeliveries="):
        messages_of(broker, topic, dead_letter_topic="x")


def test_single_messages_are_acknowledged_on_exclusive_subscriptions_too(
    broker: Connection, make: Make
) -> None:
    topic = make()
    publish(broker, topic, b"1", b"2", b"3")
    with messages_of(broker, topic, subscription_type="exclusive") as consumer:
        take(consumer, 3)[1].ack()
    with messages_of(broker, topic, subscription_type="exclusive") as again:
        got = take(again, 2)
        assert [(message.data, message.delivery_count) for message in got] == [(b"1", None), (b"3", None)]
        settled(got)


def test_returned_messages_are_redelivered_after_the_delay_and_counted(
    broker: Connection, make: Make
) -> None:
    topic = make()
    publish(broker, topic, b"x")
    with messages_of(broker, topic) as consumer:
        for expected in (1, 2, 3):
            (message,) = take(consumer, 1)
            assert message.delivery_count == expected
            given_back = time.monotonic()
            message.nack()
        (message,) = take(consumer, 1)
        assert time.monotonic() - given_back >= NACK_DELAY / 2
        message.ack()
        with pytest.raises(NotSupported, match="delay"):
            message.nack(delay=5)


def test_by_default_a_returned_message_is_redelivered_within_seconds(url: str, make: Make) -> None:
    topic = make()
    with connect(url, nack_delay=1) as broker, messages_of(broker, topic) as consumer:
        publish(broker, topic, b"x")
        take(consumer, 1)[0].nack()
        assert settled(take(consumer, 1, within=60)) == [b"x"]


def test_giving_back_one_of_a_batch_leaves_the_rest_of_it_acknowledged(
    broker: Connection, url: str, make: Make
) -> None:
    topic = make()
    publish_as_one_batch(broker, topic, *(b"%d" % n for n in range(10)))
    # the client sends acknowledgements a tenth of a second later, and before what it gives back
    with connect(url, nack_delay=3) as patient, messages_of(patient, topic) as consumer:
        got = take(consumer, 10)
        assert [message.id.rpartition(":")[2] for message in got] == [str(n) for n in range(10)]
        for message in got:
            message.nack() if message.data == b"3" else message.ack()
        assert settled(take(consumer, 1)) == [b"3"]
        assert consumer.next_batch(1, 1.0) == []


def test_a_part_of_a_batch_stays_acknowledged_when_the_consumer_was_closed(
    broker: Connection, make: Make
) -> None:
    topic = make()
    publish_as_one_batch(broker, topic, *(b"%d" % n for n in range(6)))
    with messages_of(broker, topic) as consumer:
        settled(take(consumer, 6)[::2])
    with messages_of(broker, topic) as again:
        assert settled(take(again, 3)) == [b"1", b"3", b"5"]


def test_a_message_that_fails_too_often_goes_to_the_dead_letters(broker: Connection, make: Make) -> None:
    topic = make()
    publish(broker, topic, OutboundMessage(b"poison", key="k", attributes={"a": "b"}))
    with messages_of(broker, topic, max_redeliveries=1) as consumer:
        for _ in range(2):
            take(consumer, 1)[0].nack()

        def buried() -> bool:
            # the client sends it away when it comes once more, and does not show it
            assert consumer.next_batch(1, 0.2) == []
            (info,) = broker.inspector().describe(topic).subscriptions
            if "dead_letter_topic" not in info.details:
                return False
            assert info.details["dead_letter_topic"] == f"{topic}-me-DLQ"
            return info.details["dead_letter_topic_messages"] == 1

        eventually(buried, "it is among the dead letters")
    with messages_of(broker, f"{topic}-me-DLQ", "look") as dead:
        (message,) = take(dead, 1)
        assert (message.data, message.attributes.get("a")) == (b"poison", "b")
        message.ack()


def test_closing_never_deletes_a_subscription(broker: Connection, make: Make) -> None:
    topic = make()
    publish(broker, topic, b"1", b"2")
    for model in ("message", "record"):
        with broker.consumer(topic, model, model=model, start="earliest") as consumer:  # type: ignore[arg-type]  # both are models
            consumer.attach()
    assert {each.name: each.lag for each in broker.inspector().describe(topic).subscriptions} == {
        "message": 2,
        "record": 2,
    }


def test_messages_without_a_waiting_caller_go_to_other_consumers(broker: Connection, make: Make) -> None:
    topic = make()
    idle = messages_of(broker, topic)
    idle.attach()
    publish(broker, topic, *(b"%d" % n for n in range(10)))
    settled(take(idle, 1))
    with messages_of(broker, topic) as other:
        assert len(settled(take(other, 9, within=60))) == 9


def test_a_missing_subscription_is_told_with_the_line_that_creates_it(broker: Connection, make: Make) -> None:
    topic, missing = make(), new_name()
    with pytest.raises(NotFound, match=f"create_subscription\\('{topic}', '{missing}'"):
        broker.consumer(topic, missing).next_batch(1, 60)
    assert broker.inspector().describe(topic).subscriptions == ()
    broker.create_subscription(topic, missing)
    with pytest.raises(AlreadyExists, match=missing):
        broker.create_subscription(topic, missing)


@pytest.mark.parametrize("partitions", [None, 2])
def test_a_subscription_begins_where_it_is_told(
    broker: Connection, make: Make, partitions: int | None
) -> None:
    topic = make(partitions)
    sent = [OutboundMessage(b"%d" % n, key=b"one key") for n in range(6)]
    results = publish(broker, topic, *sent[:3])
    browser = broker.inspector()
    newest = max(
        time
        for slice_ in browser.plan(topic)
        for c in browser.read(slice_)
        for time in c.values("publish_time")
    )
    eventually(lambda: time.time() * 1e6 > newest + 2000, "the clock goes on")
    between = (newest + 1000) / 1e6
    publish(broker, topic, *sent[3:])
    expected = {"earliest": 6, "latest": 0}
    for start, number in expected.items():
        with messages_of(broker, topic, start, start=start) as consumer:
            assert len(settled(consumer.next_batch(6, 1.5 if number < 6 else 15))) == number
    from datetime import UTC, datetime

    with messages_of(broker, topic, "time", start=datetime.fromtimestamp(between, UTC)) as consumer:
        assert settled(take(consumer, 3)) == [b"3", b"4", b"5"]
        assert consumer.next_batch(1, 0.5) == []
    if partitions is None:
        with messages_of(broker, topic, "id", start=results[1].id) as consumer:
            assert settled(take(consumer, 5)) == [b"1", b"2", b"3", b"4", b"5"]
        with messages_of(broker, topic, "back", start=-2) as consumer:
            assert settled(take(consumer, 2)) == [b"4", b"5"]
    with pytest.raises(ConfigError, match="future"):
        broker.create_subscription(topic, "future", start="+1h")
    assert "future" not in {each.name for each in browser.describe(topic).subscriptions}


def test_a_consumer_that_is_being_opened_again_does_not_know_its_backlog_yet(
    broker: Connection, make: Make
) -> None:
    topic = make()
    broker.create_subscription(topic, "me", start="earliest")
    publish(broker, topic, b"0")
    with messages_of(broker, topic, "me") as consumer:
        assert settled(take(consumer, 1)) == [b"0"]
        driver = consumer._driver  # type: ignore[attr-defined]  # what an idle moment does
        driver._client.let_go()
        with pytest.raises(Unavailable, match="not open yet") as raised:
            driver.backlog(None)
        assert raised.value.retryable
