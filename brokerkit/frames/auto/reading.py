"""How one payload is read: the layers around it, and the format inside."""

from __future__ import annotations

import base64
import re
from typing import Any, NamedTuple

from ..codecs import cbor, msgpack
from ..codecs.avro.container import MAGIC as AVRO_CONTAINER
from ..codecs.avro.container import ContainerError, container_texts
from ..codecs.compression import CAP, decompress, recognised
from ..codecs.extras import MissingExtra
from ..codecs.own import own_codecs
from ..decoded import ERROR_LENGTH
from .base64_layers import MOST_LAYERS, inside_base64
from .declared import NOTHING, Declared
from .json_rows import is_json

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
MSGPACK_MAPS = frozenset((*range(0x81, 0x90), 0xDE, 0xDF))
CBOR_MAPS = frozenset((*range(0xA1, 0xBC), 0xBF))
_CBOR_MARK = b"\xd9\xd9\xf7"


class Problem(NamedTuple):
    """Why a payload could not be read, and in which layer."""

    reason: str
    layer: str
    byte: int | None = None
    path: str | None = None


class Reading(NamedTuple):
    """How a payload was read.

    Attributes:
        text: The text; None if there is none.
        format: The format, with the layers around it in front.
        verbatim: Whether the text is the payload itself.
        problem: Why it could not be read.
        schema: The schema, in words.
    """

    text: str | None
    format: str
    verbatim: bool = False
    problem: Problem | None = None
    schema: str | None = None


class Peeled(NamedTuple):
    """A payload without the layers around it.

    Attributes:
        layers: Their names and the bytes inside each, the outer one first.
        data: The bytes inside all of them.
        problem: The layer that could not be removed.
    """

    layers: tuple[tuple[str, int], ...]
    data: bytes
    problem: Problem | None = None

    @property
    def prefix(self) -> str:
        """The names of the layers as the column `format` shows them."""
        return "".join(f"{_shown(name)}+" for name, _ in self.layers)


def peel(payload: bytes, declared: Declared = NOTHING, cap: int = CAP) -> Peeled:
    """Remove compressions and base64 around a payload, in any order.

    Args:
        declared: What the attributes say. An encoding that does not hold is ignored if the payload is text.
        cap: The most bytes of all layers together.
    """
    layers: list[tuple[str, int]] = []
    waiting = list(declared.layers)
    data = payload
    while True:
        told = waiting.pop(0) if waiting else None
        name = recognised(data) or ("base64" if inside_base64(data) is not None else told)
        if name is None:
            return Peeled(tuple(layers), data)
        if len(layers) == MOST_LAYERS:
            return Peeled(tuple(layers), data, Problem(f"more than {MOST_LAYERS} layers", name))
        try:
            inner = _unwrapped(name, data, cap)
        except MissingExtra as error:
            return Peeled(tuple(layers), data, Problem(str(error), name))
        except ValueError as error:
            weak = name in ("zlib", "base64") if told is None else _is_text(data)
            if weak:
                return Peeled(tuple(layers), data)
            return Peeled(tuple(layers), data, _problem(name, error))
        cap -= len(inner)
        layers.append((name, len(inner)))
        data = inner


def read_inside(peeled: Peeled, declared: Declared = NOTHING, *, strict: bool = False) -> Reading:
    """Return how a payload is read, once the layers around it are removed.

    Args:
        declared: What the attributes say. A format that does not hold is ignored if the payload is text.
        strict: A format that does not hold is a failure in any case.
    """
    data, prefix = peeled.data, peeled.prefix
    bare = not peeled.layers
    if peeled.problem is not None:
        return Reading(None, f"{prefix}{peeled.problem.layer}", problem=peeled.problem)
    if declared.format in ("msgpack", "cbor"):
        found = _told(declared.format, data, prefix, strict)
        if found is not None:
            return found
    own = _own(data, prefix)
    if own is not None:
        return own
    if data.startswith(AVRO_CONTAINER):
        return _container(data, prefix)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _self_described(data, prefix)
    if data and is_json(data):
        return Reading(text, f"{prefix}json", bare)
    if declared.format == "text" or _CONTROLS.search(text) is None:
        return Reading(text, f"{prefix}text", bare)
    return Reading(None, f"{prefix}bytes")


def read_payload(payload: bytes, declared: Declared = NOTHING) -> Reading:
    """Return how one payload is read."""
    return read_inside(peel(payload, declared), declared)


def _self_described(data: bytes, prefix: str) -> Reading:
    """Read bytes that are no text: a map of MessagePack or CBOR with text keys, or nothing that is known."""
    for name, codec, maps in (("msgpack", msgpack, MSGPACK_MAPS), ("cbor", cbor, CBOR_MAPS)):
        if data[0] not in maps and not (name == "cbor" and data.startswith(_CBOR_MARK)):
            continue
        try:
            value: Any = codec.load(data)
            if data.startswith(_CBOR_MARK) or _has_names(value):
                return Reading(codec.text(data), f"{prefix}{name}")
        except MissingExtra as error:
            return Reading(None, f"{prefix}bytes", problem=Problem(str(error), name))
        except ValueError:
            continue
    return Reading(None, f"{prefix}bytes")


def _has_names(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(key, str) and key and key.isprintable() for key in value)
    )


def _own(data: bytes, prefix: str) -> Reading | None:
    """Read a format of the user's own, if one recognises the payload."""
    for name, codec in own_codecs().items():
        try:
            if codec.evidence(data):
                return Reading(codec.text(data), f"{prefix}{name}")
        except ValueError as error:
            return Reading(None, f"{prefix}{name}", problem=Problem(str(error)[:ERROR_LENGTH], name))
        except Exception as error:  # a wrong codec is a failure of the rows that it looks at
            reason = f"its evidence raised {type(error).__name__}: {error}"[:ERROR_LENGTH]
            return Reading(None, f"{prefix}{name}", problem=Problem(reason, name))
    return None


def _told(name: str, data: bytes, prefix: str, strict: bool) -> Reading | None:
    """Read what is declared; None if it is text after all."""
    codec = msgpack if name == "msgpack" else cbor
    try:
        return Reading(codec.text(data), f"{prefix}{name}")
    except MissingExtra as error:
        return Reading(None, f"{prefix}{name}", problem=Problem(str(error), name))
    except ValueError as error:
        if not strict and _is_text(data):
            return None
        return Reading(None, f"{prefix}{name}", problem=_problem(name, error))


def _container(data: bytes, prefix: str) -> Reading:
    name = "avro-container"
    try:
        texts = container_texts(data)
    except ContainerError as error:
        problem = Problem(str(error), name, error.byte, error.path)
        return Reading(None, f"{prefix}{name}", problem=problem)
    except MissingExtra as error:
        return Reading(None, f"{prefix}{name}", problem=Problem(str(error), name))
    text = texts[0] if len(texts) == 1 else f"[{','.join(texts)}]"
    return Reading(text, f"{prefix}{name}")


def _unwrapped(name: str, data: bytes, cap: int) -> bytes:
    if name == "base64":
        return base64.b64decode(b"".join(data.split()), validate=True)
    return decompress(name, data, cap)


def first_control(text: str) -> int | None:
    """Return where the first control character is that text does not have; None if there is none."""
    found = _CONTROLS.search(text)
    return None if found is None else found.start()


def _is_text(data: bytes) -> bool:
    try:
        return _CONTROLS.search(data.decode()) is None
    except UnicodeDecodeError:
        return False


_BYTE = re.compile(r"^byte (\d+): ")


def _problem(layer: str, error: ValueError) -> Problem:
    text = str(error).removeprefix(f"{_shown(layer)}: ").removeprefix(f"{layer}: ")
    found = _BYTE.match(text)
    byte = int(found[1]) if found else None
    return Problem(text[found.end() if found else 0 :][:ERROR_LENGTH], _shown(layer), byte)


def _shown(layer: str) -> str:
    return "snappy" if layer == "snappy-block" else layer
