"""Fields of payloads as columns whose types are known before the rows are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError, DecodeError

from .arrow import Array, ArrowType, ChunkedArray, chunked, is_text, nulls
from .expand import Path, expand_column, field_parts
from .json_kinds import JSON, Part, as_kind, as_type, common_kind, type_of_kind

ROOTS = ("value", "key")
"""The columns that may have fields."""


@dataclass(frozen=True)
class Field:
    """A field of payloads or keys.

    Attributes:
        name: The name of its column, such as ``value.total``.
        type: The type of its column. None if that is not known before the rows are read.
        kind: What values of JSON must be to fit the type. None if the caller gave the type, or the field is
            one of a struct.
        typed: Whether it is a field of a struct.
    """

    name: str
    type: ArrowType | None = None
    kind: str | None = None
    typed: bool = False

    @property
    def root(self) -> str:
        return self.name.partition(".")[0]

    @property
    def path(self) -> Path:
        return tuple(self.name.split(".")[1:])

    def same_type(self, other: Field) -> bool:
        """Return whether the values of another field of this name are the same."""
        as_json = self.kind == JSON, other.kind == JSON
        return self.type == other.type and as_json[0] == as_json[1]

    @property
    def arrow(self) -> Any:
        """The field of a schema. Its type must be known."""
        assert self.type is not None
        return pa.field(self.name, self.type)


def field_of(name: str, schema: pa.Schema, type: Any = None) -> Field:
    """Return a field by the name of its column.

    Args:
        name: Such as ``value.total``: the column, and the path in its JSON or struct.
        schema: The schema of the rows.
        type: The Arrow type of its values; "json" for their JSON text; None if that is to be found out.

    Raises:
        ConfigError: There is no such column or field, or it has no fields.
    """
    root, *path = name.split(".")
    if root not in ROOTS or not all(path):
        raise ConfigError(
            f"there is no column {name!r}: select columns ({', '.join(schema.names)}) or fields of the value "
            'or key, such as "value.total"'
        )
    kind = schema.field(root).type
    if is_text(kind):
        if type == "json":
            return Field(name, type_of_kind(JSON), JSON)
        if type is not None and not isinstance(type, pa.DataType):
            raise ConfigError(f'types={{{name!r}: ...}} needs an Arrow type or "json", not {type!r:.60}')
        return Field(name, type)
    for each in path:
        if not pa.types.is_struct(kind) or kind.get_field_index(each) < 0:
            raise ConfigError(f"there is no field {name!r}: the type of {root} is {schema.field(root).type}")
        kind = kind.field(each).type
    if type is not None:
        raise ConfigError(f"types= is for fields of JSON; the decoder says that {name!r} is {kind}")
    return Field(name, kind, typed=True)


def guessed(fields: Sequence[Field], rows: pa.Table) -> list[Field]:
    """Return the fields with the types that fit these rows, where none is known yet."""
    unknown = [each for each in fields if each.type is None]
    found = _parts(unknown, rows)
    kinds = {}
    for each in unknown:
        seen = any(part.kind is not None for part in found[each.name])
        kinds[each.name] = common_kind(found[each.name]) if seen else JSON
    return [
        replace(each, type=type_of_kind(kinds[each.name]), kind=kinds[each.name])
        if each.type is None
        else each
        for each in fields
    ]


def with_fields(batch: pa.RecordBatch, fields: Sequence[Field]) -> pa.RecordBatch:
    """Return a batch with a column for each field, whose types are known.

    Raises:
        DecodeError: A value does not fit the type of its field.
    """
    of_json = [each for each in fields if not each.typed]
    parts = _parts(of_json, batch)
    for each in fields:
        if each.typed:
            column = pc.struct_field(batch.column(each.root), list(each.path))
        else:
            column = _column(each, parts[each.name], batch)
        batch = batch.append_column(each.arrow, column)
    return batch


def exact_fields(table: pa.Table, fields: Sequence[Field]) -> pa.Table:
    """Return a table with a column for each field, whose type fits all rows where none is known."""
    columns: dict[str, ChunkedArray] = {}
    for root, depth, group in _groups(each for each in fields if each.type is None):
        first = list(dict.fromkeys(each.path[0] for each in group))
        found, _, _ = expand_column(table.column(root), fields=first, depth=depth)
        for each in group:
            empty = chunked([nulls(table.num_rows, pa.large_string())], pa.large_string())
            columns[each.name] = found.get(each.path, empty)
    known = [each for each in fields if each.type is not None]
    batches = [with_fields(batch, known) for batch in table.to_batches()]
    for each in known:
        columns[each.name] = chunked([batch.column(each.name) for batch in batches], each.type)
    for each in fields:
        table = table.append_column(each.name, columns[each.name])
    return table


def _column(field: Field, parts: Sequence[Part], batch: pa.RecordBatch) -> Array:
    fitting = [_fitting(field, part) for part in parts]
    arrays = [each for each in fitting if each is not None]
    if len(arrays) < len(parts):
        raise _misfit(field, batch)
    if not arrays:
        return nulls(batch.num_rows, field.type)
    joined: Array = pa.concat_arrays(arrays)
    return joined


def _fitting(field: Field, part: Part) -> Array | None:
    assert field.type is not None
    return as_type(part, field.type) if field.kind is None else as_kind(part, field.kind)


def _misfit(field: Field, batch: pa.RecordBatch) -> DecodeError:
    """Return the error for the first row whose value does not fit."""
    for row in range(batch.num_rows):
        one = batch.slice(row, 1)
        if any(_fitting(field, part) is None for part in _parts([field], one)[field.name]):
            places = (one.column(name)[0].as_py() for name in ("topic", "partition", "offset", "id"))
            topic, partition, offset, id = places
            place = f"message {id}" if offset is None else f"offset {offset}"
            where = "" if partition is None else f" of partition {partition}"
            break
    else:
        topic, place, where = batch.column("topic")[0].as_py(), "a message", ""
    how = "as given in types=" if field.kind is None else "as the rows that were looked at before"
    return DecodeError(
        f"{field.name} is not {field.type}, {how}, in {place}{where} of {topic!r}: say a type that fits all "
        f'rows, such as select(..., types={{{field.name!r}: "json"}}), or read with to_arrow or to_pandas'
    )


def _groups(fields: Iterable[Field]) -> list[tuple[str, int, list[Field]]]:
    """Return fields that are found together: those of one column and one depth."""
    found: dict[tuple[str, int], list[Field]] = {}
    for each in fields:
        found.setdefault((each.root, len(each.path)), []).append(each)
    return [(root, depth, group) for (root, depth), group in found.items()]


def _parts(fields: Sequence[Field], rows: pa.RecordBatch | pa.Table) -> Mapping[str, list[Part]]:
    """Return the values of fields of JSON, run by run."""
    found: dict[str, list[Part]] = {}
    for root, depth, group in _groups(fields):
        column = rows.column(root)
        texts = column if isinstance(column, pa.ChunkedArray) else chunked([column], column.type)
        first = list(dict.fromkeys(each.path[0] for each in group))
        parts = field_parts(texts, first, depth)
        for each in group:
            found[each.name] = parts.get(each.path, [])
    return found
