"""Topics and subscriptions as they are shown, created and deleted."""

from __future__ import annotations

import pytest

from brokerkit.core import AlreadyExists, ConfigError, Connection, NotFound, NotSupported

from .conftest import Make, new_name

pytestmark = pytest.mark.broker


def test_topics_are_listed_and_described_with_their_subscriptions(broker: Connection, make: Make) -> None:
    graveyard, _ = make(broker)
    topic = new_name()
    broker.create_topic(topic, labels={"team": "sales"})
    name = new_name()
    broker.create_subscription(
        topic,
        name,
        ack_deadline=42,
        dead_letter_topic=graveyard,
        max_delivery_attempts=7,
        filter='attributes.kind = "a"',
        retention=1200,
        labels={"who": "me"},
    )
    assert topic in {info.name for info in broker.inspector().topics()}
    found = broker.inspector().describe(topic)
    assert found.details["labels"] == {"team": "sales"}
    (subscription,) = found.subscriptions
    assert (subscription.name, subscription.kind, subscription.lag) == (name, "subscription", None)
    expected = {
        "ack_deadline_seconds": 42,
        "ordering": True,
        "exactly_once": False,
        "filter": 'attributes.kind = "a"',
        "retention_seconds": 1200,
        "dead_letter_topic": graveyard,
        "max_delivery_attempts": 7,
        "delivery": "pull",
        "temporary": False,
        "labels": {"who": "me"},
    }
    assert expected.items() <= subscription.details.items()


def test_creating_twice_and_deleting_what_is_not_there_are_errors(broker: Connection) -> None:
    topic = new_name()
    broker.create_topic(topic)
    with pytest.raises(AlreadyExists):
        broker.create_topic(topic)
    broker.delete_topic(topic)
    with pytest.raises(NotFound, match="no topic"):
        broker.delete_topic(topic)
    with pytest.raises(NotSupported, match="key"):
        broker.create_topic(new_name(), partitions=3)
    with pytest.raises(ConfigError, match="retention"):
        broker.create_topic(new_name(), colour="red")


def test_a_subscription_whose_topic_was_deleted_says_so(broker: Connection, make: Make) -> None:
    topic, subscription = make(broker)
    broker.delete_topic(topic)
    broker.create_topic(topic)
    with pytest.raises(ConfigError, match="deleted"):
        broker.consumer(topic, subscription).next_message(60)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ack_deadline": "soon"}, "whole number"),
        ({"ordering": "perhaps"}, "true or false"),
        ({"retention": -1}, "negative"),
        ({"max_delivery_attempts": 5}, "dead_letter_topic"),
        ({"labels": {"a": 1}}, "labels"),
        ({"colour": "red"}, "ack_deadline"),
    ],
)
def test_an_option_that_cannot_be_is_a_config_error(
    broker: Connection, make: Make, options: dict[str, object], said: str
) -> None:
    topic, _ = make(broker)
    with pytest.raises(ConfigError, match=said):
        broker.create_subscription(topic, new_name(), **options)


def test_options_that_the_service_refuses_are_a_config_error(emulator: Connection, make: Make) -> None:
    topic, _ = make(emulator)
    with pytest.raises(ConfigError, match="refused"):
        emulator.create_subscription(topic, new_name(), ack_deadline=5000)


def test_reading_without_consuming_is_refused_with_the_choices(broker: Connection, make: Make) -> None:
    topic, _ = make(broker)
    browser = broker.inspector()
    for look in (browser.bounds, browser.plan):
        with pytest.raises(NotSupported, match=r'side_effects="give back".*temporary subscription'):
            look(topic)
        with pytest.raises(NotFound):
            look(new_name())


def test_snapshots_and_seek_are_there_through_the_native_clients(emulator: Connection, make: Make) -> None:
    from .conftest import publish

    topic, subscription = make(emulator, retain_acked=True)
    native = emulator.native
    path = f"projects/{native.project}/subscriptions/{subscription}"
    snapshot = f"projects/{native.project}/snapshots/{new_name()}"
    publish(emulator, topic, b"x")
    native.subscriber.create_snapshot(request={"name": snapshot, "subscription": path}, timeout=5)
    with emulator.consumer(topic, subscription) as consumer:
        consumer.next_message(60).ack()
        assert consumer.next_message(0.5) is None
    native.subscriber.seek(request={"subscription": path, "snapshot": snapshot}, timeout=5)
    with emulator.consumer(topic, subscription) as consumer:
        message = consumer.next_message(60)
        assert message.data == b"x"
        message.ack()
