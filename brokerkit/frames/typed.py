"""Decoders with a schema, which fill `value` with Arrow values of its type."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.notes import note

from .arrays import Field, flags
from .arrow import Array, ArrowType, fill_null, starts_with
from .codecs.avro import AvroColumns, SchemaError, parse_schema
from .codecs.avro.fingerprint import fingerprint
from .codecs.avro.schema import type_name
from .codecs.extras import MissingExtra
from .codecs.protobuf import ProtobufSchema
from .decoded import Decoded, PayloadFailure, Payloads
from .own_schemas import READERS, OwnSchemas, avro_of_topic

SINGLE_OBJECT = b"\xc3\x01"
"""How Avro's single-object encoding begins: then come 8 bytes of the schema's fingerprint, and the data."""


FRAME_BYTES = 5
"""A zero and the id of a schema, which registries put in front."""


class MixedSchemasWarning(UserWarning):
    """Payloads that are read with one schema name several, so that some values may be wrong."""


class Columns(Protocol):
    """A reader of payloads of one type as Arrow values."""

    field: Field

    @property
    def type(self) -> ArrowType: ...

    def read(self, payloads: Array, starts: Any = None) -> Any:
        """Return the values and the failures by row, and perhaps more."""


class TypedDecoder:
    """A decoder of payloads that were all written with one schema. `raw` keeps every payload.

    Args:
        format: The format, for the column `format`.
        title: The name of the type in the schema.
        make: Makes the reader from `source`. It is a function of a module, for other processes.
        source: What the reader is made from.
        skip: Bytes in front of the data of each payload.
        mark: What payloads may begin with; then the data is behind it.
    """

    keeps_raw = True

    def __init__(
        self,
        format: str,
        title: str,
        make: Callable[[Any], Columns],
        source: Any,
        skip: int = 0,
        mark: bytes = b"",
    ) -> None:
        if type(skip) is not int or skip < 0:
            raise ConfigError(f"skip={skip!r} cannot be used; expected a number of bytes, 0 or more")
        self._parts = (format, title, make, source, skip, mark)
        self._format, self._skip, self._mark = format, skip, mark
        self._columns = make(source)
        self._named: Any = None
        self._warned = False
        shape = sha256(f"{self._columns.type} {skip} {mark.hex()}".encode()).hexdigest()[:12]
        self.name = f"{format} {title} {shape}"

    @property
    def type(self) -> ArrowType:
        """The Arrow type of the schema."""
        return self._columns.type

    @property
    def field(self) -> Field:
        """The Arrow field of the values; its metadata says what is a union and what is JSON text."""
        return self._columns.field

    @property
    def format(self) -> str:
        """The format: ``avro`` or ``protobuf``."""
        return self._format

    @property
    def source(self) -> Any:
        """The schema: the text of an Avro schema, or a Protobuf schema and a name in it."""
        source = self._parts[3]
        return source[0] if self._format == "avro" else source

    @property
    def reader(self) -> Any:
        """The schema whose types the values have, as in `source`."""
        source = self._parts[3]
        return (source[1] or source[0]) if self._format == "avro" else source

    @property
    def skips_frame(self) -> bool:
        """Whether the bytes that are skipped may name a schema of a registry."""
        return self._skip >= FRAME_BYTES

    def decode(self, payloads: Payloads) -> Decoded:
        self._warn_of_several(payloads.data)
        values, wrong = self._columns.read(payloads.data, self._starts(payloads.data))[:2]
        failures = [
            PayloadFailure(row, one.reason, self._format, one.offset, one.path or None)
            for row, one in sorted(wrong.items())
        ]
        return Decoded(values, payloads.data, failures, format_name=self._format)

    def _starts(self, data: Array) -> npt.NDArray[np.int64] | None:
        if not self._mark:
            return np.full(len(data), self._skip, np.int64) if self._skip else None
        marked = flags(fill_null(starts_with(data, self._mark), False))
        return np.where(marked, len(self._mark), self._skip) if self._skip or marked.any() else None

    def _warn_of_several(self, data: Array) -> None:
        """Warn once if the bytes that are skipped are ids of a registry, and not all the same."""
        if self._skip < FRAME_BYTES or self._warned:
            return
        begins = pc.binary_slice(data, 0, FRAME_BYTES)
        framed = begins.filter(fill_null(starts_with(begins, b"\0"), False))
        several: Array = (framed if self._named is None else pa.concat_arrays([self._named, framed])).unique()
        self._named = several[:1] if len(several) else None
        if len(several) > 1:
            self._warned = True
            ids = ", ".join(str(int.from_bytes(each[1:], "big")) for each in several[:3].to_pylist() if each)
            note(
                f"the payloads read as {self.name!r} name several schemas in the bytes that are skipped (ids "
                f"{ids}): values of other schemas may be wrong. Leave decode= out to read each row by its "
                "own schema",
                MixedSchemasWarning,
            )

    def __reduce__(self) -> Any:
        return TypedDecoder, self._parts

    def __repr__(self) -> str:
        return f"TypedDecoder({self.name!r})"


def avro(schema: str | None = None, *, reader: str | None = None, skip: int = 0) -> TypedDecoder | OwnSchemas:
    """Return a decoder of Avro payloads as typed values::

        s.peek("orders", decode=bk.avro())
        s.peek("orders", decode=bk.avro('{"type": "record", "name": "Order", "fields": [...]}'))

    `value` has the Arrow type of the reader's schema: a record is a struct, and `expand=True` gives its
    fields as typed columns. Times, decimals and nested values keep their types. `raw` keeps every payload,
    and rows that do not fit are failures with the byte, the field and the reason.

    Without `schema`, each payload is read by the schema that it names, which is looked for in the registry or
    in the system, and becomes a value of the reader's schema by Avro's rules: fields are matched by name and
    alias, missing ones have their default, and numbers are promoted. Rows that do not fit it are failures.

    Args:
        schema: The JSON text of the schema with which all payloads were written; None is what each names.
            Payloads in the single-object encoding of this schema are read as well.
        reader: The JSON text of the schema whose types the values have. "newest" is the newest of the topic,
            and "union" has the fields of all its schemas. None is `schema`, or else "newest".
        skip: Bytes in front of the data of each payload, such as 5 for those of a schema registry. If the
            session has a registry, payloads whose id is of another schema are read by that one. Without one,
            `MixedSchemasWarning` says that there are several.

    Raises:
        ConfigError: A schema is not valid, or an argument cannot be used.
    """
    if schema is None:
        if skip:
            raise ConfigError("skip= is for payloads of one schema: give schema=, or leave it out")
        return avro_of_topic("newest" if reader is None else reader)
    if not isinstance(schema, str):
        raise ConfigError(f"schema must be the JSON text of an Avro schema, not {type(schema).__name__}")
    if reader is not None and avro_of_topic(reader).reader in READERS:
        raise ConfigError(f"reader={reader!r} is for payloads that name their schema: leave schema out")
    try:
        parsed = parse_schema(schema)
        mark = SINGLE_OBJECT + fingerprint(parsed).to_bytes(8, "little")
        title = type_name(parsed if reader is None else parse_schema(reader))
        return TypedDecoder("avro", title, _avro_columns, (schema, reader), skip, mark)
    except SchemaError as error:
        raise ConfigError(f"the Avro schema cannot be used: {error}") from error


@overload
def protobuf(
    schema: str | Path | bytes | ProtobufSchema,
    message: str | None = None,
    *,
    reader: str | None = None,
    descriptor: None = None,
    skip: int = 0,
) -> TypedDecoder: ...
@overload
def protobuf(
    schema: None = None,
    message: str | None = None,
    *,
    reader: str | None = None,
    descriptor: Any,
    skip: int = 0,
) -> TypedDecoder: ...
@overload
def protobuf(
    schema: None = None,
    message: str | None = None,
    *,
    reader: str | None = None,
    descriptor: None = None,
    skip: int = 0,
) -> OwnSchemas: ...
def protobuf(
    schema: str | Path | bytes | ProtobufSchema | None = None,
    message: str | None = None,
    *,
    reader: str | None = None,
    descriptor: Any = None,
    skip: int = 0,
) -> TypedDecoder | OwnSchemas:
    """Return a decoder of Protobuf payloads of one message type::

        s.peek("orders", decode=bk.protobuf())
        s.peek("orders", decode=bk.protobuf("shop.proto", "Order"))

    `value` has the Arrow type of the message, and `expand=True` gives its fields as typed columns. `raw`
    keeps every payload, and rows that do not fit are failures.

    Without `schema`, the message is that of the newest schema of the topic, which is looked for in the
    registry or in the system. Fields that it does not have are left out. Rows of another message, and of
    schemas that give a field another meaning, are failures.

    Args:
        schema: The path of a ``.proto`` file or of a serialized descriptor, or the bytes of a descriptor;
            None is what payloads name.
        message: The name of the message; None if the file has only one, or is that of the topic.
        reader: "newest" or None. The fields of several versions are not united with Protobuf: give the schema
            whose fields are wanted as `schema`.
        descriptor: A generated class, or a descriptor, in place of `schema`.
        skip: Bytes in front of the data of each payload, such as 6 for the first message of a schema in a
            registry. If the session has a registry, payloads are read by the message that they name.

    Raises:
        ConfigError: The schema is not valid, has no such message, or the libraries for Protobuf are missing.
    """
    if reader not in (None, "newest"):
        raise ConfigError(
            f"reader={reader!r:.60} cannot be used with Protobuf; expected 'newest'. For the fields of "
            'another version give its schema: brokerkit.protobuf("order.proto", "Order", skip=6) reads '
            "payloads of a registry by the messages that they name"
        )
    if schema is not None and descriptor is not None:
        raise ConfigError("give either a schema, such as a path, or descriptor=")
    if schema is None and descriptor is None:
        if skip:
            raise ConfigError("skip= is for payloads of one schema: give schema=, or leave it out")
        return OwnSchemas("protobuf", message=message)
    try:
        if descriptor is not None and not isinstance(descriptor, bytes):
            found = ProtobufSchema.from_class(descriptor)
            message = message or getattr(getattr(descriptor, "DESCRIPTOR", descriptor), "full_name", None)
        elif isinstance(schema, ProtobufSchema):
            found = schema
        elif isinstance(schema, str | Path):
            found = ProtobufSchema.from_path(schema)
        else:
            found = ProtobufSchema.from_descriptor(schema or descriptor or b"")
        name = found.message(message).full_name
        return TypedDecoder("protobuf", name, _protobuf_columns, (found, name), skip)
    except MissingExtra as error:
        raise ConfigError(str(error)) from error


def _avro_columns(source: tuple[str, str | None]) -> Columns:
    schema, reader = source
    return AvroColumns(parse_schema(schema), None if reader is None else parse_schema(reader))


def _protobuf_columns(source: tuple[ProtobufSchema, str]) -> Columns:
    schema, name = source
    return schema.columns(schema.message(name))
