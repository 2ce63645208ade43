"""Read the message format of each transfer from the bytes of a connection.

Proton does not expose it, and without it a batch cannot be told from a message whose body looks like
one.
"""

from __future__ import annotations

from collections import deque

from .wire import end_of_value

PROTOCOL_HEADER = 8
ATTACH = b"\x00\x53\x12"
TRANSFER = b"\x00\x53\x14"
UNSIGNED = {0x43: 0, 0x44: 0, 0x50: 1, 0x52: 1, 0x60: 2, 0x70: 4, 0x53: 1, 0x80: 8}


class MessageFormats:
    """A parser of all received bytes, asked once for each complete delivery of a link."""

    def __init__(self) -> None:
        self._rest = b""
        self._names: dict[tuple[int, int], str] = {}
        self._formats: dict[str, deque[int]] = {}

    def feed(self, data: bytes) -> None:
        """Add received bytes of the connection."""
        buffer = self._rest + data
        at = 0
        while len(buffer) - at >= PROTOCOL_HEADER:
            if buffer[at : at + 4] == b"AMQP":
                at += PROTOCOL_HEADER
                continue
            size = int.from_bytes(buffer[at : at + 4], "big")
            if size < PROTOCOL_HEADER or len(buffer) - at < size:
                break
            self._frame(buffer[at : at + size])
            at += size
        self._rest = buffer[at:]

    def next(self, link: str) -> int:
        """Return the format of the oldest delivery of a link that was not asked for yet."""
        return self._formats[link].popleft()

    def _frame(self, frame: bytes) -> None:
        body = frame[4] * 4
        channel = int.from_bytes(frame[6:8], "big")
        performative = frame[body : body + 3]
        if frame[5] != 0 or performative not in (ATTACH, TRANSFER):
            return
        at = body + 3
        at += 3 if frame[at] == 0xC0 else 9
        if performative == ATTACH:
            name, at = _field(frame, at)
            handle, at = _field(frame, at)
            text = name[2:] if name[0] == 0xA1 else name[5:]
            self._names[channel, _unsigned(handle)] = text.decode("utf-8", "replace")
        else:
            handle, at = _field(frame, at)
            delivery, at = _field(frame, at)
            _, at = _field(frame, at)
            given, at = _field(frame, at)
            # in a delivery of several transfers, only the first has an id
            if delivery != b"\x40":
                link = self._names[channel, _unsigned(handle)]
                number = 0 if given == b"\x40" else _unsigned(given)
                self._formats.setdefault(link, deque()).append(number)


def _field(frame: bytes, at: int) -> tuple[bytes, int]:
    end = end_of_value(frame, at)
    return frame[at:end], end


def _unsigned(encoded: bytes) -> int:
    return int.from_bytes(encoded[1 : 1 + UNSIGNED[encoded[0]]], "big")
