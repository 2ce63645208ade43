"""Subscriptions for one look: made, and gone afterwards whatever happened."""

from __future__ import annotations

import time

import pytest

from brokerkit.backends.pubsub import temporary
from brokerkit.backends.pubsub.driver import PubSubDriver
from brokerkit.core import ConfigError, Connection, NotSupported

from .conftest import Make, new_name, publish

pytestmark = pytest.mark.broker


@pytest.fixture
def topic(emulator: Connection) -> str:
    name = new_name()
    emulator.create_topic(name, retention=3600)
    return name


def _names(broker: Connection, topic: str) -> list[str]:
    return [each.name for each in broker.inspector().describe(topic).subscriptions]


def test_a_look_reads_and_leaves_nothing_behind(emulator: Connection, topic: str) -> None:
    with emulator.consumer(topic, "look", start="earliest", temporary=True) as consumer:
        consumer.attach()
        (name,) = _names(emulator, topic)
        assert name.startswith(temporary.PREFIX)
        publish(emulator, topic, b"seen")
        message = consumer.next_message(60)
        assert message.data == b"seen"
        message.nack()
    assert _names(emulator, topic) == []


def test_an_interrupted_look_leaves_nothing_behind(emulator: Connection, topic: str) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        emulator.consumer(topic, "look", start="earliest", temporary=True) as consumer,
    ):
        consumer.attach()
        assert _names(emulator, topic) != []
        raise KeyboardInterrupt
    assert _names(emulator, topic) == []


def test_an_orphan_of_a_killed_process_is_removed_by_the_next_look(emulator: Connection, topic: str) -> None:
    orphan, alive, foreign = temporary.new_name(), temporary.new_name(), temporary.new_name()
    for name, until in ((orphan, time.time() - 5), (alive, time.time() + 500)):
        labels = {temporary.LABEL: temporary.LABEL_VALUE, temporary.UNTIL: str(int(until))}
        emulator.create_subscription(topic, name, labels=labels)
    emulator.create_subscription(topic, foreign)
    with emulator.consumer(topic, "look", start="earliest", temporary=True) as consumer:
        consumer.attach()
        assert orphan not in _names(emulator, topic)
    assert sorted(_names(emulator, topic)) == sorted([alive, foreign])


def test_a_topic_that_retains_nothing_is_refused(emulator: Connection, make: Make) -> None:
    topic, subscription = make(emulator)
    consumer = emulator.consumer(topic, "look", start="earliest", temporary=True)
    with pytest.raises(NotSupported, match="retains no messages"):
        consumer.next_message(60)
    consumer.close()
    assert _names(emulator, topic) == [subscription]


def test_a_temporary_subscription_takes_no_other_options(emulator: Connection, topic: str) -> None:
    with pytest.raises(ConfigError, match="ack_deadline"):
        emulator.consumer(topic, "look", temporary=True, ack_deadline=60)


def test_removing_a_missing_object_is_allowed(emulator: Connection) -> None:
    driver = emulator.driver
    assert isinstance(driver, PubSubDriver)
    temporary.remove_temporary(driver.connection, temporary.new_name(), 5)
