"""Requests for single stored messages by sequence. They create no consumer and change nothing."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.js import errors as js_errors

from brokerkit.core.vocabulary.messages import to_microseconds

from .connection import JetStreamConnection

_MICROSECOND_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Stored:
    """A message stored in a stream.

    Attributes:
        sequence: Its sequence number in the stream.
        subject: The subject under which it is stored.
        data: The payload.
        headers: The headers, if any.
        time: When it was stored, in microseconds since 1970.
    """

    sequence: int
    subject: str
    data: bytes
    headers: dict[str, str] | None
    time: int


async def next_stored(
    connection: JetStreamConnection, stream: str, sequence: int, filters: Sequence[str], timeout: float
) -> Stored | None:
    """Return the first message at or after a sequence whose subject matches a filter, or None.

    Without filters, any subject matches.
    """
    found = [await _next_stored(connection, stream, sequence, each, timeout) for each in filters or (">",)]
    return min((each for each in found if each is not None), key=lambda each: each.sequence, default=None)


async def _next_stored(
    connection: JetStreamConnection, stream: str, sequence: int, subject: str, timeout: float
) -> Stored | None:
    body = {"seq": max(1, sequence), "next_by_subj": subject}
    try:
        answer = await connection.request(f"STREAM.MSG.GET.{stream}", body, timeout)
    except js_errors.NotFoundError:
        return None
    message = answer["message"]
    return Stored(
        int(message["seq"]),
        message["subject"],
        b64decode(message.get("data") or ""),
        parse_headers(b64decode(message.get("hdrs") or "")),
        parse_time(message["time"]),
    )


def parse_time(text: str) -> int:
    """Return an RFC 3339 time in microseconds since 1970, rounded down."""
    moment, _, fraction = text.removesuffix("Z").partition(".")
    seconds = to_microseconds(datetime.fromisoformat(moment))
    return seconds + int(fraction[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0"))


def parse_headers(raw: bytes) -> dict[str, str] | None:
    """Parse a block of headers as nats-py does: values are stripped, and the last value of a name is kept."""
    found: dict[str, str] = {}
    for line in raw.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            found[name.strip().decode("ascii", "replace")] = value.strip().decode("utf-8", "replace")
    return found or None


async def first_at(
    connection: JetStreamConnection,
    stream: str,
    filters: Sequence[str],
    state: dict[str, Any],
    moment: int,
    timeout: float,
) -> int | None:
    """Find the sequence of the first message stored at or after a moment, by bisection.

    Args:
        connection: The connection.
        stream: The name of the stream.
        filters: The filters for subjects; empty for any subject.
        state: The state of the stream.
        moment: The moment, in microseconds since 1970.
        timeout: How long to wait for each answer, in seconds.

    Returns:
        The sequence, or None if there is no such message.
    """
    low, high = max(1, int(state["first_seq"])), int(state["last_seq"]) + 1
    found: int | None = None
    while low < high:
        middle = (low + high) // 2
        message = await next_stored(connection, stream, middle, filters, timeout)
        if message is not None and message.time < moment:
            low = message.sequence + 1
            continue
        if message is not None:
            found = message.sequence
        high = middle
    return found
