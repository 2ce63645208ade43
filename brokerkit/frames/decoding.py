"""Decoders: from payloads to the columns `value` and `raw`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from .arrow import Array, ArrowType, nulls
from .auto import AutoDecoder
from .decoded import Decoded, PayloadDecoder, PayloadFailure, Payloads, error_text
from .object_decoder import NAMES as OBJECT_DECODERS
from .object_decoder import ObjectColumns, ObjectDecoder
from .own_schemas import NAMES as OWN_SCHEMAS
from .own_schemas import OwnSchemas
from .schema_decoder import KeptDecoder, SchemaDecoder
from .text import NAMES as TEXT_DECODERS
from .text import TextDecoder
from .typed import TypedDecoder

BUILT_IN = ("auto", *TEXT_DECODERS, *OBJECT_DECODERS, *OWN_SCHEMAS)
"""The names of the decoders that this package brings along."""

HOW_TO_DECLARE = (
    "declare the Arrow type of what it returns: put `@bk.decoder(pa.int64())` above the function, "
    'or pass bk.Decoder(function, pa.int64(), "name")'
)


class Decoder:
    """A function from the bytes of a payload to a value of a declared Arrow type.

    If the function raises, or its value does not fit the type, that row is a failure and its `value` is NA.
    `raw` keeps the bytes of every row. Null payloads are not passed to the function.

    Args:
        function: A function of bytes.
        type: The Arrow type of what it returns.
        name: A name that makes it known in this process, for ``decode="name"`` and `brokerkit.failures`.
            None is the name of the function.

    Raises:
        ConfigError: An argument cannot be used, or the name is that of a built-in decoder.
    """

    keeps_raw = True

    def __init__(self, function: Callable[[bytes], Any], type: ArrowType, name: str | None = None) -> None:
        if not callable(function):
            raise ConfigError(f"a decoder needs a function of bytes, not {function!r}")
        if not isinstance(type, pa.DataType):
            raise ConfigError(f"a decoder's type must be an Arrow type such as pa.int64(), not {type!r}")
        name = name or str(getattr(function, "__name__", "decoder"))
        if name in BUILT_IN:
            raise ConfigError(f"{name!r} is a built-in decoder; give this one another name")
        self.function = function
        self.type = type
        self.name = _own_name(name)
        _registry[self.name] = _latest[name] = self

    def __call__(self, payload: bytes) -> Any:
        """Decode one payload. This raises what the function raises."""
        return self.function(payload)

    def decode(self, payloads: Payloads) -> Decoded:
        values: list[Any] = []
        failures: list[tuple[int, str]] = []
        for row, payload in enumerate(payloads.objects()):
            value = None
            if payload is not None:
                try:
                    value = self.function(payload)
                except Exception as error:  # every failure of the user's function belongs to its row
                    failures.append((row, error_text(error)))
            values.append(value)
        column, misfits = typed_array(values, self.type)
        if misfits:
            failures = sorted(failures + misfits)
        told = [PayloadFailure(row, reason) for row, reason in failures]
        return Decoded(column, payloads.data, told, format_name=self.name)

    def __reduce__(self) -> Any:
        function = self.function
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
        if module and _resolve(module, name) is self:
            return _resolve, (module, name)
        return _restore, (function, self.type, self.name)

    def __repr__(self) -> str:
        return f"Decoder({self.name!r}, {self.type})"


Decode: TypeAlias = "str | Decoder | TypedDecoder | OwnSchemas | SchemaDecoder | Callable[[bytes], Any]"

_registry: dict[str, Decoder] = {}
_latest: dict[str, Decoder] = {}
_typed: dict[str, TypedDecoder | ObjectColumns | KeptDecoder] = {}


def decoder(type: ArrowType, name: str | None = None) -> Callable[[Callable[[bytes], Any]], Decoder]:
    """Declare a function of bytes as a decoder::

        @bk.decoder(pa.int64())
        def number(payload):
            return int.from_bytes(payload, "big")

        s.peek("counters", decode=number)

    Args:
        type: The Arrow type of what the function returns.
        name: The name of the decoder; None is the name of the function.

    Returns:
        A decorator that turns the function into a `Decoder`.
    """

    def declare(function: Callable[[bytes], Any]) -> Decoder:
        return Decoder(function, type, name)

    return declare


def as_decoder(decode: Decode | PayloadDecoder, argument: str = "decode") -> PayloadDecoder:
    """Return the decoder that a value of `decode=` or `decode_key=` stands for.

    Raises:
        ConfigError: The name is not known, or a function does not declare its type.
    """
    if isinstance(decode, Decoder | TextDecoder | AutoDecoder | ObjectDecoder):
        return decode
    if isinstance(decode, TypedDecoder | ObjectColumns):
        _typed[decode.name] = decode
        return decode
    if isinstance(decode, SchemaDecoder):
        _typed[decode.name] = decode.kept()
        return decode
    if isinstance(decode, OwnSchemas):
        return _without_topic(decode.format, argument)
    if isinstance(decode, str):
        if decode in OWN_SCHEMAS:
            return _without_topic(decode, argument)
        if decode in BUILT_IN:
            return _built_in(decode)
        if decode in _latest:
            return _latest[decode]
        known = ", ".join(repr(name) for name in (*BUILT_IN, *_latest))
        raise ConfigError(
            f"{argument}={decode!r} is not known here; expected one of {known}, or a function: "
            f"{HOW_TO_DECLARE}"
        )
    if callable(decode):
        name = getattr(decode, "__name__", type(decode).__name__)
        raise ConfigError(f"the decoder {name!r} does not say what it returns; {HOW_TO_DECLARE}")
    raise ConfigError(
        f"{argument}={decode!r} cannot be used; expected one of {', '.join(map(repr, BUILT_IN))}, "
        f"or a function: {HOW_TO_DECLARE}"
    )


def _without_topic(format: str, argument: str) -> PayloadDecoder:
    raise ConfigError(
        f"{argument}={format!r} has the type of the schemas of a topic, which is not known here; give the "
        f"schema: {argument}=brokerkit.{format}(schema)"
    )


def decoder_names() -> list[str]:
    """Return the names that `decode=` takes in this process."""
    return [*BUILT_IN, *_latest]


def _built_in(name: str) -> PayloadDecoder:
    if name in OBJECT_DECODERS:
        return ObjectDecoder(name)
    return AutoDecoder() if name == "auto" else TextDecoder(name)


def typed_array(values: list[Any], type: ArrowType) -> tuple[Array, list[tuple[int, str]]]:
    """Convert values to an Arrow array. Values that do not fit become NA and are listed with the reason."""
    try:
        return _one_array(values, type), []
    except Exception as whole:  # pyarrow passes on any exception of a value's own methods
        if len(values) == 1:
            return nulls(1, type), [(0, error_text(whole))]
    # halving finds few bad rows among many good ones in few conversions
    half = len(values) // 2
    left, wrong_left = typed_array(values[:half], type)
    right, wrong_right = typed_array(values[half:], type)
    shifted = [(row + half, text) for row, text in wrong_right]
    return pa.concat_arrays([left, right]), wrong_left + shifted


def _one_array(values: list[Any], type: ArrowType) -> Array:
    array = pa.array(values, type)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def decoder_named(name: str) -> PayloadDecoder:
    """Return the decoder that filled a frame, by the name that the frame keeps.

    Raises:
        ConfigError: This process does not know the decoder.
    """
    if name in BUILT_IN:
        return _built_in(name)
    if name in _registry:
        return _registry[name]
    known = _typed.get(name)
    found = known.decoder() if isinstance(known, KeptDecoder) else known
    if found is not None:
        return found
    raise ConfigError(
        f"the decoder {name!r} that filled this frame is not known in this process; "
        "define it again, or pass it as decode="
    )


def _own_name(name: str) -> str:
    """Return `name`, numbered if it is taken: a frame must find its own decoder again."""
    unique, number = name, 1
    while unique in _registry:
        number += 1
        unique = f"{name}#{number}"
    return unique


def _restore(function: Callable[[bytes], Any], type: ArrowType, name: str) -> Decoder:
    """Return a decoder from another process, under the name it has there."""
    made = Decoder.__new__(Decoder)
    made.function, made.type, made.name = function, type, name
    _registry.setdefault(name, made)
    _latest.setdefault(name, made)
    return made


def _resolve(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
