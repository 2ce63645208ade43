"""What a publisher of JetStream promises, on the real server."""

from __future__ import annotations

import time

import nats
import pytest

import brokerkit as bk
from brokerkit.backends import jetstream
from brokerkit.backends.jetstream.client_internals import Arrived
from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError, NotFound, TooLarge, Unavailable
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.sandbox.nats import NatsServer

pytestmark = pytest.mark.broker


def test_every_message_is_confirmed_with_its_sequence_in_order(driver: Driver, subject: str) -> None:
    results = driver.publisher().send([(subject, OutboundMessage(b"x"))] * 3, 5)
    assert [(result.status, result.id) for result in results] == [
        ("confirmed", "1"), ("confirmed", "2"), ("confirmed", "3"),
    ]  # fmt: skip


def test_more_messages_than_fit_in_the_window_are_all_confirmed_in_order(
    driver: Driver, subject: str
) -> None:
    results = driver.publisher().send([(subject, OutboundMessage(b"x")) for _ in range(10_000)], 60)
    assert [result.id for result in results] == [str(number) for number in range(1, 10_001)]


def test_messages_larger_than_the_byte_window_in_sum_are_all_confirmed(driver: Driver, subject: str) -> None:
    results = driver.publisher().send([(subject, OutboundMessage(b"x" * 900_000))] * 20, 60)
    assert all(result.ok for result in results)


@pytest.mark.parametrize("end", ["zzz", "999999", "-1", "\u00b2", "3.4", ""])
def test_what_others_send_to_the_inbox_settles_nothing(driver: Driver, subject: str, end: str) -> None:
    publisher = driver.publisher()
    publisher.send([(subject, OutboundMessage(b"x"))], 5)
    exchange = publisher._exchange
    exchange._prefix, exchange._answers, exchange._sizes = "i.2.", [None] * 3, [1] * 3
    exchange._answered([Arrived(f"i.2.{end}", "", b"{}", None), Arrived("i.2.1", "", b"mine", None)])
    assert [each and each.data for each in exchange._answers] == [None, b"mine", None]


def test_publishing_again_under_one_name_stores_once(driver: Driver, subject: str) -> None:
    message = OutboundMessage(b"x", dedup_id="once")
    results = driver.publisher().send([(subject, message), (subject, message)], 5)
    assert [(result.ok, result.id) for result in results] == [(True, "1"), (True, "1")]
    assert driver.inspector().bounds(subject, 5)[0].messages == 1


def test_an_unknown_subject_is_not_found_at_once_and_its_siblings_arrive(
    driver: Driver, subject: str
) -> None:
    began = time.monotonic()
    good, missing, last = driver.publisher().send(
        [
            (subject, OutboundMessage(b"1")),
            ("nowhere.x", OutboundMessage(b"2")),
            (subject, OutboundMessage(b"3")),
        ],
        90,
    )
    assert time.monotonic() - began < 60
    assert (good.ok, last.ok, missing.status) == (True, True, "failed")
    assert isinstance(missing.error, NotFound)
    assert "create_topic('nowhere.x')" in str(missing.error)


def test_an_oversized_message_fails_before_it_is_sent_and_its_siblings_arrive(
    driver: Driver, subject: str
) -> None:
    limit = driver.capabilities.max_message_bytes
    assert limit is not None
    results = driver.publisher().send(
        [
            (subject, OutboundMessage(b"x" * (limit + 1))),
            (subject, OutboundMessage(b"x" * limit)),
            (subject, OutboundMessage(b"x")),
        ],
        10,
    )
    assert [result.status for result in results] == ["failed", "failed", "confirmed"]
    assert all(isinstance(result.error, TooLarge) for result in results[:2])


def test_a_message_above_the_streams_own_limit_fails_typed(driver: Driver) -> None:
    driver.create_topic("small", options={"max_msg_size": 10, "stream": "SMALL"}, timeout=60)
    (result,) = driver.publisher().send([("small", OutboundMessage(b"x" * 100))], 5)
    driver.delete_topic("small", timeout=60)
    assert result.status == "failed"
    assert isinstance(result.error, TooLarge)
    assert result.error.__cause__ is not None


def test_a_full_stream_fails_the_message_and_says_so(driver: Driver) -> None:
    driver.create_topic("full", options={"max_msgs": 1, "discard": "new", "stream": "FULL"}, timeout=60)
    first, second = driver.publisher().send(
        [("full", OutboundMessage(b"1")), ("full", OutboundMessage(b"2"))], 5
    )
    driver.delete_topic("full", timeout=60)
    assert first.ok
    assert second.status == "failed"
    assert "maximum messages exceeded" in str(second.error)


@pytest.mark.parametrize("topic", ["a.*", "a.>", "stream:X", "a b", ""])
def test_wildcards_streams_and_nonsense_cannot_be_published_to(driver: Driver, topic: str) -> None:
    (result,) = driver.publisher().send([(topic, OutboundMessage(b""))], 5)
    assert (result.status, type(result.error)) == ("failed", ConfigError)


REPEATED = [
    [("A", "1"), ("A", "2")],
    [("A", "1"), ("b", "x"), ("A", "1"), ("a", "3"), ("A", "é")],
    [("A", str(number)) for number in range(300)],
    [("Nats-Msg-Id", "theirs"), ("A", "1"), ("A", "1")],
]


@pytest.mark.parametrize("attributes", REPEATED, ids=["twice", "among others", "often", "beside an id"])
def test_headers_of_one_name_come_back_in_their_order_and_are_copied_as_they_are(
    nats_server: NatsServer, driver: Driver, subject: str, attributes: list[tuple[str, str]]
) -> None:
    message = OutboundMessage(b"x", key="k", attributes=attributes)
    (result,) = driver.publisher().send([(subject, message)], 5)
    assert result.ok
    with bk.connect(nats_server.url) as session:
        other = f"{subject}.copy"
        session.copy(subject, session, other).raise_for_failures()
        for topic in (subject, other):
            row = session.peek(topic).iloc[0]
            read = [(each["name"], each["value"].decode()) for each in row["attributes"]]
            assert row["key"] == "k"
            assert [pair for pair in read if pair[1] != "theirs" and pair[0] != "bk-publish-time"] == [
                pair for pair in attributes if pair[1] != "theirs"
            ]


def test_headers_that_would_change_are_refused(driver: Driver, subject: str) -> None:
    spaced, good = driver.publisher().send(
        [
            (subject, OutboundMessage(b"", attributes={"a": " x"})),
            (subject, OutboundMessage(b"")),
        ],
        5,
    )
    assert isinstance(spaced.error, ConfigError)
    assert good.id == "1"


def test_headers_above_the_streams_limit_fail_typed(driver: Driver, subject: str) -> None:
    (result,) = driver.publisher().send([(subject, OutboundMessage(b"", attributes={"a": "x" * 70_000}))], 5)
    assert (result.status, type(result.error)) == ("failed", TooLarge)


def test_while_the_server_is_down_nothing_is_confirmed_and_a_retry_stores_once() -> None:
    with NatsServer() as server:
        driver = jetstream.open(Address.parse(server.url), 60)
        driver.create_topic("orders", options={}, timeout=60)
        publisher = driver.publisher()
        message = OutboundMessage(b"x", dedup_id="one")
        server.kill()
        (lost,) = publisher.send([("orders", message)], 1.0)
        assert lost.status in ("failed", "unknown")
        assert isinstance(lost.error, Unavailable)
        assert lost.error.retryable
        server.start()
        (stored,) = publisher.send([("orders", message)], 15)
        assert stored.ok
        assert driver.inspector().bounds("orders", 5)[0].messages == 1
        driver.close(2)


@pytest.mark.parametrize("settings", ["", "max_payload: 2000"])
def test_the_servers_own_payload_limit_is_the_capability(settings: str) -> None:
    with NatsServer(settings=settings) as server:
        driver = jetstream.open(Address.parse(server.url), 60)
        limit = 2000 if settings else 1024 * 1024
        assert driver.capabilities.max_message_bytes == limit
        driver.create_topic("a", options={"storage": "memory"}, timeout=60)
        # the server closes a connection for good that sends more than it takes
        (result,) = driver.publisher().send([("a", OutboundMessage(b"x" * (limit - 10)))], 5)
        assert isinstance(result.error, TooLarge)
        assert driver.publisher().send([("a", OutboundMessage(b"x"))], 5)[0].ok
        driver.close(2)


async def _headers_seen(url: str, subject: str) -> dict[str, str]:
    client = await nats.connect(url)
    message = await client.jetstream().get_last_msg(subject.upper(), subject)
    await client.close()
    return dict(message.headers or {})


def test_every_message_carries_a_message_id_and_the_key_as_base64(
    driver: Driver, nats_server: NatsServer, subject: str
) -> None:
    import asyncio

    driver.publisher().send([(subject, OutboundMessage(b"x", key=b"key"))], 5)
    seen = asyncio.run(_headers_seen(nats_server.url, subject))
    assert seen["Brokerkit-Key"] == "a2V5"
    assert seen["Nats-Msg-Id"]
