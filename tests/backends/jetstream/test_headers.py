"""Keys and attributes survive, or are refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from brokerkit.backends.jetstream import headers
from brokerkit.backends.jetstream.stored import parse_headers, parse_time
from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage, new_run
from brokerkit.core.vocabulary.topics import Slice

KEYS = [None, b"", b"k", b"\x00\xff\r\n", bytes(range(256))]
VALUES = [
    "",
    "a",
    "a b",
    "a\tb",
    "a: b:c",
    "é漢\U0001f600",
    "\x00",
    "x\x7f",
    "u\u2028v",
    "503",
    "=?utf-8?q?x?=",
]
NAMES = ["a", "A", "Status", "Description", "content-type", "!#$%&'*+-.^_`|~09"]


@pytest.mark.broker
def test_every_key_and_attribute_that_is_accepted_comes_back_equal(
    driver: Driver, subject: str, publish: Callable[..., list[str]]
) -> None:
    sent = [OutboundMessage(b"", key=key) for key in KEYS]
    sent += [OutboundMessage(b"x", attributes=[("v", value)]) for value in VALUES]
    sent += [OutboundMessage(b"x", attributes=[(name, "1")]) for name in NAMES]
    sent += [OutboundMessage(b"x", key=b"k", attributes=[("b", "1"), ("a", "2"), ("B", "3")])]
    publish(subject, *sent)
    reader = driver.reader()
    reader.start(Slice(subject, None, 1, len(sent) + 1), attributes=True)
    rows = reader.fetch(5)
    reader.close(1)
    assert rows is not None
    found = [
        OutboundMessage(value, key=key, attributes=pairs)
        for value, key, pairs in zip(
            rows.values("value"), rows.values("key"), rows.values("attributes"), strict=True
        )
    ]
    assert found == sent


@pytest.mark.parametrize("value", [" a", "a ", "a\n", "a\rb", "\u00a0a", "a\x1f", "\ud800", "\u3000"])
def test_values_that_would_be_changed_are_refused(value: str) -> None:
    with pytest.raises(ConfigError):
        headers.outbound(OutboundMessage(b"", attributes={"name": value}), "id")


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a:b", "é", "a\n", "Nats-TTL", "nats-msg-id", "Brokerkit-Key", "a("]
)
def test_names_that_cannot_be_carried_or_are_reserved_are_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        headers.outbound(OutboundMessage(b"", attributes={name: "v"}), "id")


def test_a_name_that_is_there_twice_is_sent_twice_in_its_order() -> None:
    given = [("a", "1"), ("b", "x"), ("a", "2"), ("A", "é"), ("a", "1")]
    sent = headers.outbound(OutboundMessage(b"", key="k", attributes=given), "id")
    assert [*sent.items()] == [*given, ("Nats-Msg-Id", "id"), ("Brokerkit-Key", "aw==")]
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    assert headers.size(sent) == len(f"NATS/1.0\r\n{lines}\r\n".encode())
    assert sent["Nats-Msg-Id"] == "id"


def test_an_id_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="twice"):
        headers.outbound(OutboundMessage(b"", attributes=[("Nats-Msg-Id", "1"), ("Nats-Msg-Id", "2")]), "id")


def test_a_key_header_of_another_program_stays_an_attribute() -> None:
    assert headers.inbound({"Brokerkit-Key": "%%%", "Nats-Msg-Id": f"{new_run()}-1"}) == (
        None,
        (("Brokerkit-Key", "%%%"),),
    )


def test_our_own_headers_are_hidden_and_those_of_publishers_and_servers_shown() -> None:
    key, pairs = headers.inbound({"Brokerkit-Key": "aw==", "Nats-Msg-Id": f"{new_run()}.1", "Nats-Foo": "2"})
    assert (key, pairs) == (b"k", (("Nats-Foo", "2"),))
    assert headers.inbound({"Nats-Msg-Id": "theirs"}) == (None, (("Nats-Msg-Id", "theirs"),))


SERVERS = [
    "Nats-Sequence", "Nats-Stream", "Nats-Expected-Last-Sequence", "Nats-Rollup", "Nats-Schedule",
    "Nats-TTL", "Nats-Incr", "Nats-Batch-Id", "Brokerkit-Key",
]  # fmt: skip


@pytest.mark.parametrize("name", SERVERS)
def test_orders_to_the_server_are_renamed_where_a_message_is_sent_again(name: str) -> None:
    message = OutboundMessage(b"", attributes={name: "v"})
    with pytest.raises(ConfigError, match="reserved"):
        headers.outbound(message, "id")
    for keep_id in (False, True):
        sent = headers.outbound(message.again("id", keep_id=keep_id), "id")
        assert sent == {f"bk-{name}": "v", "Nats-Msg-Id": "id"}


def test_a_message_id_is_kept_beside_the_new_one_or_instead_of_it() -> None:
    message = OutboundMessage(b"", attributes={"Nats-Msg-Id": "theirs"})
    assert headers.outbound(message, "ours") == {"Nats-Msg-Id": "theirs"}
    assert headers.outbound(message.again("ours", keep_id=True), "ours") == {"Nats-Msg-Id": "theirs"}
    again = headers.outbound(message.again("ours"), "ours")
    assert again == {"bk-message-id": "theirs", "Nats-Msg-Id": "ours"}


def test_raw_header_blocks_are_read_as_the_client_reads_them() -> None:
    raw = b"NATS/1.0\r\na: 1\r\nb:  2 \r\na: 3\r\nc:\r\n\r\n"
    assert parse_headers(raw) == {"a": "3", "b": "2", "c": ""}
    assert parse_headers(b"") is None


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:00.5Z", 500_000),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
    ],
)
def test_times_are_floored_to_microseconds(text: str, microseconds: int) -> None:
    assert parse_time(text) == microseconds
