"""Publishing: any attribute name, order within a key, an outcome for each message."""

from __future__ import annotations

import pytest

from brokerkit.backends.pubsub.driver import PubSubDriver
from brokerkit.core import ConfigError, Connection, NotFound, OutboundMessage, TooLarge, Unavailable
from brokerkit.sandbox.pubsub import PubSubServer
from brokerkit.testing.waiting import eventually

from .conftest import Make, new_name, publish, url_of

pytestmark = pytest.mark.broker

ODD_NAMES = (
    "topic", "data", "ordering_key", "timeout", "retry", "message", "self", "request", "attributes",
    "With Space", "ünï✓", "a.b-c_d", "line\r\nbreak", "x" * 256,
)  # fmt: skip
ODD_VALUES = ("", " spaces ", "two\nlines", "ünï✓😀", "nul\0", "v" * 1024)


def test_any_attribute_name_and_value_comes_back(broker: Connection, make: Make) -> None:
    topic, subscription = make(broker)
    pairs = {name: ODD_VALUES[number % len(ODD_VALUES)] for number, name in enumerate(ODD_NAMES)}
    publish(broker, topic, OutboundMessage(b"\xff\x00", key="ünï", attributes=pairs))
    message = broker.consumer(topic, subscription).next_message(60)
    assert message.data == b"\xff\x00"
    assert message.key == "ünï".encode()
    assert message.attributes.to_dict() == pairs
    assert [name for name, _ in message.attributes] == sorted(pairs)
    message.ack()


def test_an_empty_payload_needs_an_attribute(broker: Connection, make: Make) -> None:
    topic, subscription = make(broker)
    publish(broker, topic, OutboundMessage(b"", attributes={"a": "b"}))
    message = broker.consumer(topic, subscription).next_message(60)
    assert message.data == b""
    message.ack()
    with broker.publisher() as publisher, pytest.raises(ConfigError, match="attribute"):
        publisher.topic(topic).publish(OutboundMessage(b""))


def test_a_refused_message_leaves_its_siblings_and_the_next_of_its_key(
    broker: Connection, make: Make
) -> None:
    """A key that failed goes on by itself."""
    topic, subscription = make(broker)
    with broker.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(
            [
                OutboundMessage(b"1", key="k"),
                OutboundMessage(b"2", key="k", attributes={"goog-reserved": "x"}),
                OutboundMessage(b"3", key="k"),
                OutboundMessage(b"x" * 10_000_000, key="k", attributes={"a": "b"}),
            ]
        )
        assert [result.status for result in results] == ["confirmed", "failed", "confirmed", "failed"]
        assert isinstance(results[3].error, TooLarge)
        assert publisher.topic(topic).publish(OutboundMessage(b"4", key="k")).ok
    consumer = broker.consumer(topic, subscription)
    got = []
    for _ in range(3):
        message = consumer.next_message(60)
        got.append(message.data)
        message.ack()
    assert got == [b"1", b"3", b"4"]


def test_a_key_whose_publish_failed_continues_in_order_once_the_topic_is_there(
    broker: Connection, make: Make
) -> None:
    topic = new_name()
    batch = [OutboundMessage(b"%d" % number, key="k") for number in range(5)]
    with broker.publisher() as publisher:
        failed = publisher.topic(topic).publish_batch(batch, timeout=60)
        assert {result.status for result in failed} == {"failed"}
        assert isinstance(failed[0].error, NotFound)
        broker.create_topic(topic)
        broker.create_subscription(topic, topic + "-reader")
        assert all(result.ok for result in publisher.topic(topic).publish_batch(batch))
    consumer = broker.consumer(topic, topic + "-reader")
    got = []
    while len(got) < 5:
        message = consumer.next_message(60)
        got.append(message.data)
        message.ack()
    assert got == [message.data for message in batch]


def test_refused_messages_of_a_request_are_found_and_the_others_are_stored(
    pstest_server: PubSubServer, make: Make
) -> None:
    """The test server takes 4 MiB: a request of more is refused as a whole, and divided until it fits."""
    from brokerkit.core import connect

    with connect(url_of(pstest_server)) as broker:
        topic, _ = make(broker)
        small = [OutboundMessage(b"s" * 1_500_000) for _ in range(6)]
        with broker.publisher() as publisher:
            results = publisher.topic(topic).publish_batch(
                [*small[:3], OutboundMessage(b"L" * 5_000_000), *small[3:]]
            )
        assert [result.status for result in results] == ["confirmed"] * 3 + ["failed"] + ["confirmed"] * 3
        assert isinstance(results[3].error, TooLarge)


def test_messages_of_one_batch_go_to_their_own_topics(broker: Connection, make: Make) -> None:
    made = [make(broker) for _ in range(3)]
    driver = broker.driver
    assert isinstance(driver, PubSubDriver)
    batch = [(made[number % 3][0], OutboundMessage(b"%d" % number, key="k")) for number in range(9)]
    results = driver.publisher().send(batch, 10)
    assert all(result.ok for result in results)
    for number, (topic, subscription) in enumerate(made):
        consumer = broker.consumer(topic, subscription)
        got = []
        while len(got) < 3:
            message = consumer.next_message(60)
            got.append(int(message.data or b""))
            message.ack()
        assert got == [number, number + 3, number + 6]


def test_messages_that_a_stopped_server_did_not_confirm_are_unknown(server: PubSubServer, make: Make) -> None:
    from brokerkit.core import connect

    with connect(url_of(server)) as broker:
        topic, _ = make(broker)
        with broker.publisher() as publisher:
            assert publisher.topic(topic).publish(OutboundMessage(b"x")).ok
            server.pause()
            try:
                (result,) = publisher.topic(topic).publish_batch([OutboundMessage(b"unheard")], timeout=1.0)
            finally:
                server.resume()
        assert result.status == "unknown"
        assert isinstance(result.error, Unavailable)


def test_messages_that_never_left_failed_and_may_be_sent_again(server: PubSubServer) -> None:
    from brokerkit.core import connect

    with connect(url_of(server)) as broker:
        topic = new_name()
        server.kill()
        try:
            with broker.publisher() as publisher:

                def refused() -> bool:
                    (result,) = publisher.topic(topic).publish_batch([OutboundMessage(b"x")], timeout=0.3)
                    return result.status == "failed" and result.error is not None and result.error.retryable

                eventually(refused, "it is known that nothing was sent")
        finally:
            server.restart()
