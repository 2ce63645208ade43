"""Why a payload is read as it is: the layers around it, the evidence, and the readings that were rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from brokerkit.registry import SchemaSource

from ..arrow import Array, nulls
from ..codecs import cbor, msgpack
from ..codecs.avro.container import MAGIC as AVRO_CONTAINER
from ..codecs.framing import Part, framings
from ..codecs.own import own_codecs
from ..json_exact import read
from ..schema import ATTRIBUTES
from .declared import NOTHING, Declared
from .explaining_schemas import SchemaReading, read_by_schema
from .reading import (
    CBOR_MAPS,
    MSGPACK_MAPS,
    Peeled,
    Problem,
    Reading,
    first_control,
    peel,
    read_inside,
)

_SHOWN = 200


class Layer(NamedTuple):
    """One layer of a payload.

    Attributes:
        name: Its format.
        bytes: The size of the payload in this layer.
        evidence: Why it is read so.
    """

    name: str
    bytes: int
    evidence: str


@dataclass(frozen=True, repr=False)
class Explanation:
    """How one payload is read, and why.

    Attributes:
        format: The format, as in the column `format`; None for a null payload.
        layers: The layers, the outer one first.
        rejected: The other readings of what is inside, and why they were rejected.
        failure: Why the payload could not be read; empty if it could.
        schema: The schema, as in the column `schema`.
        key: How the key of the message is read; None if it has none.
    """

    format: str | None
    layers: tuple[Layer, ...] = ()
    rejected: tuple[tuple[str, str], ...] = ()
    failure: str = ""
    schema: str | None = None
    key: Explanation | None = None

    def __repr__(self) -> str:
        text = self._text()
        return text if self.key is None else f"{text}\nkey: {self.key!r}"

    def _text(self) -> str:
        if self.format is None:
            return "a null payload: there is nothing to read"
        lines = [f"format {self.format}" + (f", schema {self.schema}" if self.schema else "")]
        lines += [f"  {layer.name}: {layer.bytes:,} bytes, {layer.evidence}" for layer in self.layers]
        lines += [f"failure: {self.failure}"] if self.failure else []
        lines += ["rejected:"] if self.rejected else []
        lines += [f"  {name}: {reason}" for name, reason in self.rejected]
        return "\n".join(lines)


def explained(
    payload: bytes | None,
    declared: Declared = NOTHING,
    attributes: Mapping[str, bytes] | None = None,
    part: Part = "value",
    source: SchemaSource | None = None,
    column: Array | None = None,
) -> Explanation:
    """Return how `auto` reads a payload, and why.

    Args:
        declared: What the attributes say of the payload.
        attributes: The attributes by name, which may name a schema.
        part: Whether it is the key or the value.
        source: Where the schemas are that it may name; None if there is no source.
        column: The attributes as in the column of a frame.
    """
    if payload is None:
        return Explanation(None)
    peeled = peel(payload, declared)
    sizes = [len(payload), *(size for _, size in peeled.layers)]
    layers = [
        Layer(name, size, _evidence(name, declared))
        for (name, _), size in zip(peeled.layers, sizes, strict=False)
    ]
    by_schema = None
    if source is not None and peeled.problem is None:
        by_schema = read_by_schema(source, peeled.data, _column(column), attributes or {}, part)
    if source is not None and by_schema is not None and by_schema.done:
        return _with_schema(source, peeled, layers, by_schema)
    found = read_inside(peeled, declared)
    format = found.format
    if part == "key" and format == "bytes" and _is_utf8(peeled.data):
        format = "text"
    inside = format.rpartition("+")[2]
    problem = found.problem or (by_schema.problem if by_schema else None)
    why = "UTF-8" if format != found.format else _why(inside, peeled, declared, found)
    layers.append(Layer(inside, len(peeled.data), why))
    rejected = [] if found.problem is not None else _rejected(inside, peeled.data)
    if by_schema is not None:
        rejected += _not_fitting(by_schema)
    elif inside == "bytes" or (part == "key" and inside == "text"):
        rejected += _framed(peeled.data, attributes or {}, part)
    return Explanation(format, tuple(layers), tuple(rejected), _failure(problem))


def _with_schema(
    source: SchemaSource, peeled: Peeled, layers: list[Layer], found: SchemaReading
) -> Explanation:
    """Explain a payload that a schema reads, or that surely names one."""
    size = len(peeled.data)
    fitting = next((one for one in found.attempts if not one.reason), None)
    chosen = fitting or next(iter(found.attempts), None)
    if chosen is not None:
        framing = chosen.framing
        told = "an attribute names" if framing.declared else f"the first {framing.start} bytes name"
        layers.append(Layer(framing.name, size, f"{told} the schema {framing.ref}"))
        if fitting is not None and found.problem is None:
            evidence = f"the schema {chosen.label} of {source.name} uses up every byte"
            layers.append(Layer(chosen.format, size - framing.start, evidence))
    format = f"{peeled.prefix}{found.format or ''}"
    failure = _failure(found.problem)
    return Explanation(format, tuple(layers), tuple(_not_fitting(found)), failure, found.schema)


def _not_fitting(found: SchemaReading) -> list[tuple[str, str]]:
    return [(f"framing of {one.framing.name}", one.reason[:_SHOWN]) for one in found.attempts if one.reason]


def _failure(problem: Problem | None) -> str:
    if problem is None:
        return ""
    at = [] if problem.byte is None else [f"byte {problem.byte}"]
    return ": ".join([problem.layer, *at, *([problem.path] if problem.path else []), problem.reason])


def _column(column: Array | None) -> Array:
    return nulls(1, ATTRIBUTES) if column is None else column


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _evidence(name: str, declared: Declared) -> str:
    return "declared by an attribute" if name in declared.layers else "recognised by its first bytes"


def _why(inside: str, peeled: Peeled, declared: Declared, found: Reading) -> str:
    if found.problem is not None:
        return "recognised, but it could not be read"
    if inside == declared.format:
        return "declared by an attribute"
    if inside in own_codecs():
        return "recognised by a codec of your own"
    if inside == "avro-container":
        return "recognised by its first bytes"
    if inside in ("msgpack", "cbor"):
        return "a map with text keys that uses every byte"
    if inside == "json":
        return "one JSON value"
    if inside == "text":
        return "UTF-8 without control characters" if peeled.data else "empty"
    return "without evidence of any format"


def _rejected(inside: str, data: bytes) -> list[tuple[str, str]]:
    """Return why it is none of the formats that come before the one it is."""
    order = ["avro-container", "json", "text", "msgpack", "cbor", "bytes"]
    before = order[: order.index(inside)] if inside in order else []
    reasons = {
        "avro-container": lambda: f"it does not begin with {AVRO_CONTAINER!r}",
        "json": lambda: _not_json(data),
        "text": lambda: _not_text(data),
        "msgpack": lambda: _not_map(msgpack, MSGPACK_MAPS, data),
        "cbor": lambda: _not_map(cbor, CBOR_MAPS, data),
    }
    return [(name, reasons[name]()[:_SHOWN]) for name in before]


def _not_json(data: bytes) -> str:
    if not data:
        return "it is empty"
    try:
        data.decode()
        read(data)
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not UTF-8"
    except ValueError as error:
        return str(error)
    return "another reading came first"


def _not_text(data: bytes) -> str:
    try:
        place = first_control(data.decode())
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not UTF-8"
    return "another reading came first" if place is None else f"character {place} is a control character"


def _not_map(codec: Any, maps: frozenset[int], data: bytes) -> str:
    if not data or data[0] not in maps:
        return "it does not begin as a map" if data else "it is empty"
    try:
        codec.load(data)
    except ValueError as error:
        return str(error)
    return "its keys are not all text"


def _framed(data: bytes, attributes: Mapping[str, bytes], part: Part) -> list[tuple[str, str]]:
    return [
        (
            f"framing of {framing.name}",
            f"it may name the schema {framing.ref.kind} {framing.ref.id}, which is not known here",
        )
        for framing in framings(data, attributes, part)
    ]
