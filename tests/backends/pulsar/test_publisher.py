"""Publishing: what comes back equal, what is refused before it is sent, and outcomes."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest

from brokerkit.backends.pulsar.options import read_options
from brokerkit.backends.pulsar.rest import RestEndpoint
from brokerkit.backends.pulsar.size_limits import SizeLimits
from brokerkit.core import ConfigError, Connection, NotFound, OutboundMessage, TooLarge, connect
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually

from .conftest import Make, limit_size, messages_of, new_name, publish, settled, take

pytestmark = pytest.mark.broker

ODD = ("", " around ", "two\nlines", "tab\tquote\"'", "ünï✓😀", "a=b;c:d,e", "x" * 5000, "\x00")


def test_odd_names_and_values_of_attributes_come_back_equal(broker: Connection, make: Make) -> None:
    topic = make()
    pairs = {f"{number} {text[:50]}": text for number, text in enumerate(ODD)}
    pairs |= {"topic": "t", "data": "d", "partition_key": "k", "REAL_TOPIC": "r"}
    publish(broker, topic, OutboundMessage(b"x", attributes=pairs))
    with messages_of(broker, topic) as consumer:
        (message,) = take(consumer, 1)
        assert message.attributes.to_dict() == pairs
        message.ack()


def test_a_null_payload_is_not_an_empty_one_and_no_key_is_none(broker: Connection, make: Make) -> None:
    topic = make()
    publish(broker, topic, OutboundMessage(None), OutboundMessage(b""), OutboundMessage(b"x", key="k"))
    with messages_of(broker, topic) as consumer:
        got = take(consumer, 3)
        assert [(message.data, message.key) for message in got] == [(None, None), (b"", None), (b"x", b"k")]
        settled(got)


@pytest.mark.parametrize(
    "message",
    [
        OutboundMessage(b"x", key=b""),
        OutboundMessage(b"x", key=b"\xff"),
        OutboundMessage(b"x", attributes=[("a", "1"), ("a", "2")]),
        OutboundMessage(b"x", attributes={"a": "\ud800"}),
        OutboundMessage(b"x", attributes={"\ud800": "a"}),
    ],
    ids=["empty key", "key of bytes", "name twice", "surrogate value", "surrogate name"],
)
def test_values_that_would_change_are_refused_before_sending(
    broker: Connection, make: Make, message: OutboundMessage
) -> None:
    topic = make()
    with broker.publisher() as publisher:
        before, refused, after = publisher.topic(topic).publish_batch(
            [OutboundMessage(b"before"), message, OutboundMessage(b"after")]
        )
    assert (before.ok, after.ok, refused.status) == (True, True, "failed")
    assert isinstance(refused.error, ConfigError)
    assert broker.inspector().describe(topic).messages == 2


def test_values_of_other_types_are_refused(broker: Connection, make: Make) -> None:
    topic = make()
    with broker.publisher() as publisher:
        for value in (5, b"bytes", None, 1.5, True):
            with pytest.raises(TypeError):
                publisher.topic(topic).publish(OutboundMessage(b"x", attributes={"a": value}))


def test_a_message_above_the_limit_fails_alone_without_chunking(url: str, make: Make) -> None:
    topic = make()
    with connect(url, chunking=False) as broker, broker.publisher() as publisher:
        results = publisher.topic(topic).publish_batch(
            [OutboundMessage(b"1"), OutboundMessage(b"x" * 6_000_000), OutboundMessage(b"2")]
        )
    assert [result.status for result in results] == ["confirmed", "failed", "confirmed"]
    assert isinstance(results[1].error, TooLarge)


@pytest.mark.parametrize(
    ("batching", "partitions"), [(False, 2), pytest.param(True, None, marks=pytest.mark.extended)]
)
def test_what_the_policy_of_a_topic_refuses_fails_alone_and_the_rest_is_stored(
    pulsar_server: PulsarServer, url: str, make: Make, batching: bool, partitions: int | None
) -> None:
    topic = make(partitions)
    limit_size(pulsar_server, topic, 1200)
    keyed = {"key": "key-1", "attributes": {"name": "value" * 10, "$pulsar.event_time": "1790000000000"}}
    # some of them are a few bytes below the limit, and above it
    sizes = [1, 1200, 900, 2000, *range(1000, 1100, 3), 500]
    sent = [OutboundMessage(b"x" * size, **keyed) for size in sizes]
    with connect(url, batching=batching) as broker:
        with broker.publisher() as publisher:
            results = publisher.topic(topic).publish_batch(sent, timeout=15)
            # so many bytes that the library cuts it: brokers take the parts
            large = publisher.topic(topic).publish(OutboundMessage(b"y" * 6_000_000), timeout=15)
        stored = broker.inspector().describe(topic).messages
    by_size = dict(zip(sizes, results, strict=True))
    assert {each.status for each in results} == {"confirmed", "failed"}
    assert all(by_size[size].ok for size in (1, 500, 900, 1000)), "those behind a refused one are stored"
    assert all(isinstance(by_size[size].error, TooLarge) for size in (1200, 2000, 1099))
    assert (large.ok, stored) == (True, sum(each.ok for each in results) + 1)


def test_a_limit_that_is_learned_later_applies_to_batches_too(
    pulsar_server: PulsarServer, url: str, make: Make
) -> None:
    topic = make()
    with connect(url, batching=True) as broker, broker.publisher() as publisher:
        assert publisher.topic(topic).publish(OutboundMessage(b"before")).ok
        limit_size(pulsar_server, topic, 1200)
        driver: Any = publisher._driver
        driver._limits.forget(topic)
        results = publisher.topic(topic).publish_batch([OutboundMessage(bytes(200))] * 20, timeout=5)
    assert [each.status for each in results] == ["confirmed"] * 20


class Silent:
    """The topics of brokers whose REST endpoint takes connections and does not answer."""

    def __init__(self, port: int) -> None:
        address = f"pulsar://127.0.0.1:1?admin=http://127.0.0.1:{port}"
        self.rest = RestEndpoint(read_options(Address.parse(address)))

    def full(self, topic: str) -> str:
        return f"persistent://public/default/{topic}"


def test_a_rest_endpoint_that_does_not_answer_is_not_waited_for_each_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        silent: Any = Silent(listening.getsockname()[1])
        ask, asked = silent.rest.ask, []
        silent.rest.ask = lambda *given, **options: asked.append(given) or ask(*given, **options)
        limits = SizeLimits(silent)
        assert [limits.of(f"t{number % 3}", Deadline(1.2)) for number in range(10)] == [None] * 10
        assert len(asked) == 1
        limits.forget("t0")
        assert limits.of("t0", Deadline(0.2)) is None
        assert len(asked) == 2
        silent.rest.close()


def test_publishing_to_a_missing_topic_creates_none(broker: Connection, make: Make) -> None:
    missing, topic = new_name(), make()
    with broker.publisher() as publisher:
        with pytest.raises(NotFound, match=missing):
            publisher.topic(missing).publish(OutboundMessage(b"x"))
        # the same publisher goes on, and sees it once it is there
        assert publisher.topic(topic).publish(OutboundMessage(b"x")).ok
        broker.create_topic(missing)
        assert publisher.topic(missing).publish(OutboundMessage(b"x")).ok


def test_the_id_of_what_was_published_is_the_id_under_which_it_is_read(
    broker: Connection, make: Make
) -> None:
    topic = make(2)
    results = publish(broker, topic, *(OutboundMessage(b"%d" % n, key=b"%d" % n) for n in range(10)))
    with messages_of(broker, topic) as consumer:
        got = take(consumer, 10)
        assert {message.id for message in got} == {result.id for result in results}
        settled(got)


def test_batches_are_published_where_one_asks_for_them(url: str, make: Make) -> None:
    topic = make()
    with connect(url, batching=True) as broker:
        publish(broker, topic, *(OutboundMessage(b"%d" % n, key=b"%d" % (n % 2)) for n in range(100)))
        (bounds,) = broker.inspector().bounds(topic)
        assert bounds.estimate < 100
        with messages_of(broker, topic) as consumer:
            assert len(settled(take(consumer, 100))) == 100


def test_properties_that_are_not_text_lose_no_message(broker: Connection, make: Make) -> None:
    topic = make()
    producer = broker.native.create_producer(topic)
    producer.send(b"odd", properties={"a": b"\xff"})
    producer.send(b"even", properties={"a": "b"})
    producer.close()
    with messages_of(broker, topic) as consumer:
        odd, even = take(consumer, 2)
        assert (odd.data, odd.attributes.names()) == (b"odd", ("brokerkit.unreadable",))
        assert even.attributes.to_dict() == {"a": "b"}
        settled([odd, even])


def test_a_topic_that_was_terminated_says_so(
    broker: Connection, make: Make, pulsar_server: PulsarServer
) -> None:
    topic = make()
    publish(broker, topic, b"last")
    path = topic.replace("://", "/")
    httpx.post(f"{pulsar_server.admin}/admin/v2/{path}/terminate", trust_env=False).raise_for_status()
    with broker.publisher() as publisher:
        (result,) = publisher.topic(topic).publish_batch([OutboundMessage(b"x")], timeout=10)
    assert result.error is not None
    assert not result.error.retryable
    assert "terminated" in str(result.error)


def test_a_publisher_sees_that_its_topic_was_deleted_and_made_again(
    broker: Connection, pulsar_server: PulsarServer
) -> None:
    namespace = f"public/{new_name()}"
    with httpx.Client(base_url=f"{pulsar_server.admin}/admin/v2/namespaces/", trust_env=False) as admin:
        admin.put(namespace).raise_for_status()
        # or the producer would create the topic again by itself
        policy = {"allowAutoTopicCreation": False}
        admin.post(f"{namespace}/autoTopicCreation", json=policy).raise_for_status()
    topic = f"{namespace}/orders"
    broker.create_topic(topic)
    with broker.publisher() as publisher:
        assert publisher.topic(topic).publish(OutboundMessage(b"1")).ok
        broker.delete_topic(topic)

        def told() -> bool:
            (result,) = publisher.topic(topic).publish_batch([OutboundMessage(b"2")], timeout=2)
            return isinstance(result.error, NotFound)

        eventually(told, "the publisher says that the topic is gone", within=60)
        broker.create_topic(topic)
        assert publisher.topic(topic).publish(OutboundMessage(b"3"), timeout=20).ok
    assert broker.inspector().describe(topic).messages == 1
