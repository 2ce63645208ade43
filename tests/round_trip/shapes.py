"""Messages of every shape that a system's capabilities promise, and some of those that they do not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from brokerkit.core import Capabilities, OutboundMessage

ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VISIBLE = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20)
NAMES = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_", min_size=1, max_size=12).filter(
    lambda name: not name.lower().startswith(("nats-", "brokerkit-", "goog", "bk-"))
)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": VISIBLE,
    "bytes": st.binary(max_size=20),
    "null": st.none(),
    "bool": st.booleans(),
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False),
    "timestamp": TIMES.map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)),
    "uuid": st.uuids(),
}
"""Attribute values by the name of their type: what every system with that type carries."""
JSON = st.sampled_from([b'{"id":9007199254740993}', b"null", b'{"a":1e400}', b"\xef\xbb\xbf{}", b'"\\ud800"'])
PAYLOADS = st.one_of(st.binary(min_size=1, max_size=300), VISIBLE.map(str.encode), JSON)


@st.composite
def promised(draw: st.DrawFn, capabilities: Capabilities) -> OutboundMessage:
    """A message that has to come back equal."""
    return _message(draw, capabilities, NAMES, VALUES, PAYLOADS)


@st.composite
def odd(draw: st.DrawFn, capabilities: Capabilities) -> OutboundMessage:
    """A message that comes back equal or is refused: with names, texts and numbers of any kind."""
    values = {
        **VALUES,
        "string": ANY_TEXT,
        "int": st.integers(),
        "timestamp": TIMES,
        "float": st.floats().filter(lambda number: not math.isnan(number)),
    }
    payloads = st.one_of(PAYLOADS, st.just(b""), *([st.none()] if capabilities.null_value else []))
    return _message(draw, capabilities, st.one_of(NAMES, ANY_TEXT), values, payloads)


def _message(
    draw: st.DrawFn,
    capabilities: Capabilities,
    names: st.SearchStrategy[str],
    values: dict[str, st.SearchStrategy[Any]],
    payloads: st.SearchStrategy[bytes | None],
) -> OutboundMessage:
    keys: list[st.SearchStrategy[bytes | None]] = [st.none(), VISIBLE.map(str.encode)]
    if capabilities.keys == "bytes":
        keys.append(st.binary(min_size=1, max_size=20))
    if capabilities.empty_key:
        keys.append(st.just(b""))
    value = st.one_of([values[kind] for kind in sorted(capabilities.attribute_types)])
    unique = None if capabilities.duplicate_attributes else lambda pair: pair[0]
    pairs = draw(st.lists(st.tuples(names, value), max_size=4, unique_by=unique))
    return OutboundMessage(draw(payloads), draw(st.one_of(keys)), pairs)


def unpromised(capabilities: Capabilities) -> Iterator[OutboundMessage]:
    """Messages that the capabilities exclude, one for each of them that does."""
    samples: dict[str, Any] = {
        "string": "text",
        "bytes": b"bytes",
        "null": None,
        "bool": True,
        "int": 7,
        "float": 0.5,
        "timestamp": datetime(2026, 1, 1, tzinfo=UTC),
        "uuid": UUID(int=7),
    }
    for kind in sorted(samples.keys() - capabilities.attribute_types):
        yield OutboundMessage(b"typed", attributes={"name": samples[kind]})
    if not capabilities.duplicate_attributes:
        yield OutboundMessage(b"twice", attributes=[("name", "1"), ("name", "2")])
    if not capabilities.null_value:
        yield OutboundMessage(None)
    if not capabilities.empty_key:
        yield OutboundMessage(b"empty key", b"")
    if capabilities.keys == "text":
        yield OutboundMessage(b"key of bytes", b"\xff\xfe")
    if not capabilities.publish_partition:
        yield OutboundMessage(b"placed", partition=0)
    if capabilities.publish_time is None:
        yield OutboundMessage(b"timed", publish_time=datetime(2026, 1, 1, tzinfo=UTC))
    if capabilities.max_message_bytes is not None:
        yield OutboundMessage(bytes(capabilities.max_message_bytes + 1))
    yield OutboundMessage(b"no UTF-8", attributes={"name": "\ud800"})
