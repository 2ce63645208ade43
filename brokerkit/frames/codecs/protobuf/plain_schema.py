"""The plain schema of a plan: the same bytes on the wire, described with fewer types.

The columnar library knows fewer types than Protobuf and handles some of them in its own way. In the plain
schema an enum is its number, a time may be a message of seconds and nanoseconds, a map is a list of entries,
and a message that becomes JSON text its bytes. Every field says whether it was there, so that what is read
can be written again byte by byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...arrow import Array, ArrowType
from ...native.protobuf_bytes import Field, Written, differing
from ..extras import extra
from .descriptors import DURATION, TIMESTAMP, Type
from .plan import Kind, Member, Shape, Value

_TIME = "Time"
_KEY, _VALUE = "key", "value"
_WRITTEN: dict[int, tuple[Written, ArrowType]] = {
    Type.DOUBLE: (Written.FIXED64, pa.float64()),
    Type.FLOAT: (Written.FIXED32, pa.float32()),
    Type.INT64: (Written.WHOLE64, pa.int64()),
    Type.UINT64: (Written.WHOLE64, pa.uint64()),
    Type.INT32: (Written.WHOLE32, pa.int32()),
    Type.FIXED64: (Written.FIXED64, pa.uint64()),
    Type.FIXED32: (Written.FIXED32, pa.uint32()),
    Type.BOOL: (Written.TRUTH, pa.bool_()),
    Type.STRING: (Written.BYTES, pa.large_string()),
    Type.BYTES: (Written.BYTES, pa.large_binary()),
    Type.UINT32: (Written.UNSIGNED32, pa.uint32()),
    Type.SFIXED32: (Written.FIXED32, pa.int32()),
    Type.SFIXED64: (Written.FIXED64, pa.int64()),
    Type.SINT32: (Written.ZIGZAG32, pa.int32()),
    Type.SINT64: (Written.ZIGZAG64, pa.int64()),
}
_TIMES: dict[Kind, tuple[Written, ArrowType]] = {
    Kind.TIMESTAMP: (Written.TIME, pa.timestamp("ns", "UTC")),
    Kind.DURATION: (Written.DURATION, pa.duration("ns")),
}


class PlainSchema:
    """The columnar reader and writer of a plan, and the class that reads the same bytes.

    Args:
        plan: The plan of a message.
        own_times: Whether times are those of the columnar library, in nanoseconds and UTC. It changes others
            silently, which writing them again shows.
    """

    def __init__(self, plan: Value, *, own_times: bool = False) -> None:
        pb2 = extra("google.protobuf.descriptor_pb2", "protobuf", "Protobuf")
        pools = extra("google.protobuf.descriptor_pool", "protobuf", "Protobuf")
        classes = extra("google.protobuf.message_factory", "protobuf", "Protobuf")
        ptars = extra("ptars", "protobuf", "Protobuf")
        self._file = pb2.FileDescriptorProto(name="plain.proto", syntax="proto3")
        self._own_times = own_times
        pool = pools.DescriptorPool()
        self._pool = pool
        if own_times:
            self._import_times(pool)
        else:
            self._time()
        name = self._message(plan)
        pool.Add(self._file)
        descriptor = pool.FindMessageTypeByName(name)
        self.message_class = classes.GetMessageClass(descriptor)
        config = ptars.PtarsConfig(
            enum_repr="int32", use_large_string=True, use_large_binary=True, timestamp_tz="UTC"
        )
        self.handler = ptars.HandlerPool([descriptor.file], config).get_for_message(descriptor)
        self._fields = _flat_fields(plan) if own_times else None

    def differing(self, batch: Any, payloads: Array) -> npt.NDArray[np.bool_]:
        """Return which payloads are not, byte by byte, what the batch read of them gives when written."""
        if self._fields is not None:
            found = differing(payloads, batch.columns, self._fields)
            if found is not None:
                return found
        written = self.handler.record_batch_to_array(batch)
        if written.equals(payloads):
            return np.zeros(len(payloads), np.bool_)
        flags: npt.NDArray[np.bool_] = ~np.asarray(pc.equal(written, payloads))
        return flags

    def _import_times(self, pool: Any) -> None:
        for module in ("timestamp_pb2", "duration_pb2"):
            file = extra(f"google.protobuf.{module}", "protobuf", "Protobuf").DESCRIPTOR
            pool.AddSerializedFile(file.serialized_pb)
            self._file.dependency.append(file.name)

    def _time(self) -> None:
        message = self._file.message_type.add(name=_TIME)
        _optional(message, message.field.add(name="seconds", number=1, type=Type.INT64, label=1))
        _optional(message, message.field.add(name="nanos", number=2, type=Type.INT32, label=1))

    def _message(self, value: Value) -> str:
        name = f"M{len(self._file.message_type)}"
        message = self._file.message_type.add(name=name)
        for member in value.by_number():
            field = message.field.add(name=plain_name(member), number=member.plain_number, label=1)
            if member.shape is Shape.MAP and member.key is not None:
                field.label = 3
                field.type, field.type_name = Type.MESSAGE, self._entry(member.key, member.value)
            else:
                self._typed(field, member.value)
                if member.shape is Shape.LIST:
                    field.label = 3
                elif field.type != Type.MESSAGE:
                    _optional(message, field)
        return name

    def _entry(self, key: Value, value: Value) -> str:
        name = f"M{len(self._file.message_type)}"
        message = self._file.message_type.add(name=name)
        for number, (each, inner) in enumerate(((_KEY, key), (_VALUE, value)), 1):
            field = message.field.add(name=each, number=number, label=1)
            self._typed(field, inner)
            if field.type != Type.MESSAGE:
                _optional(message, field)
        return name

    def _typed(self, field: Any, value: Value) -> None:
        field.type = value.wire
        if value.kind is Kind.WRAPPER:
            name = f"M{len(self._file.message_type)}"
            message = self._file.message_type.add(name=name)
            _optional(message, message.field.add(name=_VALUE, number=1, type=value.wire, label=1))
            field.type, field.type_name = Type.MESSAGE, name
        elif value.kind in (Kind.TIMESTAMP, Kind.DURATION):
            full_name = TIMESTAMP if value.kind is Kind.TIMESTAMP else DURATION
            field.type_name = f".{full_name}" if self._own_times else _TIME
        elif value.kind is Kind.MESSAGE:
            field.type_name = self._message(value)


def plain_name(member: Member) -> str:
    """Return the name of a field in the plain schema."""
    return f"f{member.number}"


def _optional(message: Any, field: Any) -> None:
    field.proto3_optional = True
    field.oneof_index = len(message.oneof_decl)
    message.oneof_decl.add(name=f"_{field.name}")


def _flat_fields(plan: Value) -> list[Field] | None:
    """Return the fields of a message as they are written; None if it has messages or lists inside."""
    fields: list[Field] = []
    for member in plan.by_number():
        value = member.value
        known = _TIMES.get(value.kind) or _WRITTEN.get(value.wire)
        if known is None or member.shape is not Shape.SINGLE or member.group or value.kind is Kind.WRAPPER:
            return None
        fields.append(Field(member.plain_number, *known))
    return fields
