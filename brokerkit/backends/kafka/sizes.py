"""The sizes of messages on the wire, which brokers and the client library limit."""

from __future__ import annotations

from collections.abc import Sequence

from brokerkit.core.vocabulary.messages import OutboundMessage

Header = tuple[str, str | bytes | None]

BATCH_HEADER = 61
"""Size of the header of a record batch, in bytes."""
RECORD_FRAMING = 40
HEADER_FRAMING = 12


def headers_of(message: OutboundMessage) -> list[Header]:
    """Return the attributes as Kafka headers. The portable layer has checked their types."""
    headers: list[Header] = []
    for name, value in message.attributes:
        if value is None or isinstance(value, bytes):
            headers.append((name, value))
        elif isinstance(value, str):
            headers.append((name, value.encode("utf-8")))
        else:
            raise TypeError(f"attribute {name!r} must be str, bytes or None, not {type(value).__name__}")
    return headers


def most_bytes(message: OutboundMessage, headers: Sequence[Header]) -> int:
    """Return how many bytes of a batch the client library counts for the message at most."""
    size = RECORD_FRAMING + len(message.key or b"") + len(message.data or b"")
    for name, value in headers:
        size += HEADER_FRAMING + len(name.encode("utf-8")) + len(value or b"")
    return size


def batch_bytes(message: OutboundMessage) -> int:
    """Return the size of an uncompressed record batch of this message alone, which brokers limit."""
    headers = headers_of(message)
    # attributes, time and offset relative to the batch take one byte each in a batch of one
    body = 3 + _field(message.key) + _field(message.data) + _varint(len(headers))
    for name, value in headers:
        body += _field(name) + _field(value)
    return BATCH_HEADER + _varint(body) + body


def _field(data: str | bytes | None) -> int:
    """Return the size of a field in bytes, including its length, which is a varint in zigzag encoding."""
    raw = data.encode("utf-8") if isinstance(data, str) else data
    return 1 if raw is None else _varint(len(raw)) + len(raw)


def _varint(number: int) -> int:
    return max(1, ((number << 1).bit_length() + 6) // 7)
