"""A Pulsar producer whose clock the test sets; that of the client library is always the machine's."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from itertools import count
from types import TracebackType
from typing import Self

from brokerkit.backends.pulsar.wire import bytes_field, fields, number_field

CONNECT, CONNECTED, PRODUCER, SEND, SEND_RECEIPT, PRODUCER_SUCCESS, PING, PONG = 2, 3, 5, 6, 7, 17, 18, 19
LOOKUP, LOOKUP_RESPONSE = 23, 24
NAME = b"clocked"
_ids = count(1)


def _sized(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


class ClockedProducer:
    """A producer of one topic that exists.

    Args:
        host: The host and port of the only broker.
        topic: The full name of the topic, or of its partition.
    """

    def __init__(self, host: str, topic: str) -> None:
        name, _, port = host.rpartition(":")
        self._socket = socket.create_connection((name, int(port)), timeout=20)
        self._read = self._socket.makefile("rb")
        self._id = next(_ids)
        self._sequence = count()
        try:
            self._command(CONNECT, bytes_field(1, b"test") + number_field(4, 19))
            self._until(CONNECTED)
            # only then the broker serves it
            self._command(LOOKUP, bytes_field(1, topic.encode()) + number_field(2, 0))
            self._until(LOOKUP_RESPONSE)
            asked = bytes_field(1, topic.encode()) + number_field(2, self._id) + number_field(3, 1)
            self._command(PRODUCER, asked + bytes_field(4, NAME + b"-%d" % self._id))
            self._until(PRODUCER_SUCCESS)
        except BaseException:
            self.close()
            raise

    def send(self, rows: Iterable[tuple[str, int]]) -> None:
        """Store each (value, milliseconds) pair as an entry of its own."""
        rows = list(rows)
        for value, millis in rows:
            self._send(value.encode(), self._metadata(millis), 1)
        for _ in rows:
            self._until(SEND_RECEIPT)

    def send_batch(self, values: Sequence[str], millis: int) -> None:
        """Store values as one entry, which has a single time."""
        payloads = [value.encode() for value in values]
        content = b"".join(_sized(number_field(3, len(each))) + each for each in payloads)
        self._send(content, self._metadata(millis) + number_field(11, len(values)), len(values))
        self._until(SEND_RECEIPT)

    def _metadata(self, millis: int) -> bytes:
        return bytes_field(1, NAME) + number_field(2, next(self._sequence)) + number_field(3, millis)

    def _send(self, payload: bytes, metadata: bytes, messages: int) -> None:
        sequence = number_field(2, dict(fields(metadata))[2])  # type: ignore[arg-type]  # it is a number
        content = number_field(1, self._id) + sequence + number_field(3, messages)
        self._command(SEND, content, _sized(metadata) + payload)

    def _command(self, kind: int, content: bytes, payload: bytes = b"") -> None:
        self._socket.sendall(_sized(_sized(number_field(1, kind) + bytes_field(kind, content)) + payload))

    def _until(self, kind: int) -> None:
        """Read answers up to one of a kind."""
        while True:
            total = int.from_bytes(self._read.read(4), "big")
            frame = self._read.read(total)
            assert total, "the broker closed the connection"
            answer = dict(fields(frame[4:]))
            if answer[1] == kind:
                return
            assert answer[1] == PING, f"the broker answered {answer}"
            self._command(PONG, b"")

    def close(self) -> None:
        self._read.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
