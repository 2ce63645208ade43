"""Looking: at entities, their counts and rules, and at messages by sequence number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.management import CorrelationRuleFilter, SqlRuleAction, SqlRuleFilter

from brokerkit.backends.servicebus import reader
from brokerkit.core import (
    Columns,
    Connection,
    NotFound,
    NotSupported,
    OutboundMessage,
    Unavailable,
    connect,
)
from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.testing import eventually

from .conftest import new_name, new_queue, new_topic, publish
from .test_consumer import consumer_of, one

pytestmark = pytest.mark.broker


def values(broker: Connection, topic: str, *span: Any) -> list[bytes | None]:
    browser = broker.inspector()
    return [
        value
        for slice_ in browser.plan(topic, *span)
        for part in browser.read(slice_)
        for value in part.values("value")
    ]


def test_queues_topics_subscriptions_and_sub_queues_are_listed(broker: Connection) -> None:
    queue, topic = new_queue(broker), new_topic(broker, "me")
    publish(broker, queue, b"x", b"y")
    publish(broker, topic, b"x")
    with consumer_of(broker, queue) as consumer:
        one(consumer).reject()
    found = {info.name: info for info in broker.inspector().topics()}
    assert (found[queue].messages, found[queue].details["dead_letter"]) == (1, 1)
    assert (found[queue].dead_letters, found[f"{topic}/Subscriptions/me"].dead_letters) == (1, 0)
    assert found[topic].messages is None
    assert found[topic].details == {"kind": "topic", "subscriptions": 1}
    assert found[f"{topic}/Subscriptions/me"].messages == 1
    assert (found[f"{queue}/$deadletterqueue"].messages, found[f"{queue}/$deadletterqueue"].internal) == (
        1,
        False,
    )
    # an empty sub-queue is there, too, for who asks for everything
    assert found[f"{topic}/Subscriptions/me/$deadletterqueue"].internal


def test_a_topic_is_described_by_its_subscriptions_with_their_rules(broker: Connection) -> None:
    topic = new_topic(broker)
    broker.create_subscription(topic, "all", max_delivery_count=3)
    broker.create_subscription(topic, "some", filter="size > 10")
    administration = broker.native.administration
    administration.create_rule(topic, "some", "labelled", filter=CorrelationRuleFilter(label="vip"))
    administration.create_rule(
        topic, "some", "acting", filter=SqlRuleFilter("1=0"), action=SqlRuleAction("SET seen = 1")
    )
    publish(broker, topic, OutboundMessage(b"x", attributes={"size": 11}), OutboundMessage(b"y"))
    described = broker.inspector().describe(topic)
    assert described.partitions == ()
    by_name = {each.name: each for each in described.subscriptions}
    assert {name: each.lag for name, each in by_name.items()} == {"all": 2, "some": 1}
    assert by_name["all"].details["max_delivery_count"] == 3
    assert by_name["all"].details["rules"] == {"$Default": "1=1"}
    assert by_name["some"].details["rules"] == {
        "filter": "size > 10",
        "labelled": "label = 'vip'",
        "acting": "1=0; SET seen = 1",
    }
    subscription = broker.inspector().describe(f"{topic}/Subscriptions/some")
    assert subscription.messages == 1
    assert "filter" in subscription.details["rules"]


def test_a_topic_has_no_messages_of_its_own_and_says_where_they_are(broker: Connection) -> None:
    topic = new_topic(broker, "me")
    with pytest.raises(NotSupported, match=f"{topic}/Subscriptions/NAME"):
        broker.inspector().bounds(topic)


@pytest.mark.parametrize("look", ["bounds", "describe"])
def test_a_missing_object_is_not_found(broker: Connection, look: str) -> None:
    name, topic = new_name(), new_topic(broker)
    for missing in (
        name,
        f"{name}/$deadletterqueue",
        f"{topic}/Subscriptions/missing",
        f"{name}/Subscriptions/me",
    ):
        with pytest.raises(NotFound, match="create_"):
            getattr(broker.inspector(), look)(missing)


def test_the_bounds_are_found_wherever_messages_were_taken_out(broker: Connection) -> None:
    queue = new_queue(broker)
    publish(broker, queue, *[b"%d" % number for number in range(100)])
    (bounds,) = broker.inspector().bounds(queue)
    assert (bounds.start, bounds.end, bounds.messages) == (1, 101, 100)
    with consumer_of(broker, queue) as consumer:
        messages = [message for batch in consumer.fetch_many(100, 60) for message in batch.messages()]
        assert len(messages) == 100
        for row, message in enumerate(messages):
            if row in (30, 31, 70):
                message.nack()
            else:
                message.ack()
    (bounds,) = broker.inspector().bounds(queue)
    assert (bounds.start, bounds.end, bounds.messages) == (31, 101, 3)
    assert values(broker, queue) == [b"30", b"31", b"70"]
    assert values(broker, queue, 32, 71) == [b"31"]
    assert values(broker, queue, 70) == [b"70"]
    with consumer_of(broker, queue) as consumer:
        left = 3
        while left:
            held = consumer.fetch(10, 60)
            assert held is not None
            held.ack()
            left -= len(held)
    (bounds,) = broker.inspector().bounds(queue)
    # what is published next is behind the end that was seen, so that who follows misses nothing
    assert (bounds.start, bounds.end, bounds.messages) == (101, 101, 0)
    assert values(broker, queue) == []
    publish(broker, queue, b"next")
    assert values(broker, queue, 101) == [b"next"]
    # an entity that is created again starts again
    broker.delete_topic(queue)
    broker.create_topic(queue)
    publish(broker, queue, b"new")
    (bounds,) = broker.inspector().bounds(queue)
    assert (bounds.start, bounds.end) == (1, 2)


def test_locked_messages_are_seen_and_stay_locked(broker: Connection) -> None:
    queue = new_queue(broker)
    publish(broker, queue, b"x")
    with consumer_of(broker, queue) as consumer:
        message = one(consumer)
        assert values(broker, queue) == [b"x"]
        message.ack()
    assert values(broker, queue) == []


def test_a_time_is_found_among_scheduled_and_taken_messages(broker: Connection) -> None:
    queue = new_queue(broker)
    publish(broker, queue, *[b"%d" % number for number in range(20)])
    (slice_,) = broker.inspector().plan(queue)
    newest = max(t for part in broker.inspector().read(slice_) for t in part.values("publish_time"))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    publish(broker, queue, OutboundMessage(b"later", attributes={"$sb.scheduled_enqueue_time": tomorrow}))
    after = datetime.fromtimestamp(newest / 1e6 + 0.001, UTC)
    assert values(broker, queue, after) == [b"later"]
    assert values(broker, queue, "-1h") == [*[b"%d" % number for number in range(20)], b"later"]
    assert values(broker, queue, "2000-01-01", "2000-01-02") == []


def test_ranges_of_time_of_dead_letters_are_exact_though_they_keep_their_numbers(broker: Connection) -> None:
    queue = new_queue(broker)
    publish(broker, queue, *[b"%d" % number for number in range(6)])
    with consumer_of(broker, queue) as consumer:
        taken: dict[bytes | None, Any] = {}
        while len(taken) < 6:
            taken |= {each.data: each for each in consumer.next_batch(6 - len(taken), 10)}
        moved: list[datetime] = []
        for data in (b"3", b"0", b"5", b"1", b"4", b"2"):
            eventually(
                lambda: not moved or datetime.now(UTC) > moved[-1] + timedelta(milliseconds=5), "later"
            )
            taken[data].reject(reason="why")
            moved.append(datetime.now(UTC))
    dead = f"{queue}/$deadletterqueue"
    (slice_,) = broker.inspector().plan(dead)
    rows = [
        row
        for part in broker.inspector().read(slice_)
        for row in zip(part.values("value"), part.values("publish_time"), strict=True)
    ]
    times = sorted(time for _, time in rows)
    assert [time for _, time in rows] != times
    for number, (low, high) in enumerate(pairwise(times)):
        span = (datetime.fromtimestamp(low / 1e6, UTC), datetime.fromtimestamp(high / 1e6, UTC))
        assert values(broker, dead, *span) == [value for value, time in rows if low <= time < high], number
        assert values(broker, dead, span[1]) == [value for value, time in rows if time >= high], number


def test_the_sub_queues_are_looked_at(broker: Connection, client: Any) -> None:
    topic, target = new_topic(broker, "me"), new_queue(broker)
    publish(broker, topic, b"bad")
    with consumer_of(broker, topic, "me") as consumer:
        one(consumer).reject(reason="why")
    dead = f"{topic}/Subscriptions/me/$deadletterqueue"
    assert values(broker, dead) == [b"bad"]
    described = broker.inspector().describe(dead)
    assert (described.messages, described.details["kind"]) == (1, "sub-queue")
    # what cannot be forwarded is in the transfer dead-letter queue of where it came from
    source = new_queue(broker, forward_to=target)
    broker.delete_topic(target)
    with client.get_queue_sender(source) as sender:
        sender.send_messages(ServiceBusMessage(b"lost"))
    assert values(broker, f"{source}/$transfer/$deadletterqueue") == [b"lost"]
    with consumer_of(broker, f"{source}/$transfer/$deadletterqueue") as consumer:
        message = one(consumer)
        assert (message.data, message.topic) == (b"lost", f"{source}/$transfer/$deadletterqueue")
        message.ack()


def test_an_account_with_listen_rights_can_look_at_messages(servicebus_server: ServiceBusServer) -> None:
    with connect(servicebus_server.connection_string) as broker:
        queue = new_queue(broker)
        publish(broker, queue, *[b"%d" % number for number in range(10)])
    with connect(servicebus_server.connection_string_of("ListenOnly")) as listener:
        (bounds,) = listener.inspector().bounds(queue)
        assert (bounds.start, bounds.end, bounds.messages) == (1, 11, None)
        assert values(listener, queue, -2) == [b"8", b"9"]


def test_rows_are_read_again_when_they_could_not_be_converted(
    broker: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = new_queue(broker)
    publish(broker, queue, b"a", b"b")
    calls, convert = count(1), reader.to_columns

    def convert_or_fail(*arguments: Any, **options: Any) -> Columns:
        if next(calls) == 1:
            raise Unavailable("the connection was lost")
        return convert(*arguments, **options)

    monkeypatch.setattr(reader, "to_columns", convert_or_fail)
    assert values(broker, queue) == [b"a", b"b"]
