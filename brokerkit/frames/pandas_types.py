"""Nested types that pandas can find by the names it writes into Parquet files.

pandas writes the name of a column's type and reads it back, but it cannot read the names of nested types: a
file with `attributes` would end in a TypeError. This module registers them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionDtype, register_extension_dtype

from .arrow import ArrowType
from .schema import ATTRIBUTE, ATTRIBUTES

_known: dict[str, Any] = {}


def know(kind: ArrowType) -> None:
    """Register a nested type, so that pandas finds it by its name in this process."""
    if pa.types.is_nested(kind):
        _known.setdefault(str(pd.ArrowDtype(kind)), pd.ArrowDtype(kind))


@register_extension_dtype
class KnownNestedType(ExtensionDtype):
    """A registered class that is not a type: pandas asks each of them for the meaning of a name."""

    name = "brokerkit nested"
    type = object

    @classmethod
    def construct_from_string(cls, string: str) -> Any:
        if string not in _known:
            raise TypeError(f"{string!r} is not known here")
        return _known[string]


know(ATTRIBUTES)
know(pa.list_(pa.field("element", ATTRIBUTE)))  # the name of the items in Parquet
