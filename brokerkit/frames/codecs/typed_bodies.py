"""Bodies that were written with many schemas, as Arrow values of one reader's type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.registry import RegisteredSchema

from ..arrays import Field
from ..arrow import Array, ArrowType
from ..decoded import ERROR_LENGTH, objects_of
from ..json_exact import read
from .avro import AvroColumns, SchemaError
from .avro.json_encoding import binary_of
from .avro.merging import merged
from .avro.schema import Type, type_name
from .bodies import Bodies, BodyReader, Gathered
from .body_writers import avro_type, protobuf_schema
from .extras import extra
from .framed_messages import framed_messages
from .framing import Framing
from .protobuf import ProtobufColumns, ProtobufSchema
from .protobuf.changes import LostValues, contradiction
from .row_failure import RowFailure


class Known(NamedTuple):
    """A schema with those that it uses, by the names they are used by, each after those it uses itself."""

    schema: RegisteredSchema
    references: tuple[tuple[str, RegisteredSchema], ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.schema.text, *(each.text for _, each in self.references))

    @property
    def avro(self) -> Type:
        """The Avro schema, parsed. Raises ConfigError."""
        return avro_type(self.schema, dict(self.references))


class AvroTarget:
    """Bodies of Avro schemas as values of a reader's schema: a `Target`.

    Args:
        known: The reader's schema; several are united.

    Raises:
        ConfigError: A schema cannot be used.
    """

    def __init__(self, known: tuple[Known, ...]) -> None:
        self._texts = known[0].texts if len(known) == 1 else None
        self._reader = known[0].avro if len(known) == 1 else merged([each.avro for each in known])
        self.title = type_name(self._reader)
        self._columns = _columns(self._reader)

    @property
    def type(self) -> ArrowType:
        return self._columns.type

    @property
    def field(self) -> Field:
        return self._columns.field

    def reader(self, schema: RegisteredSchema, references: Mapping[str, RegisteredSchema]) -> BodyReader:
        """Return what reads the bodies that were written with a schema. Raises ConfigError."""
        _refuse_other_type(schema, "AVRO")
        known = Known(schema, tuple(references.items()))
        written = known.avro
        columns = self._columns if known.texts == self._texts else _columns(written, self._reader)

        def read_bodies(payloads: Array, framing: Framing) -> Bodies:
            if framing.encoding == "json":
                return _from_json(payloads, framing, lambda value: binary_of(written, value), columns.read)
            return Bodies(*columns.read(payloads, np.full(len(payloads), framing.start, np.int64)))

        return BodyReader("avro", read_bodies, is_json=False)


class ProtobufTarget:
    """Bodies of one message of several Protobuf schemas as values of a reader's schema: a `Target`.

    Args:
        schema: The reader's schema.
        message: The full name of the message.

    Raises:
        MissingExtra: The libraries for Protobuf are not installed.
    """

    def __init__(self, schema: ProtobufSchema, message: str) -> None:
        self.title = message
        self._descriptor = schema.message(message)
        self._columns = schema.columns(self._descriptor)

    @property
    def type(self) -> ArrowType:
        return self._columns.type

    @property
    def field(self) -> Field:
        return self._columns.field

    def reader(self, schema: RegisteredSchema, references: Mapping[str, RegisteredSchema]) -> BodyReader:
        """Return what reads the bodies that were written with a schema. Raises ConfigError, MissingExtra."""
        _refuse_other_type(schema, "PROTOBUF")
        written = protobuf_schema(schema, references)
        return BodyReader("protobuf", _Messages(written, schema.message, self).read, is_json=False)

    def read(self, payloads: Array, starts: Any) -> Any:
        """Read bodies with the reader's schema."""
        return self._columns.read(payloads, starts)

    def refusal(self, message: Any) -> str | None:
        """Return why messages of a writer cannot be read; None if they can."""
        if message.full_name != self.title:
            return f"the message is {message.full_name}, and {self.title} is expected"
        return contradiction(message, self._descriptor)

    def lost_values(self, message: Any) -> LostValues:
        """Return what finds the values of a writer's message that are lost."""
        return LostValues(message, self._descriptor)


class _Messages:
    """A reader of the messages of one writer's schema."""

    def __init__(self, schema: ProtobufSchema, message: str | None, target: ProtobufTarget) -> None:
        self._schema = schema
        self._message = message
        self._target = target
        self._writers: dict[str, ProtobufColumns] = {}
        self._refusals: dict[str, str | None] = {}
        self._lost: dict[str, LostValues] = {}

    def read(self, payloads: Array, framing: Framing) -> Bodies:
        found = Gathered(len(payloads), self._target.type)
        failures: dict[int, RowFailure] = {}
        for each, rows in framed_messages(payloads, framing, self._message, failures):
            try:
                message = self._descriptor(each)
            except ConfigError as error:
                failures |= {row: RowFailure(framing.start, "", str(error)) for row in rows.tolist()}
                continue
            index: Any = pa.array(rows)
            if self._refused(message) is not None:
                reason = str(self._refused(message))
                failures |= {row: RowFailure(None, "", reason) for row in rows.tolist()}
                continue
            values, wrong = self._values(payloads.take(index), each, message)
            failures |= {int(rows[place]): failure for place, failure in wrong.items()}
            given = np.ones(len(rows), np.bool_)
            given[list(wrong)] = False
            found.put(rows, values, given)
        for row in found.contradicted:
            reason = "the bytes behind the id fit an index and the name of a message"
            failures[row] = RowFailure(framing.start, "", reason)
        read_rows = {
            row: one for row, one in failures.items() if row in found.contradicted or not found.has(row)
        }
        return Bodies(found.values(), read_rows)

    def _values(self, payloads: Array, framing: Framing, message: Any) -> tuple[Array, dict[int, RowFailure]]:
        starts = np.full(len(payloads), framing.start, np.int64)
        if framing.encoding == "json":
            parse = extra("google.protobuf.json_format", "protobuf", "Protobuf").ParseDict
            make = extra("google.protobuf.message_factory", "protobuf", "Protobuf").GetMessageClass(message)

            def encoded(value: Any) -> bytes:
                data: bytes = parse(value, make()).SerializeToString()
                return data

            found = _from_json(
                payloads, framing, encoded, lambda bodies, at: self._target.read(bodies, at)[:2]
            )
            return found.texts, found.failures
        values, failures, unknown = self._target.read(payloads, starts)
        if unknown:
            # they may be fields that the reader's schema does not have, but not those of no schema
            places: Any = pa.array(unknown, pa.int64())
            strange = self._writer(message).read(payloads.take(places), starts[unknown]).unknown
            reason = "it has fields that its schema does not have"
            failures = failures | {unknown[place]: RowFailure(None, "", reason) for place in strange}
            failures = failures | self._losing(payloads, framing.start, message, unknown)
        return values, failures

    def _losing(self, payloads: Array, start: int, message: Any, unknown: list[int]) -> dict[int, RowFailure]:
        """Return why rows lose a value, of those with fields that the reader's schema does not have."""
        name = message.full_name
        if name not in self._lost:
            self._lost[name] = self._target.lost_values(message)
        if not self._lost[name].possible:
            return {}
        reasons = {row: self._lost[name].found(payloads[row].as_py()[start:]) for row in unknown}
        return {row: RowFailure(None, "", reason) for row, reason in reasons.items() if reason is not None}

    def _descriptor(self, framing: Framing) -> Any:
        if framing.message is None and framing.indexes is not None:
            return self._schema.message_at(framing.indexes)
        return self._schema.message(framing.message)

    def _refused(self, message: Any) -> str | None:
        name = message.full_name
        if name not in self._refusals:
            self._refusals[name] = self._target.refusal(message)
        return self._refusals[name]

    def _writer(self, message: Any) -> ProtobufColumns:
        name = message.full_name
        if name not in self._writers:
            self._writers[name] = self._schema.columns(message)
        return self._writers[name]


def _columns(written: Type, reader: Type | None = None) -> AvroColumns:
    try:
        return AvroColumns(written, reader)
    except SchemaError as error:
        raise ConfigError(f"the Avro schema cannot be used: {error}") from error


def _refuse_other_type(schema: RegisteredSchema, type: str) -> None:
    if schema.type != type:
        raise ConfigError(f"its schema is of the type {schema.type!r:.40}, and {type} is expected")


def _from_json(
    payloads: Array,
    framing: Framing,
    encoded: Callable[[Any], bytes],
    read_bodies: Callable[[Array, Any], Any],
) -> Bodies:
    """Read bodies in the JSON encoding of their schema by way of the binary one."""
    bodies: list[bytes | None] = []
    failures: dict[int, RowFailure] = {}
    for row, payload in enumerate(objects_of(payloads)):
        body = None
        try:
            body = encoded(read(payload[framing.start :]).value)
        except Exception as error:  # the reference library raises its own, which are no ValueError
            failures[row] = RowFailure(None, getattr(error, "path", ""), str(error)[:ERROR_LENGTH])
        bodies.append(body)
    values, wrong = read_bodies(pa.array(bodies, pa.large_binary()), None)[:2]
    return Bodies(values, failures | {row: one._replace(offset=None) for row, one in wrong.items()})
