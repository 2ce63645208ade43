"""Decoders of formats that need no schema: every payload is MessagePack, or every payload is CBOR."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import pyarrow as pa

from .arrow import ArrowType
from .auto.declared import Declared
from .auto.reading import Peeled, read_inside
from .codecs import cbor, msgpack
from .codecs.extras import MissingExtra
from .codecs.misfit import Misfit
from .codecs.object_shapes import Shape, shape_of, shaped
from .decoded import ERROR_LENGTH, Decoded, PayloadDecoder, PayloadFailure, Payloads

NAMES = ("msgpack", "cbor")
_CODECS: dict[str, Any] = {"msgpack": msgpack, "cbor": cbor}


@dataclass(frozen=True)
class ObjectDecoder:
    """A decoder of payloads that are all of one format, ``msgpack`` or ``cbor``, whatever value they hold.

    `value` is exact JSON text and `raw` keeps every payload. A payload of another format is a failure.
    """

    name: str

    @property
    def type(self) -> ArrowType:
        return pa.large_string()

    @property
    def keeps_raw(self) -> bool:
        return True

    def decode(self, payloads: Payloads) -> Decoded:
        declared = Declared(format=self.name)
        texts: list[str | None] = []
        failures: list[PayloadFailure] = []
        for row, payload in enumerate(payloads.objects()):
            if payload is None:
                texts.append(None)
                continue
            found = read_inside(Peeled((), payload), declared, strict=True)
            texts.append(found.text)
            if found.problem is not None:
                failures.append(PayloadFailure(row, *found.problem))
        return Decoded(pa.array(texts, self.type), payloads.data, failures, format_name=self.name)


@dataclass(frozen=True)
class ObjectColumns:
    """A decoder of payloads of one format, as values of the type that some of them had.

    `raw` keeps every payload. A payload of another format, or of another type, is a failure.
    """

    format: str
    shape: Shape

    @cached_property
    def name(self) -> str:
        """The name, with what stands for the type."""
        return f"{self.format} {sha256(repr(self.shape).encode()).hexdigest()[:12]}"

    @cached_property
    def type(self) -> ArrowType:
        """The Arrow type."""
        return self.shape.type

    @property
    def keeps_raw(self) -> bool:
        return True

    def decode(self, payloads: Payloads) -> Decoded:
        codec = _CODECS[self.format]
        values: list[Any] = []
        failures: list[PayloadFailure] = []
        for row, payload in enumerate(payloads.objects()):
            value = None
            if payload is not None:
                try:
                    value = shaped(self.shape, codec.load(payload), codec.special)
                except Misfit as error:
                    failures.append(
                        PayloadFailure(row, error.reason[:ERROR_LENGTH], self.format, path=error.path or None)
                    )
                except (ValueError, MissingExtra) as error:
                    failures.append(PayloadFailure(row, str(error)[:ERROR_LENGTH], self.format))
            values.append(value)
        return Decoded(pa.array(values, self.type), payloads.data, failures, format_name=self.format)


def without_names(decoder: PayloadDecoder) -> PayloadDecoder:
    """Return a decoder whose type has no names that come from payloads: it gives text then."""
    return ObjectDecoder(decoder.format) if isinstance(decoder, ObjectColumns) else decoder


def object_columns(format: str, payloads: Iterable[bytes]) -> ObjectColumns | None:
    """Return a decoder with the type that payloads have; None if they are not all maps with text keys."""
    values: list[Any] = []
    for payload in payloads:
        try:
            values.append(_CODECS[format].load(payload))
        except ValueError:
            # a payload of another format is a failure of its row, and says nothing about the others
            continue
    shape = shape_of(values)
    return ObjectColumns(format, shape) if shape.kind == "map" else None
