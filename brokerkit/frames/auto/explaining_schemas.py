"""Why a payload is read by the schema that it names, or by none of those that it may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.registry import SchemaSource

from ..arrow import Array
from ..codecs.extras import MissingExtra
from ..codecs.framing import Framing, Part, framings
from ..codecs.registered import body_reader
from ..decoded import Payloads
from .reading import Problem
from .registered import LARGEST_ID, RegisteredPayloads


class Attempt(NamedTuple):
    """One framing that was tried.

    Attributes:
        framing: The framing.
        format: The format of its schema; empty if that was not found.
        label: The schema in words.
        reason: Why it does not fit; empty if it fits.
    """

    framing: Framing
    format: str = ""
    label: str = ""
    reason: str = ""


class SchemaReading(NamedTuple):
    """What a source of schemas makes of a payload.

    Attributes:
        done: Whether it was read, or can surely not be read.
        format, schema: As in the columns.
        problem: Why it could not be read.
        attempts: The framings that were tried.
    """

    done: bool
    format: str | None
    schema: str | None
    problem: Problem | None
    attempts: list[Attempt]


def read_by_schema(
    source: SchemaSource, data: bytes, column: Array, attributes: Mapping[str, bytes], part: Part
) -> SchemaReading:
    """Read one payload with the schemas of a source.

    Args:
        data: What is inside the compressions and encodings of the payload.
        column: The attributes as in the column of a frame.
        attributes: The same attributes by name.
        part: Whether it is the key or the value.
    """
    payloads = Payloads(pa.array([data], pa.large_binary()), None, column, None, part == "key")
    found = RegisteredPayloads(source).read(payloads)
    attempts: list[Attempt] = []
    for framing in framings(data, attributes, part):
        if framing.ref.kind not in source.kinds:
            continue
        if framing.width == 8 and int(framing.ref.id) >= LARGEST_ID:
            continue
        attempts.append(_attempt(source, payloads.data, framing))
        if framing.declared:
            break
    problem = found.problems.get(0) or found.notes.get(0)
    return SchemaReading(
        bool(found.done[0]), found.formats[0].as_py(), found.schemas[0].as_py(), problem, attempts
    )


def _attempt(source: SchemaSource, data: Array, framing: Framing) -> Attempt:
    format, label = "", str(framing.ref)
    try:
        schema = source.resolve(framing.ref)
        format, label = schema.type.lower(), schema.label
        reader = body_reader(schema, source.with_references(schema))
        bodies: Any = reader.read(data, framing)
    except (BrokerError, MissingExtra) as error:
        return Attempt(framing, format, label, f"{framing.ref}: {error}")
    wrong = bodies[1].get(0)
    if wrong is None:
        return Attempt(framing, reader.format, label)
    place = [] if wrong.offset is None else [f"byte {wrong.offset}"]
    place += [wrong.path] if wrong.path else []
    reason = ": ".join([*place, wrong.reason])
    return Attempt(framing, reader.format, label, f"the body does not fit the schema {label}: {reason}")
