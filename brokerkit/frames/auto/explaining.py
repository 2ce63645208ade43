"""Why a payload is read as it is: the layers around it, the evidence, and the readings that were rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ..codecs import cbor, msgpack
from ..codecs.avro.container import MAGIC as AVRO_CONTAINER
from ..codecs.framing import framings
from ..codecs.own import own_codecs
from ..json_exact import read
from .declared import NOTHING, Declared
from .reading import CBOR_MAPS, MSGPACK_MAPS, Peeled, Reading, first_control, peel, read_inside

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
    """

    format: str | None
    layers: tuple[Layer, ...] = ()
    rejected: tuple[tuple[str, str], ...] = ()
    failure: str = ""

    def __repr__(self) -> str:
        if self.format is None:
            return "a null payload: there is nothing to read"
        lines = [f"format {self.format}"]
        lines += [f"  {layer.name}: {layer.bytes:,} bytes, {layer.evidence}" for layer in self.layers]
        lines += [f"failure: {self.failure}"] if self.failure else []
        lines += ["rejected:"] if self.rejected else []
        lines += [f"  {name}: {reason}" for name, reason in self.rejected]
        return "\n".join(lines)


def explained(
    payload: bytes | None,
    declared: Declared = NOTHING,
    attributes: Mapping[str, bytes] | None = None,
    part: Literal["key", "value"] = "value",
) -> Explanation:
    """Return how `auto` reads a payload, and why.

    Args:
        declared: What the attributes say of the payload.
        attributes: The attributes by name, which may name a schema.
    """
    if payload is None:
        return Explanation(None)
    peeled = peel(payload, declared)
    found = read_inside(peeled, declared)
    sizes = [len(payload), *(size for _, size in peeled.layers)]
    layers = [
        Layer(name, size, _evidence(name, declared))
        for (name, _), size in zip(peeled.layers, sizes, strict=False)
    ]
    inside = found.format.rpartition("+")[2]
    problem = found.problem
    layers.append(Layer(inside, len(peeled.data), _why(inside, peeled, declared, found)))
    rejected = [] if problem is not None else _rejected(inside, peeled.data)
    if inside == "bytes":
        rejected += _framed(peeled.data, attributes or {}, part)
    failure = ""
    if problem is not None:
        at = [] if problem.byte is None else [f"byte {problem.byte}"]
        failure = ": ".join([problem.layer, *at, *([problem.path] if problem.path else []), problem.reason])
    return Explanation(found.format, tuple(layers), tuple(rejected), failure)


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


def _framed(
    data: bytes, attributes: Mapping[str, bytes], part: Literal["key", "value"]
) -> list[tuple[str, str]]:
    return [
        (
            f"framing of {framing.name}",
            f"it may name the schema {framing.ref.kind} {framing.ref.id}, which is not known here",
        )
        for framing in framings(data, attributes, part)
    ]
