"""The decoder of payloads that each name their own schema, as values of one type."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa

from brokerkit.registry import SchemaSource

from .arrays import Field, flags, taken
from .arrow import Array, ArrowType, nulls
from .auto.declared import NOTHING, declared_of
from .auto.framed_batch import Framed
from .auto.reading import Problem, peel
from .auto.registered import RegisteredPayloads
from .codecs.bodies import Rows, Target
from .codecs.protobuf import ProtobufSchema
from .codecs.typed_bodies import AvroTarget, Known, ProtobufTarget
from .decoded import Decoded, PayloadFailure, Payloads
from .typed import TypedDecoder


class SchemaDecoder:
    """A decoder of payloads that name their schema: each is read by its own, as a value of the reader's.

    `raw` keeps every payload. One that names no schema, or does not fit the reader's, is a failure.

    Args:
        format: The format.
        label: What the reader's schema is called.
        make: Makes the target from `given`. It is a function of a module, for other processes.
        given: What the target is made from.
        source: Where the schemas are.
        otherwise: Reads the payloads that name no schema of the source; None reads none of them.
    """

    keeps_raw = True

    def __init__(
        self,
        format: str,
        label: str,
        make: Callable[[Any], Target],
        given: Any,
        source: SchemaSource,
        otherwise: TypedDecoder | None = None,
    ) -> None:
        self._parts = (format, label, make, given)
        self._otherwise = otherwise
        self._several = False
        self.format = format
        self.schemas = source
        self._target = make(given)
        self._registered = RegisteredPayloads(source, self._target)
        shape = sha256(f"{self._target.type} {source.name} {otherwise!r}".encode()).hexdigest()[:12]
        self.name = f"{format} {label} {shape}"

    @property
    def type(self) -> ArrowType:
        """The Arrow type of the reader's schema."""
        return self._target.type

    @property
    def field(self) -> Field:
        """The Arrow field of the values; its metadata says what is a union and what is JSON text."""
        return self._target.field

    def decode(self, payloads: Payloads) -> Decoded:
        layered = [row for row, one in declared_of(payloads).items() if one.layers]
        read = _Read.of(self._registered.read(payloads, layered))
        left = flags(payloads.data.is_valid()) & ~read.done
        rows = np.flatnonzero(left)
        if len(rows):
            if self._otherwise is None:
                read = read.with_rows(rows, self._inside(payloads.take(rows.tolist()), read.notes, rows))
            else:
                read = self._by_the_given_schema(read, payloads, rows)
        failures = [PayloadFailure(row, *problem) for row, problem in sorted(read.problems.items())]
        return Decoded(
            read.values,
            payloads.data,
            failures,
            format=read.formats,
            schema=read.schemas,
        )

    def _by_the_given_schema(self, read: _Read, payloads: Payloads, rows: Rows) -> _Read:
        """Read rows that name no known schema. Among several schemas an unknown one is not the given one."""
        self._several |= bool(read.done.any()) or len({one.reason for one in read.notes.values()}) > 1
        unknown = read.notes if self._several else {}
        read.problems.update(unknown)
        rows = np.setdiff1d(rows, [*unknown])
        if not len(rows) or self._otherwise is None:
            return read
        return read.with_rows(rows, _Read.by(self._otherwise, payloads.take(rows.tolist())))

    def _inside(self, payloads: Payloads, notes: dict[int, Problem], rows: Rows) -> _Read:
        """Read payloads inside the layers around them, such as compressions."""
        told = declared_of(payloads)
        peeled = [peel(data or b"", told.get(row, NOTHING)) for row, data in enumerate(payloads.objects())]
        data: Any = pa.array([one.data for one in peeled], pa.large_binary())
        none = Problem(f"it names no schema of {self.schemas.name}", self.format)
        inner = Payloads(data, None, payloads.attributes, payloads.topic, payloads.is_key)
        bare = [row for row, one in enumerate(peeled) if not one.layers and not told.get(row, NOTHING).layers]
        read = _Read.of(self._registered.read(inner, bare))
        words = read.formats.to_pylist()
        for row, one in enumerate(peeled):
            if one.problem is not None:
                read.problems[row] = one.problem
            elif not read.done[row]:
                read.problems.setdefault(row, read.notes.get(row) or notes.get(int(rows[row])) or none)
            words[row] = f"{one.prefix}{words[row] or 'bytes'}"
        return read._with(formats=pa.array(words, pa.string()))

    def kept(self) -> KeptDecoder:
        """Return what makes this decoder again for as long as its source is in use."""
        return KeptDecoder(self._parts, weakref.ref(self.schemas), self._otherwise)

    def __reduce__(self) -> Any:
        return SchemaDecoder, (*self._parts, self.schemas, self._otherwise)

    def __repr__(self) -> str:
        return f"SchemaDecoder({self.name!r})"


@dataclass(frozen=True)
class KeptDecoder:
    """A `SchemaDecoder` without its source, which it does not keep open."""

    parts: tuple[str, str, Callable[[Any], Target], Any]
    source: weakref.ref[SchemaSource]
    otherwise: TypedDecoder | None

    def decoder(self) -> SchemaDecoder | None:
        """Return the decoder; None if its source is gone."""
        source = self.source()
        return None if source is None else SchemaDecoder(*self.parts, source, self.otherwise)


@dataclass(frozen=True)
class _Read:
    """What was read of some payloads; see `Framed`."""

    done: Any
    values: Array
    formats: Array
    schemas: Array
    problems: dict[int, Problem]
    notes: dict[int, Problem]

    @classmethod
    def of(cls, framed: Framed) -> _Read:
        return cls(
            framed.done, framed.texts, framed.formats, framed.schemas, dict(framed.problems), framed.notes
        )

    @classmethod
    def by(cls, decoder: TypedDecoder, payloads: Payloads) -> _Read:
        """Read payloads with one schema."""
        found = decoder.decode(payloads)
        length = len(payloads)
        problems = {one.row: Problem(one.reason, one.layer, one.byte, one.path) for one in found.failures}
        words: Any = pa.array([found.format_name] * length, pa.string())
        return cls(np.ones(length, np.bool_), found.value, words, nulls(length, pa.string()), problems, {})

    def with_rows(self, rows: Rows, others: _Read) -> _Read:
        """Return the same with what was read of some rows in their place."""
        index = np.arange(len(self.done), dtype=np.int64)
        index[rows] = len(self.done) + np.arange(len(rows))

        def both(one: Array, other: Array) -> Array:
            return taken(pa.concat_arrays([one, other]), index)

        problems = self.problems | {int(rows[row]): problem for row, problem in others.problems.items()}
        return _Read(
            np.concatenate([self.done, others.done])[index],
            both(self.values, others.values),
            both(self.formats, others.formats),
            both(self.schemas, others.schemas),
            problems,
            {},
        )

    def _with(self, formats: Array) -> _Read:
        return _Read(self.done, self.values, formats, self.schemas, self.problems, self.notes)


def avro_target(known: tuple[Known, ...]) -> AvroTarget:
    """Return the target of Avro schemas."""
    return AvroTarget(known)


def protobuf_target(given: tuple[ProtobufSchema, str]) -> ProtobufTarget:
    """Return the target of a message of a Protobuf schema."""
    return ProtobufTarget(*given)
