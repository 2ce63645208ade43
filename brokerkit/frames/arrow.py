"""Names of Arrow things for annotations, and the families of its types.

pyarrow's own classes are generic over types that are only known when the data is there, so these
names say what is meant to a reader, and leave the type checker out of it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from pyarrow import types

Array: TypeAlias = Any
"""A `pyarrow.Array`."""

ChunkedArray: TypeAlias = Any
"""A `pyarrow.ChunkedArray`."""

ArrowType: TypeAlias = Any
"""A `pyarrow.DataType`."""


def is_text(kind: ArrowType) -> bool:
    """Whether an Arrow type is one of those for text."""
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_string_view))


def is_bytes(kind: ArrowType) -> bool:
    """Whether an Arrow type is one of those for bytes."""
    tests = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(test(kind) for test in tests)
