"""Columns of the plain schema as payloads, in which the numbers of some lists are each a field of their own.

The columnar library writes the numbers of a list together, as most schemas declare. A message that has other
lists is written in parts, which are put together row by row; where it is a field, it is written as its bytes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...arrays import bytes_of, from_buffers
from ...arrow import Array, fill_null
from .descriptors import PACKABLE, Type
from .plain_schema import PlainSchema, plain_name
from .plan import Kind, Member, Shape, Value

_BYTES = Value(Kind.SCALAR, Type.BYTES, pa.large_binary())


def is_unpacked(member: Member) -> bool:
    """Return whether a field is a list whose numbers are each a field of their own."""
    numbers = member.value.kind in (Kind.SCALAR, Kind.ENUM) and member.value.wire in PACKABLE
    return member.shape is Shape.LIST and numbers and not member.packed


def has_unpacked(value: Value) -> bool:
    """Return whether a message or one in it has such a list; what becomes JSON text does not count."""
    return any(is_unpacked(member) or has_unpacked(member.value) for member in value.members)


class PayloadColumns:
    """A writer of struct columns of the plain schema of a plan."""

    def __init__(self, plan: Value) -> None:
        self._inner = {
            member.number: PayloadColumns(member.value)
            for member in plan.members
            if has_unpacked(member.value)
        }
        ordered = [
            replace(member, value=_BYTES) if member.number in self._inner else member
            for member in plan.by_number()
        ]
        self._parts: list[_Part] = []
        together: list[Member] = []
        for member in ordered:
            if not is_unpacked(member):
                together.append(member)
                continue
            if together:
                self._parts.append(_Part(together, apart=False))
                together = []
            one = replace(member, shape=Shape.SINGLE, explicit=True)
            self._parts.append(_Part([one], apart=True))
        if together:
            self._parts.append(_Part(together, apart=False))

    def write(self, array: Any) -> Array:
        """Return each struct as a payload, as large binary; that of a null struct is any."""
        columns = {field.name: array.field(number) for number, field in enumerate(array.type)}
        for number, writer in self._inner.items():
            name = f"f{number}"
            columns[name] = writer.inside(columns[name])
        parts: list[Any] = [part.write(columns, len(array)) for part in self._parts]
        if len(parts) == 1:
            found: Array = parts[0]
            return found
        joined: Any = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
        whole: Array = joined
        return whole

    def inside(self, column: Any) -> Array:
        """Return a column of messages, of lists of them or of maps with them as one with their payloads."""
        kind: Any = column.type
        if pa.types.is_struct(kind):
            payloads = self.write(column)
            if column.null_count:
                payloads = pc.if_else(column.is_valid(), payloads, pa.scalar(None, pa.large_binary()))
            return payloads
        values = column.values
        if pa.types.is_struct(kind.value_type) and [each.name for each in kind.value_type] == [
            "key",
            "value",
        ]:
            values = pa.StructArray.from_arrays(
                [values.field(0), self.inside(values.field(1))], ["key", "value"]
            )
        else:
            values = self.inside(values)
        lists: Array = pa.ListArray.from_arrays(column.offsets, values)
        return lists


class _Part:
    """Fields that are written together, or one list whose numbers are written one by one."""

    def __init__(self, members: list[Member], apart: bool) -> None:
        self._apart = apart
        self._names = [plain_name(member) for member in members]
        plan = Value(Kind.MESSAGE, Type.MESSAGE, pa.struct([]), members=tuple(members))
        self._plain = PlainSchema(plan)

    def write(self, columns: dict[str, Any], length: int) -> Array:
        given = [columns[name] for name in self._names]
        if not self._apart:
            return self._written(given)
        offsets = np.asarray(given[0].offsets)
        places, data = bytes_of(self._written([given[0].values]))
        return from_buffers(pa.large_binary(), length, places[offsets], np.ascontiguousarray(data))

    def _written(self, columns: list[Any]) -> Array:
        batch = pa.RecordBatch.from_arrays(columns, names=self._names)
        written: Any = self._plain.handler.record_batch_to_array(batch)
        payloads: Array = fill_null(written.cast(pa.large_binary()), b"")
        return payloads
