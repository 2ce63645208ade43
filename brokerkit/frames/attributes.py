"""Message attributes as an Arrow column, and back, without changing a value."""

from __future__ import annotations

from functools import cache
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

from brokerkit.core.vocabulary.attribute_bytes import WRITE, pair_of
from brokerkit.core.vocabulary.attributes import NO_ATTRIBUTES, Attributes, Pair, type_name

from .arrow import Array, ChunkedArray, repeated
from .decoded import objects_of
from .schema import ATTRIBUTE, ATTRIBUTES


def attributes_array(column: Any, length: int) -> Array:
    """Return a backend's attributes (for each row a sequence of pairs, or None) as the frame's column.

    A row without attributes has an empty list.

    Raises:
        TypeError: A value has a type that no system carries.
    """
    if column is None or (isinstance(column, list) and column.count(None) == length):
        return _lists(repeated(0, pa.int32(), length + 1), _no_pairs())
    if isinstance(column, pa.Array):
        return column.cast(ATTRIBUTES)
    if hasattr(column, "__arrow_c_array__"):
        array: Array = pa.array(column)
        return array.cast(ATTRIBUTES)
    rows = [row or () for row in column]
    offsets = list(accumulate(map(len, rows), initial=0))
    pairs = list(chain.from_iterable(rows))
    if not pairs:
        return _lists(offsets, _no_pairs())
    names, values = map(list, zip(*pairs, strict=True))
    examples = dict(zip(map(type, values), values, strict=True))
    kinds = {kind: type_name(value) for kind, value in examples.items()}
    if len(kinds) == 1:
        [(kind, name)] = kinds.items()
        types: Any = pa.repeat(pa.scalar(name, pa.string()), len(values))
        data = values if kind is bytes else list(map(WRITE[kind], values))
    else:
        types = [kinds[type(value)] for value in values]
        data = [WRITE[type(value)](value) for value in values]
    return _lists(offsets, _structs(names, data, types))


def pairs_of(column: Array | ChunkedArray) -> tuple[list[Attributes], dict[int, str]]:
    """Return the frame's column as `Attributes` per row, and the reason for each row that cannot be read.

    NA is the same as no attributes.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    lists: Any = array if array.type == ATTRIBUTES else array.cast(ATTRIBUTES)
    flat = lists.flatten()
    if not len(flat):
        return [NO_ATTRIBUTES] * len(array), {}
    parts = flat.flatten()
    names, data = objects_of(parts[0]), objects_of(parts[1])
    lengths: list[int] = objects_of(lists.value_lengths().fill_null(0))
    ends = list(accumulate(lengths))
    if parts[2].unique().to_pylist() == ["bytes"] and None not in names and None not in data:
        pairs: list[Pair] = list(zip(names, data, strict=True))
        return Attributes.trusted_parts(pairs, ends), {}
    types, offsets = objects_of(parts[2]), [0, *ends]
    found: list[Attributes] = []
    wrong: dict[int, str] = {}
    for row in range(len(array)):
        try:
            span = range(offsets[row], offsets[row + 1])
            found.append(Attributes.trusted([pair_of(names[i], data[i], types[i]) for i in span]))
        except (ValueError, KeyError, TypeError) as error:
            found.append(NO_ATTRIBUTES)
            wrong[row] = f"its attributes cannot be read: {error}"
    return found, wrong


@cache
def _no_pairs() -> Array:
    return _structs([], [], [])


def _structs(names: list[Any], values: list[Any], types: Any) -> Array:
    try:
        texts = pa.array(names, pa.string())
    except UnicodeEncodeError:
        escaped = [name.encode("utf-8", "backslashreplace").decode() for name in names]
        texts = pa.array(escaped, pa.string())
    kinds = types if isinstance(types, pa.Array) else pa.array(types, pa.string())
    return pa.StructArray.from_arrays([texts, pa.array(values, pa.binary()), kinds], fields=list(ATTRIBUTE))


def _lists(offsets: Array | list[int], values: Array) -> Array:
    places: Any = pa.array(offsets, pa.int32()) if isinstance(offsets, list) else offsets
    return pa.ListArray.from_arrays(places, values, type=ATTRIBUTES)
