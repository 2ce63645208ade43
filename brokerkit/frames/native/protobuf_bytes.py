"""Which payloads of Protobuf differ from what their columns give when written, as the compiled part tells."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..arrow import Array, ArrowType

INTERFACE = 1
# Python takes a file that ends in .so for a module
COMPILED = Path(__file__).with_name("_protobuf_bytes.bin")


class Written(IntEnum):
    """How the values of a column are written. The numbers are those of the compiled part."""

    WHOLE64 = 0
    WHOLE32 = 1
    UNSIGNED32 = 2
    ZIGZAG64 = 3
    ZIGZAG32 = 4
    TRUTH = 5
    FIXED64 = 6
    FIXED32 = 7
    BYTES = 8
    TIME = 9
    DURATION = 10


class Field(NamedTuple):
    """A field of a message: its number, how it is written, and the Arrow type of its column."""

    number: int
    written: Written
    type: ArrowType


class _Column(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int64),
        ("number", ctypes.c_int64),
        ("first", ctypes.c_int64),
        ("valid", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
    )


@functools.cache
def _found() -> Any:
    """Return the compiled function; None where it was not compiled, or is that of another version."""
    try:
        compiled = ctypes.CDLL(str(COMPILED))
        version, differing = compiled.brokerkit_protobuf_interface, compiled.brokerkit_protobuf_differing
    except (OSError, AttributeError):
        return None
    version.restype, version.argtypes = ctypes.c_int64, ()
    if version() != INTERFACE:
        return None
    differing.restype = ctypes.c_int64
    differing.argtypes = (
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_void_p,
    )
    return differing


def differing(
    payloads: Array, columns: Sequence[Array], fields: Sequence[Field]
) -> npt.NDArray[np.bool_] | None:
    """Return which payloads are not, byte by byte, their fields written once each by ascending numbers.

    None says that this cannot be told: it was not compiled, or a column has another type than its field.

    Args:
        payloads: A binary array without nulls.
        columns: The columns that were read of them; null is a field that is not there.
        fields: The field of each column, in the order of their numbers.
    """
    find = _found()
    rows = len(payloads)
    if find is None or not rows or payloads.null_count or not pa.types.is_binary(payloads.type):
        return None
    if [(column.type, len(column)) for column in columns] != [(field.type, rows) for field in fields]:
        return None
    _, offsets, data = payloads.buffers()
    if offsets is None:
        return None
    given = (_Column * len(fields))()
    for place, (field, column) in enumerate(zip(fields, columns, strict=True)):
        buffers = column.buffers()
        valid = buffers[0] if column.null_count else None
        values = [_address(buffer) for buffer in buffers[1:]]
        given[place] = _Column(
            field.written, field.number, column.offset, _address(valid), values[0], (*values, None)[1]
        )
    differs = np.zeros(rows, np.uint8)
    find(offsets.address + 4 * payloads.offset, _address(data), rows, given, len(fields), differs.ctypes.data)
    return differs.view(np.bool_)


def _address(buffer: pa.Buffer | None) -> int | None:
    return None if buffer is None else buffer.address
