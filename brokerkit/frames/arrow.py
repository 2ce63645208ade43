"""Names of Arrow classes for annotations, and groups of Arrow types.

pyarrow's own classes are generic over types that are only known at run time. These names tell a reader what
is meant, and are not checked.
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
    """Return whether an Arrow type is a text type."""
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_string_view))


def is_bytes(kind: ArrowType) -> bool:
    """Return whether an Arrow type is a binary type."""
    tests = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(test(kind) for test in tests)
