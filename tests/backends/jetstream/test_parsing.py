"""What the client makes of the bytes of the server, however they arrive."""

from __future__ import annotations

import asyncio

import pytest
from nats.protocol.parser import Parser

from brokerkit.backends.jetstream.client_internals import Arrived, DirectClient
from brokerkit.backends.jetstream.codec import sequence_of, to_columns

SERVED, OTHER = 1, 2
HEAD = b"NATS/1.0\r\nA: b\r\nA: c\r\n\r\n"
STATUS = b"NATS/1.0 408 Request Timeout\r\n\r\n"


def message(sid: int, data: bytes, reply: bytes = b"$JS.ACK.s.c.1.2.3.4.0") -> bytes:
    return b"MSG orders.new %d %s %d\r\n%s\r\n" % (sid, reply, len(data), data)


def headed(sid: int, head: bytes, data: bytes) -> bytes:
    sizes = (len(head), len(head) + len(data))
    return b"HMSG orders.new %d $JS.ACK.s.c.1.2.3.4.0 %d %d\r\n%s%s\r\n" % (sid, *sizes, head, data)


STREAM = b"".join(
    [
        message(SERVED, b"one"),
        message(SERVED, b""),
        headed(SERVED, HEAD, b"two\r\nlines"),
        b"PING\r\n",
        message(SERVED, b"MSG orders.new 1 3\r\nabc\r\n"),
        message(OTHER, b"not served directly"),
        headed(SERVED, STATUS, b""),
        b"MSG orders.new 1 8\r\nno reply\r\n",
        b"+OK\r\n",
        message(SERVED, b"last" * 50),
    ]
)


class Recording(DirectClient):
    """A client that notes what it is given, with the parser of its own or that of nats-py."""

    def __init__(self, own: bool) -> None:
        super().__init__()
        self.seen: list[object] = []
        self.direct[SERVED] = self._noted
        if not own:
            self._ps = Parser(self)

    def _noted(self, messages: list[Arrived]) -> None:
        for message in messages:
            headers = None if message.headers is None else dict(message.headers)
            self.seen.append((message.subject, message.reply, message.data, headers))

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        if sid == OTHER:
            self.seen.append((sid, subject, reply, data, headers))
        else:
            await super()._process_msg(sid, subject, reply, data, headers)

    async def _process_ping(self) -> None:
        self.seen.append("ping")


def seen(own: bool, parts: list[bytes]) -> list[object]:
    client = Recording(own)

    async def feed() -> None:
        for part in parts:
            await client._ps.parse(part)

    asyncio.run(feed())
    assert not client._ps.buf
    return client.seen


@pytest.mark.extended
def test_messages_are_the_same_however_the_bytes_are_cut() -> None:
    whole = seen(False, [STREAM])
    assert len(whole) == 9
    for cut in range(len(STREAM) + 1):
        assert seen(True, [STREAM[:cut], STREAM[cut:]]) == whole
    for size in (1, 2, 7, 100):
        assert seen(True, [STREAM[at : at + size] for at in range(0, len(STREAM), size)]) == whole


@pytest.mark.parametrize("sizes", [(0, 12), (5, 12), (12, 10)])
def test_sizes_of_headers_that_no_server_sends_are_taken_as_nats_py_takes_them(
    sizes: tuple[int, int],
) -> None:
    odd = b"HMSG orders.new 1 %d %d\r\nNATS/1.0\r\n\r\n\r\n" % sizes
    results: list[object] = []
    for own in (True, False):
        client = Recording(own)
        try:
            asyncio.run(client._ps.parse(odd))
        except Exception as error:
            client.seen.append(type(error))
        results.append(
            (client.seen, client.stats["in_msgs"], client.stats["in_bytes"], bytes(client._ps.buf))
        )
    assert results[0] == results[1]


def test_what_cannot_be_taken_does_not_end_the_connection() -> None:
    client = Recording(True)
    noted = client.direct[SERVED]

    def take(messages: list[Arrived]) -> None:
        if any(each.data == b"odd" for each in messages):
            raise ValueError("an odd one")
        noted(messages)

    client.direct[SERVED] = take
    parts = [message(SERVED, b"one"), message(SERVED, b"odd"), b"PING\r\n", message(SERVED, b"two")]

    async def feed() -> None:
        for part in parts:
            await client._ps.parse(part)
        await client._process_msg(SERVED, b"orders.new", b"", b"odd", None)

    asyncio.run(feed())
    assert [each if each == "ping" else each[2] for each in client.seen] == [b"one", "ping", b"two"]


def test_what_follows_a_lost_connection_is_not_read() -> None:
    client = Recording(True)

    async def lost(error: str) -> None:
        client._ps.reset()

    client._process_err = lost
    asyncio.run(
        client._ps.parse(message(SERVED, b"one") + b"-ERR 'stale connection'\r\n" + message(SERVED, b"two"))
    )
    assert [data for _, _, data, _ in client.seen] == [b"one"]


@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_a_payload_of_many_reads_arrives_whole(size: int) -> None:
    stream = message(SERVED, b"x" * size) + message(SERVED, b"after")
    found = seen(True, [stream[at : at + 32_768] for at in range(0, len(stream), 32_768)])
    assert [len(data) for _, _, data, _ in found] == [size, 5]


def ack(number: int, start: str = "$JS.ACK.s.c", end: str = "") -> str:
    return f"{start}.{number % 3}.{number}.{number + 1}.{1_700_000_000_000_000_000 + number}.5{end}"


LONG = "$JS.ACK.hub.account.s.c"


@pytest.mark.parametrize(
    "replies",
    [
        [ack(1)],
        [*map(ack, range(1, 50))],
        [ack(number, LONG, ".random") for number in range(1, 50)],
        [ack(1), ack(2, LONG), ack(3, LONG, ".random"), ack(4)],
        [ack(1, LONG), ack(2), ack(3, LONG)],
        [ack(1), ack(2, "$JS.ACK.other.c"), ack(3)],
    ],
    ids=["one", "short", "long", "mixed", "mixed, long first", "of two streams"],
)
def test_where_and_when_messages_were_stored_is_read_whatever_their_subjects(replies: list[str]) -> None:
    columns = to_columns([Arrived("orders", reply, b"x", None) for reply in replies])
    assert columns.id == [str(sequence_of(reply)) for reply in replies]
    assert columns.offset == [sequence_of(reply) for reply in replies]
    assert columns.delivery_count == [number % 3 for number in columns.offset]
    assert columns.publish_time == [1_700_000_000_000_000 + number // 1000 for number in columns.offset]
