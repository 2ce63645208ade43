"""The sizes of messages on the wire, which brokers and the client library limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.outbound_rows import OutboundRows

Header = tuple[str, str | bytes | None]

BATCH_HEADER = 61
"""Size of the header of a record batch, in bytes."""
RECORD_FRAMING = 40
HEADER_FRAMING = 12


def headers_of(attributes: Attributes) -> list[Header]:
    """Return attributes as Kafka headers. The portable layer has checked their types."""
    headers: list[Header] = []
    for name, value in attributes:
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


def bound_of(rows: OutboundRows) -> int:
    """Return a size that a batch of any one of these messages does not exceed."""
    size = BATCH_HEADER + RECORD_FRAMING + max(map(len, filter(None, rows.data)), default=0)
    if rows.keys is not None:
        size += max(map(len, filter(None, rows.keys)), default=0)
    if rows.attributes is not None:
        facts = rows.facts
        names = max(map(len, facts.names), default=0)
        known: Iterable[Any] = map(itemgetter(1), facts.pairs)
        if not facts.types <= {bytes, str}:
            known = (value for value in known if isinstance(value, str | bytes))
        values = max(map(len, known), default=0)
        # a character takes four bytes at most
        size += facts.most * (HEADER_FRAMING + 4 * names + 4 * values)
    return size


def batch_bytes(message: OutboundMessage) -> int:
    """Return the size of an uncompressed record batch of this message alone, which brokers limit."""
    headers = headers_of(message.attributes)
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
