"""Split and build encoded messages: the sections of AMQP 1.0.

The bytes of a sender's sections are kept as they came. The broker encodes only its own parts: the
header, its annotations, and properties that it adds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from proton import Data, DataException, Described, symbol, ulong

from . import errors

HEADER = 0x70
MESSAGE_ANNOTATIONS = 0x72
PROPERTIES = 0x73
APPLICATION_PROPERTIES = 0x74
DATA = 0x75
FOOTER = 0x78

MOST_TTL = 2**32 - 1
"""The longest time to live that the header can hold, in milliseconds; that of an entity may be longer."""

LAST_TIME = 253402300799999
"""The end of the year 9999, the last time that the service knows, in milliseconds since the epoch."""

BATCH_FORMAT = 0x80013700
"""The message format of a transfer whose data sections are encoded messages."""

ENQUEUED_TIME = "x-opt-enqueued-time"
SEQUENCE_NUMBER = "x-opt-sequence-number"
ENQUEUED_SEQUENCE_NUMBER = "x-opt-enqueue-sequence-number"
LOCKED_UNTIL = "x-opt-locked-until"
MESSAGE_STATE = "x-opt-message-state"
DEAD_LETTER_SOURCE = "x-opt-deadletter-source"
SCHEDULED_TIME = "x-opt-scheduled-enqueue-time"

OWN_ANNOTATIONS = {
    ENQUEUED_TIME,
    SEQUENCE_NUMBER,
    ENQUEUED_SEQUENCE_NUMBER,
    LOCKED_UNTIL,
    MESSAGE_STATE,
    DEAD_LETTER_SOURCE,
}
"""Annotations that are the broker's to give: a sender's are dropped."""

FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}


def end_of_value(buffer: bytes, at: int) -> int:
    """Return the position where the value that starts at `at` ends.

    Raises IndexError if the buffer ends before.
    """
    if buffer[at] == 0:
        return end_of_value(buffer, end_of_value(buffer, at + 1))
    kind = buffer[at] >> 4
    if kind in FIXED_WIDTHS:
        return at + 1 + FIXED_WIDTHS[kind]
    if kind in (0xA, 0xC, 0xE):
        return at + 2 + buffer[at + 1]
    if kind in (0xB, 0xD, 0xF):
        return at + 5 + int.from_bytes(buffer[at + 1 : at + 5], "big")
    raise errors.undecodable(f"0x{buffer[at]:02x} is not the format code of a type")


def sections(buffer: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield the sections of a message as (descriptor, start, start of the value, end).

    Raises Refusal for bytes that are not a message.
    """
    at = 0
    try:
        while at < len(buffer):
            start = at
            if buffer[at : at + 2] == b"\x00\x53":
                code, at = buffer[at + 2], at + 3
            elif buffer[at : at + 2] == b"\x00\x80":
                code, at = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            else:
                raise errors.undecodable("a message section starts with a described type")
            if not HEADER <= code <= FOOTER:
                raise errors.undecodable(f"0x{code:x} is not a section of a message")
            value, at = at, end_of_value(buffer, at)
            if at > len(buffer):
                raise errors.undecodable("the last section of the message is cut off")
            yield code, start, value, at
    except IndexError:
        raise errors.undecodable("the message is cut off") from None


def value_of(section: bytes) -> Any:
    """Return the decoded value of one section."""
    data = Data()
    try:
        data.decode(section)
        return data.get_py_described().value
    except (DataException, ValueError, TypeError) as error:
        raise errors.undecodable(f"a section of the message does not decode: {error}") from error


def section_of(code: int, value: Any) -> bytes:
    """Return one encoded section. Raises Refusal for a value that AMQP has no type for."""
    data = Data()
    try:
        data.put_py_described(Described(ulong(code), value))
        return bytes(data.encode())
    except (DataException, ValueError, TypeError, OverflowError) as error:
        raise errors.undecodable(f"a value cannot be encoded: {error}") from error


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a sent message: its encoded sections, and the facts that the broker needs.

    Attributes:
        ttl: The time to live in milliseconds.
        scheduled: When it is to be enqueued, in milliseconds since the epoch.
    """

    annotations: bytes
    properties: bytes
    application: bytes
    body: bytes
    ttl: int | None = None
    session: str | None = None
    message_id: str | None = None
    scheduled: int | None = None

    def annotated(self, more: Mapping[str, Any]) -> Content:
        """Return the content with further annotations."""
        known = value_of(self.annotations) if self.annotations else {}
        known.update({symbol(key): value for key, value in more.items()})
        return replace(self, annotations=section_of(MESSAGE_ANNOTATIONS, known))

    def with_properties(self, more: Mapping[str, Any]) -> Content:
        """Return the content with application properties added or replaced."""
        if not more:
            return self
        return self.with_only_properties({**self.application_properties(), **more})

    def with_only_properties(self, properties: Mapping[str, Any]) -> Content:
        """Return the content with other application properties in place of its own."""
        return replace(
            self, application=section_of(APPLICATION_PROPERTIES, dict(properties)) if properties else b""
        )

    def application_properties(self) -> dict[str, Any]:
        """Return the decoded application properties."""
        return dict(value_of(self.application) or {}) if self.application else {}

    def fields(self) -> list[Any]:
        """Return the thirteen fields of the properties section, with None for those not given."""
        given = list(value_of(self.properties) or []) if self.properties else []
        return given + [None] * (13 - len(given))


def parse(raw: bytes) -> Content:
    """Return a message from its bytes. Raises Refusal for bytes that are not a message."""
    try:
        return _parsed(raw)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise errors.undecodable(f"a section of the message has a value of a wrong type: {error}") from error


def _parsed(raw: bytes) -> Content:
    parts = {MESSAGE_ANNOTATIONS: b"", PROPERTIES: b"", APPLICATION_PROPERTIES: b""}
    ttl = scheduled = None
    # the service accepts a message without a body, and its clients send one for a body of None
    body_start = len(raw)
    for code, start, _, end in sections(raw):
        if code == HEADER:
            header = value_of(raw[start:end]) or []
            ttl = int(header[2]) if len(header) > 2 and header[2] is not None else None
            if ttl is not None and not 0 <= ttl <= MOST_TTL:
                raise errors.undecodable(f"a time to live of {ttl} ms does not fit 32 bits")
        elif code in parts:
            parts[code] = raw[start:end]
        elif code >= DATA:
            body_start = min(body_start, start)
    if not raw:
        raise errors.undecodable("the message has no section")
    annotations = parts[MESSAGE_ANNOTATIONS]
    if annotations:
        given = value_of(annotations) or {}
        kept = {key: value for key, value in given.items() if str(key) not in OWN_ANNOTATIONS}
        due = next((value for key, value in kept.items() if str(key) == SCHEDULED_TIME), None)
        scheduled = int(due) if isinstance(due, int) else None
        if scheduled is not None and scheduled > LAST_TIME:
            raise errors.invalid(f"{SCHEDULED_TIME} is {scheduled}, which is after the year 9999")
        annotations = section_of(MESSAGE_ANNOTATIONS, kept) if kept else b""
    content = Content(
        annotations,
        parts[PROPERTIES],
        parts[APPLICATION_PROPERTIES],
        raw[body_start:],
        ttl,
        scheduled=scheduled,
    )
    if not content.properties:
        return content
    fields = content.fields()
    message_id = None if fields[0] is None else str(fields[0])
    if fields[10] is not None and not isinstance(fields[10], str):
        raise errors.undecodable("the group-id of the message, its session id, is not text")
    return replace(content, session=fields[10], message_id=message_id)


def unbatch(raw: bytes) -> list[bytes]:
    """Return the encoded messages in the data sections of a batch."""
    return [raw[_binary_start(raw, value) : end] for code, _, value, end in sections(raw) if code == DATA]


def _binary_start(raw: bytes, at: int) -> int:
    if raw[at] not in (0xA0, 0xB0):
        raise errors.undecodable("a data section of a batch holds no binary")
    return at + (2 if raw[at] == 0xA0 else 5)


def header(ttl: int | None, delivery_count: int) -> bytes:
    """Return the header section with all its fields, since clients take a missing count for none."""
    lifetime = b"\x40" if ttl is None else b"\x70" + struct.pack(">I", min(ttl, MOST_TTL))
    fields = b"\x42\x40" + lifetime + b"\x42\x70" + struct.pack(">I", delivery_count)
    return b"\x00\x53\x70\xc0" + bytes((len(fields) + 1, 5)) + fields


def timestamp_pair(name: str, milliseconds: int) -> bytes:
    """Return an encoded entry of an annotations map."""
    return _key(name) + b"\x83" + struct.pack(">q", milliseconds)


def long_pair(name: str, value: int) -> bytes:
    """Return an encoded entry of an annotations map."""
    return _key(name) + b"\x81" + struct.pack(">q", value)


def int_pair(name: str, value: int) -> bytes:
    """Return an encoded entry of an annotations map."""
    return _key(name) + b"\x71" + struct.pack(">i", value)


def _key(name: str) -> bytes:
    return b"\xa3" + bytes((len(name),)) + name.encode("ascii")


def annotations_with(section: bytes, pairs: list[bytes]) -> bytes:
    """Return the annotations section with encoded entries before its own."""
    count, own = 2 * len(pairs), b""
    if section:
        at = 3 if section[1] == 0x53 else 10
        if section[at] == 0xC1:
            count, own = count + section[at + 2], section[at + 3 :]
        else:
            count, own = count + int.from_bytes(section[at + 5 : at + 9], "big"), section[at + 9 :]
    entries = b"".join(pairs) + own
    return b"\x00\x53\x72\xd1" + struct.pack(">II", len(entries) + 4, count) + entries
