"""Bodies that were written with a schema of a registry, as exact JSON text."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.schemas import ANY_BYTES
from brokerkit.registry import RegisteredSchema

from ..arrays import Field, choose, flags
from ..arrow import Array, ArrowType
from ..decoded import objects_of
from ..json_columns import json_texts
from .avro import AvroColumns, SchemaError
from .avro.schema import parse_schemas
from .bodies import TEXT, Bodies, BodyReader, Gathered, read_json, row_by_row
from .framed_messages import framed_messages
from .framing import Framing
from .json_schema import JsonSchema
from .pairs import Pairs
from .protobuf import ProtobufColumns, ProtobufSchema
from .row_failure import RowFailure
from .single_values import SINGLE_VALUES

_NO_TEXT = pa.scalar(None, TEXT)


def body_reader(
    schema: RegisteredSchema, references: Mapping[str, RegisteredSchema], *, validates: bool = False
) -> BodyReader:
    """Return what reads the bodies that were written with a schema.

    Args:
        references: The schemas that it uses, each after those that it uses itself.
        validates: Whether JSON is checked against a JSON Schema.

    Raises:
        ConfigError: The schema cannot be used.
        MissingExtra: A library is not installed.
    """
    if schema.type == "AVRO":
        try:
            parsed = parse_schemas([*(each.text for each in references.values()), schema.text])
            return BodyReader("avro", _Avro(AvroColumns(parsed)).read)
        except SchemaError as error:
            raise ConfigError(f"the Avro schema cannot be used: {error}") from error
    if schema.type == "PROTOBUF":
        texts = {name: each.text for name, each in references.items()}
        found = ProtobufSchema.from_registered(schema.text, texts)
        return BodyReader("protobuf", _Protobuf(found, schema.message).read)
    if schema.type == "JSON" and validates:
        texts = {name: each.text for name, each in references.items()}
        return BodyReader("json", partial(_read_checked, JsonSchema(schema.text, texts)))
    if schema.type == "JSON":
        return BodyReader("json", read_json)
    if schema.type in SINGLE_VALUES:
        single = SINGLE_VALUES[schema.type]
        word = "text" if schema.type == "STRING" else schema.type.lower().replace("_", "-")
        return BodyReader(word, row_by_row(single.read), single.is_json)
    if schema.type == ANY_BYTES.type:
        return BodyReader("bytes", row_by_row(_base64))
    if schema.type == "PAIR" and schema.parts is not None:
        return BodyReader("pair", Pairs(*(body_reader(part, references) for part in schema.parts)).read)
    raise ConfigError(
        f"a schema of the type {schema.type!r:.40} cannot be used; expected AVRO, PROTOBUF or JSON"
    )


def _read_checked(schema: JsonSchema, payloads: Array, framing: Framing) -> Bodies:
    texts, failures = read_json(payloads, framing)
    wrong = schema.check(objects_of(texts))
    if not wrong:
        return Bodies(texts, failures)
    refused = {each.row: RowFailure(None, each.path or "", each.reason) for each in wrong}
    mask = np.zeros(len(payloads), np.bool_)
    mask[list(refused)] = True
    return Bodies(choose(pa.array(mask), _NO_TEXT, texts), failures | refused)


class Texts:
    """Bodies of any schema as exact JSON text: a `Target`.

    Args:
        validates: Payloads of a JSON Schema are failures where they do not fit it.
    """

    def __init__(self, validates: bool = False) -> None:
        self._validates = validates

    @property
    def type(self) -> ArrowType:
        return TEXT

    @property
    def field(self) -> Field:
        return pa.field("value", TEXT)

    def reader(self, schema: RegisteredSchema, references: Mapping[str, RegisteredSchema]) -> BodyReader:
        """Return what reads the bodies that were written with a schema."""
        return body_reader(schema, references, validates=self._validates)


class _Avro:
    def __init__(self, columns: AvroColumns) -> None:
        self._columns = columns

    def read(self, payloads: Array, framing: Framing) -> Bodies:
        if framing.encoding == "json":
            return read_json(payloads, framing)
        values, failures = self._columns.read(payloads, np.full(len(payloads), framing.start, np.int64))
        texts = json_texts(values, self._columns.field)
        if failures:
            wrong = np.zeros(len(payloads), np.bool_)
            wrong[list(failures)] = True
            texts = choose(pa.array(wrong), _NO_TEXT, texts)
        return Bodies(texts, failures)


class _Protobuf:
    def __init__(self, schema: ProtobufSchema, message: str | None = None) -> None:
        self._schema = schema
        self._message = message
        self._columns: dict[str, ProtobufColumns] = {}

    def read(self, payloads: Array, framing: Framing) -> Bodies:
        if framing.encoding == "json":
            return read_json(payloads, framing)
        found = Gathered(len(payloads))
        failures: dict[int, RowFailure] = {}
        for message, rows in framed_messages(payloads, framing, self._message, failures):
            try:
                columns = self._columns_of(message)
            except ConfigError as error:
                failures |= {row: RowFailure(framing.start, "", str(error)) for row in rows.tolist()}
                continue
            index: Any = pa.array(rows)
            texts, wrong, unknown = columns.texts(
                payloads.take(index), np.full(len(rows), message.start, np.int64)
            )
            failures |= {int(rows[place]): each for place, each in wrong.items()}
            if unknown:
                reason = "it has fields that the schema does not have"
                failures |= {int(rows[place]): RowFailure(None, "", reason) for place in unknown}
                mask = np.zeros(len(rows), np.bool_)
                mask[unknown] = True
                texts = choose(pa.array(mask), _NO_TEXT, texts)
            found.put(rows, texts)
        texts = found.values()
        if found.contradicted:
            reason = "the bytes behind the id fit an index and the name of a message"
            wrong_rows = np.zeros(len(payloads), np.bool_)
            wrong_rows[list(found.contradicted)] = True
            texts = choose(pa.array(wrong_rows), _NO_TEXT, texts)
            failures |= {row: RowFailure(framing.start, "", reason) for row in found.contradicted}
        fine = flags(texts.is_valid())
        return Bodies(texts, {row: each for row, each in failures.items() if not fine[row]})

    def _columns_of(self, framing: Framing) -> ProtobufColumns:
        if framing.message is None and framing.indexes is not None:
            message = self._schema.message_at(framing.indexes)
        else:
            message = self._schema.message(framing.message)
        name = message.full_name
        if name not in self._columns:
            self._columns[name] = self._schema.columns(message)
        return self._columns[name]


def _base64(payload: bytes) -> str:
    return f'"{b2a_base64(payload, newline=False).decode()}"'
