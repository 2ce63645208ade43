"""Topics, subscriptions, rules and scheduled messages, by what Microsoft documents of them."""

from __future__ import annotations

import datetime

import pytest
from azure.servicebus import ServiceBusMessage as Message
from azure.servicebus import exceptions

from tests.brokers.conftest import Bus, nothing, receive

pytestmark = pytest.mark.broker


def after(seconds: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)


def test_each_subscription_gets_a_copy_of_its_own(bus: Bus) -> None:
    """A subscription is like a virtual queue that gets copies of the messages sent to the topic."""
    topic = bus.topic("first", "second")
    bus.send(topic, "x")
    receiver = bus.receiver(f"{topic}/first")
    receiver.complete_message(receive(receiver)[0])
    assert [str(each) for each in bus.take(f"{topic}/second")] == ["x"]
    assert nothing(receiver)


def test_a_subscription_does_not_get_earlier_messages(bus: Bus) -> None:
    """Without a subscription that matches, a message of a topic is gone."""
    topic = bus.topic()
    bus.send(topic, "early")
    bus.server.create_subscription(topic, "late")
    bus.send(topic, "now")
    assert [str(each) for each in bus.take(f"{topic}/late")] == ["now"]


def test_subscriptions_have_dead_letters_of_their_own(bus: Bus) -> None:
    """Each subscription has its dead-letter queue at <topic>/Subscriptions/<name>/$DeadLetterQueue."""
    topic = bus.topic("first", "second")
    bus.send(topic, "bad")
    receiver = bus.receiver(f"{topic}/first")
    receiver.dead_letter_message(receive(receiver)[0], reason="why")
    (dead,) = bus.take(f"{topic}/first", sub_queue="deadletter")
    assert (dead.dead_letter_reason, dead.dead_letter_source) == ("why", f"{topic}/Subscriptions/first")
    assert bus.receiver(f"{topic}/second", sub_queue="deadletter").peek_messages() == []


def test_topics_are_not_received_from_nor_subscriptions_sent_to(bus: Bus) -> None:
    """Senders send to topics, receivers receive from subscriptions."""
    topic = bus.topic("first")
    with pytest.raises(exceptions.ServiceBusError, match="amqp:not-allowed"):
        bus.receiver(topic)
    with pytest.raises(exceptions.ServiceBusError, match="amqp:not-allowed"):
        bus.sender(f"{topic}/Subscriptions/first")


def test_a_scheduled_message_comes_when_it_is_due(bus: Bus) -> None:
    """Scheduled messages: not delivered before their time; then they get a new sequence number."""
    queue = bus.queue()
    receiver = bus.receiver(queue)
    (number,) = bus.sender(queue).schedule_messages(Message("later"), after(3))
    assert nothing(receiver)
    (seen,) = receiver.peek_messages(sequence_number=1)
    assert (seen.sequence_number, seen.state.name) == (number, "SCHEDULED")
    bus.send(queue, "between")
    got = receive(receiver, 2)
    assert [str(each) for each in got] == ["between", "later"]
    assert got[1].sequence_number > got[0].sequence_number > number
    assert got[1].enqueued_time_utc >= got[1].scheduled_enqueue_time_utc


def test_a_scheduled_message_can_be_cancelled_by_its_number(bus: Bus) -> None:
    """Cancel Scheduled Message."""
    queue = bus.queue()
    sender = bus.sender(queue)
    numbers = sender.schedule_messages([Message("a"), Message("b")], after(3600))
    assert numbers == [1, 2]
    sender.cancel_scheduled_messages(numbers[0])
    assert [str(each) for each in bus.receiver(queue).peek_messages(5)] == ["b"]
    with pytest.raises(exceptions.MessageNotFoundError):
        sender.cancel_scheduled_messages(numbers[0])


def test_a_scheduled_message_of_a_topic_waits_at_the_topic(bus: Bus) -> None:
    """Its rules are looked at when it is due, so that a subscription made meanwhile gets it too."""
    topic = bus.topic()
    bus.sender(topic).schedule_messages(Message("later"), after(2))
    bus.server.create_subscription(topic, "new")
    assert [str(each) for each in bus.take(f"{topic}/new")] == ["later"]


SENT = {
    "plain": Message("plain"),
    "red 5": Message("red 5", subject="red", application_properties={"size": 5, "kind": "car"}),
    "blue 7": Message("blue 7", subject="blue", application_properties={"size": 7, "kind": "carriage"}),
    "gone 9": Message("gone 9", correlation_id="c-1", application_properties={"size": 9, "it's": True}),
}


FILTERS = {
    "1=1": ["plain", "red 5", "blue 7", "gone 9"],
    "1=0": [],
    "size > 5": ["blue 7", "gone 9"],
    "NOT (size > 5)": ["red 5"],
    "size IN (5, 9) AND sys.Label IS NULL": ["gone 9"],
    "sys.Label = 'red' OR user.size <> 7 AND size >= 9": ["red 5", "gone 9"],
    "kind LIKE 'car%'": ["red 5", "blue 7"],
    "kind NOT LIKE 'car_iage'": ["red 5"],
    "EXISTS(kind)": ["red 5", "blue 7"],
    "sys.CorrelationId = 'c-1' AND [it's] = TRUE": ["gone 9"],
    "size * 2 - 1 = 9": ["red 5"],
    "size = '5'": [],
}


def test_an_sql_filter_lets_pass_what_it_says(bus: Bus) -> None:
    """Subscription rule SQL filter syntax: an unknown value, such as a missing property, is not true."""
    names = {f"s{number}": expression for number, expression in enumerate(FILTERS)}
    topic = bus.topic(*names)
    for name, expression in names.items():
        node = f"{topic}/Subscriptions/{name}"
        bus.request(node, "remove-rule", {"rule-name": "$Default"})
        bus.rule(topic, name, "mine", {"sql-filter": {"expression": expression}})
    bus.send(topic, *SENT.values())
    got = {
        expression: [str(each) for each in bus.receiver(f"{topic}/{name}").peek_messages(10)]
        for name, expression in names.items()
    }
    assert got == FILTERS


def test_a_correlation_filter_wants_all_that_it_names(bus: Bus) -> None:
    """Correlation filters: the conditions are combined with a logical AND, and compared exactly."""
    topic = bus.topic("s")
    bus.rule(topic, "s", "$Default", remove=True)
    bus.rule(topic, "s", "mine", {"correlation-filter": {"label": "red", "properties": {"size": 5}}})
    bus.send(topic, *SENT.values())
    assert [str(each) for each in bus.receiver(f"{topic}/s").peek_messages(10)] == ["red 5"]


def test_rules_without_actions_make_one_copy_and_each_action_makes_another(bus: Bus) -> None:
    """Topic filters and actions: rules with actions each add a message of their own."""
    topic = bus.topic("s")
    bus.rule(topic, "s", "also", {"sql-filter": {"expression": "size = 5"}})
    bus.rule(
        topic,
        "s",
        "marked",
        {
            "sql-filter": {"expression": "size = 5"},
            "sql-rule-action": {"expression": "SET size = size + 1; REMOVE kind"},
        },
    )
    bus.send(topic, SENT["red 5"])
    seen = bus.receiver(f"{topic}/s").peek_messages(10)
    assert sorted(sorted(each.application_properties.items()) for each in seen) == [
        [(b"kind", b"car"), (b"size", 5)],
        [(b"size", 6)],
    ]


def test_a_bad_expression_is_refused(bus: Bus) -> None:
    """com.microsoft:argument-error for what is no SQL filter."""
    topic = bus.topic("s")
    for expression in ("size >", "load_extension('x')", "sys.Nothing = 1", "a = 1; b", "(1, 2)"):
        with pytest.raises(exceptions.ServiceBusError, match="argument-error"):
            bus.rule(topic, "s", "bad", {"sql-filter": {"expression": expression}})
