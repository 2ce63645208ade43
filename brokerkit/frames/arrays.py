"""Arrow arrays built from their parts, where pyarrow's types say less than is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .arrow import Array, ArrowType

Field: TypeAlias = "pa.Field[Any]"
Numbers: TypeAlias = npt.NDArray[Any]


def fields_of(type: ArrowType) -> list[Field]:
    """Return the fields of a struct type."""
    return [type.field(number) for number in range(type.num_fields)]


def from_buffers(type: ArrowType, length: int, *data: Numbers | bytes) -> Array:
    """Return an array without nulls whose buffers are these, such as offsets and data."""
    array: Array = pa.Array.from_buffers(type, length, [None, *(_buffer(part) for part in data)])
    return array


def _buffer(data: Any) -> pa.Buffer:
    return pa.py_buffer(data)


def bytes_of(array: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return the offsets of a large binary array, one more than it has values, and the bytes they lead to."""
    _, offsets, data = array.buffers()
    length = len(array)
    places: Any = offsets if offsets is not None else bytes(8 * (array.offset + length + 1))
    content: Any = data if data is not None else b""
    return np.frombuffer(places, np.int64, length + 1, array.offset * 8), np.frombuffer(content, np.uint8)


def overlapping(data: npt.NDArray[np.uint8], type: str) -> Numbers:
    """Return the value of a numpy type that begins at each byte, without copying them."""
    count = max(len(data) - np.dtype(type).itemsize + 1, 0)
    return np.ndarray((count,), type, data, strides=(1,))


def taken(array: Array, index: npt.NDArray[np.int64]) -> Array:
    """Return the values at these indexes; a negative index gives null."""
    missing = index < 0
    indexes: Any = pa.array(index, mask=missing) if missing.any() else pa.array(index)
    return array.take(indexes)


def kept(array: Array, flags: npt.NDArray[np.bool_]) -> Array:
    """Return the values whose flag is true."""
    return array if flags.all() else array.filter(pa.array(flags))


def flags(array: Array) -> npt.NDArray[np.bool_]:
    """Return a boolean array without nulls as numpy's."""
    found: npt.NDArray[np.bool_] = array.to_numpy(zero_copy_only=False).astype(np.bool_)
    return found


def struct(children: Sequence[Array], type: ArrowType, null: npt.NDArray[np.bool_] | None = None) -> Array:
    """Return a struct array of a type; `null` marks the structs that are null."""
    mask: Any = None if null is None or not null.any() else pa.array(null)
    array: Array = pa.StructArray.from_arrays(list(children), fields=fields_of(type), mask=mask)
    return array


def lists(offsets: npt.NDArray[np.int32], values: Array, type: ArrowType) -> Array:
    """Return a list array of a type, or a map array if `values` are structs of a key and a value."""
    places: Any = pa.array(offsets)
    if pa.types.is_map(type):
        entries: Any = values
        kind: Any = type
        made: Array = pa.MapArray.from_arrays(places, entries.field(0), entries.field(1), type=kind)
        return made
    array: Array = pa.ListArray.from_arrays(places, values, type=type)
    return array


def children(array: Array) -> list[Array]:
    """Return the fields of a struct array, as long as the array is."""
    found: list[Array] = _parts(array).flatten()
    return found


def list_parts(array: Array) -> tuple[Array, Array]:
    """Return the offsets of a list array and the values of all its lists."""
    return _parts(array).offsets.cast(pa.int64()), _parts(array).values


def map_parts(array: Array) -> tuple[Array, Array]:
    """Return the keys and the items of all maps of a map array."""
    return _parts(array).keys, _parts(array).items


def joined(*parts: Array | str) -> Array:
    """Return texts put together from the parts; null where a part is null."""
    texts: list[Any] = [
        pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts
    ]
    array: Any = pc.binary_join_element_wise(*texts, pa.scalar("", pa.large_string()))
    return cast("Array", array)


def joined_lists(offsets: Array, texts: Array, separator: str) -> Array:
    """Return the texts of each list as one text."""
    places: Any = offsets
    array: Any = pc.binary_join(
        pa.LargeListArray.from_arrays(places, texts), pa.scalar(separator, pa.large_string())
    )
    return cast("Array", array)


def choose(flags: Any, chosen: Any, other: Any) -> Array:
    """Return the chosen values where the flag is true, and the others elsewhere."""
    array: Array = pc.if_else(flags, chosen, other)
    return array


def replaced(array: Array, flags: Any, replacements: Array) -> Array:
    """Return the array with the next replacement where the flag is true."""
    found: Array = pc.replace_with_mask(array, flags, replacements)
    return found


def _parts(array: Array) -> Any:
    return array
