"""Values and columns as payloads with one schema, behind what names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError

from ..arrow import Array
from ..decoded import objects_of
from ..json_exact import read
from ..jsonable import jsonable
from ..tabular import Column, missing
from . import cbor, msgpack
from .avro import AvroWriter
from .avro.schema import Record, Type
from .json_schema import JsonSchema
from .misfit import Misfit
from .protobuf import ProtobufSchema, ProtobufWriter
from .row_failure import RowFailure

Failures = dict[int, RowFailure]


class Values(Protocol):
    """A writer of one format.

    Attributes:
        format: The name of the format.
        fields: The names of the fields at the top; None if any may be there.
    """

    @property
    def format(self) -> str: ...

    @property
    def fields(self) -> frozenset[str] | None: ...

    def object(self, value: Any) -> bytes:
        """Return one value as a body. Raises Misfit."""

    def columns(self, columns: dict[str, Column], length: int) -> tuple[Array, Failures]:
        """Return columns as bodies, one for each row, null where it does not fit, and why by row."""

    def values(self, values: Column) -> tuple[Array, Failures]:
        """Return a column of whole values as bodies."""


@dataclass(frozen=True)
class PayloadWriter:
    """A writer of payloads of one schema.

    Attributes:
        values: Writes the bodies.
        label: The schema and the framing, in words.
        prefix: The bytes in front of each body.
        attributes: The attributes that name the schema.
    """

    values: Values
    label: str
    prefix: bytes = b""
    attributes: Mapping[str, bytes] = field(default_factory=dict)

    def object(self, value: Any) -> bytes:
        """Return one value as a payload.

        Raises:
            ConfigError: It does not fit the schema; the text has the path of the field.
        """
        try:
            return self.prefix + self.values.object(value)
        except Misfit as error:
            raise ConfigError(f"the value does not fit {self.label}: {error}") from error

    def framed(self, bodies: Array) -> list[bytes | None]:
        """Return bodies as payloads, None where there is none."""
        if not self.prefix:
            return objects_of(bodies)
        prefix = self.prefix
        return [None if body is None else prefix + body for body in objects_of(bodies)]


class AvroValues:
    """A writer of Avro."""

    format = "avro"

    def __init__(self, type: Type) -> None:
        self._writer = AvroWriter(type)
        self.fields = frozenset(each.name for each in type.fields) if isinstance(type, Record) else None

    def object(self, value: Any) -> bytes:
        return self._writer.object(value)

    def columns(self, columns: dict[str, Column], length: int) -> tuple[Array, Failures]:
        if self.fields is None:
            return self._writer.values(_only(columns, "value"))
        return self._writer.columns(columns, length)

    def values(self, values: Column) -> tuple[Array, Failures]:
        return self._writer.values(values)


class ProtobufValues:
    """A writer of one message of a Protobuf schema."""

    format = "protobuf"

    def __init__(self, schema: ProtobufSchema, message: Any) -> None:
        self._writer: ProtobufWriter = schema.writer(message)
        self.fields = frozenset(each.name for each in message.fields)

    def object(self, value: Any) -> bytes:
        return self._writer.object(value)

    def columns(self, columns: dict[str, Column], length: int) -> tuple[Array, Failures]:
        if any(isinstance(column, list) for column in columns.values()) or not columns:
            return _each(self.object, _rows(columns, length))
        arrays = [_plain(column) for column in columns.values()]
        return self._writer.columns(pa.StructArray.from_arrays(arrays, list(columns)))

    def values(self, values: Column) -> tuple[Array, Failures]:
        plain = None if isinstance(values, list) else _plain(values)
        if plain is not None and pa.types.is_struct(plain.type):
            return self._writer.columns(plain)
        return _each(self.object, _objects(values))


class JsonValues:
    """A writer of JSON text, checked by a schema."""

    format = "json"
    fields = None

    def __init__(self, schema: JsonSchema | None = None) -> None:
        self._schema = schema

    def object(self, value: Any) -> bytes:
        try:
            text = value if isinstance(value, orjson.Fragment) else orjson.dumps(jsonable(value))
        except (ValueError, TypeError, RecursionError) as error:
            raise Misfit("", f"it cannot be written as JSON: {error}") from error
        return self._checked(text)

    def columns(self, columns: dict[str, Column], length: int) -> tuple[Array, Failures]:
        return _each(self.object, _rows(columns, length))

    def values(self, values: Column) -> tuple[Array, Failures]:
        texts = values if isinstance(values, list) else _plain(values).to_pylist()
        return _each(
            lambda value: self._checked(value.encode()) if isinstance(value, str) else self.object(value),
            [None if missing(value) else value for value in texts],
        )

    def _checked(self, text: Any) -> bytes:
        for failure in () if self._schema is None else self._schema.check([text]):
            raise Misfit(failure.path or "", failure.reason)
        data: bytes = text
        return data


class ObjectValues:
    """A writer of a format without schemas: MessagePack or CBOR."""

    fields = None

    def __init__(self, format: str) -> None:
        self.format = format
        self._dump = {"msgpack": msgpack.dump, "cbor": cbor.dump}[format]

    def object(self, value: Any) -> bytes:
        return self._dump(value)

    def columns(self, columns: dict[str, Column], length: int) -> tuple[Array, Failures]:
        return _each(self._dump, _rows(columns, length))

    def values(self, values: Column) -> tuple[Array, Failures]:
        return _each(self._dump, _objects(values))


def _each(written: Callable[[Any], bytes], values: list[Any]) -> tuple[Array, Failures]:
    """Return values written one by one, None as null; each fails alone."""
    bodies: list[bytes | None] = []
    failures: Failures = {}
    for row, value in enumerate(values):
        body = None
        if value is not None:
            try:
                body = written(value.value() if isinstance(value, _Text) else value)
            except Misfit as error:
                failures[row] = RowFailure(None, error.path, error.reason)
            except ValueError as error:
                failures[row] = RowFailure(None, "", str(error))
        bodies.append(body)
    return pa.array(bodies, pa.large_binary()), failures


class _Text:
    """A value as JSON text, which is read when it is written, so that it fails alone."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def value(self) -> Any:
        return read(self.text).value


def _objects(column: Column) -> list[Any]:
    values = column if isinstance(column, list) else _plain(column).to_pylist()
    return [None if missing(value) else _Text(value) if isinstance(value, str) else value for value in values]


def _rows(columns: dict[str, Column], length: int) -> list[dict[str, Any]]:
    lists = [
        [None if missing(value) else value for value in column]
        if isinstance(column, list)
        else _plain(column).to_pylist()
        for column in columns.values()
    ]
    return (
        [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)] if lists else [{}] * length
    )


def _plain(column: Any) -> Any:
    array = column
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.nulls(0, array.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array


def _only(columns: dict[str, Column], name: str) -> Column:
    if list(columns) != [name]:
        raise ConfigError(
            f"the schema has no fields, so that the frame needs the column {name!r} alone; "
            f"it has {', '.join(columns)}"
        )
    return columns[name]
