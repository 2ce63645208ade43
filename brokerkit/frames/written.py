"""Which decoder wrote the column `value` of a frame, where the frame still says so."""

from __future__ import annotations

from typing import Any

from .provenance import provenance_of
from .schema import decoder_name_of


def writer_of(frame: Any) -> str | None:
    """The decoder's name, from a DataFrame's attrs or a table's metadata; None where it was lost."""
    attrs = getattr(frame, "attrs", None)
    if isinstance(attrs, dict):
        name = (provenance_of(frame) or {}).get("decoder")
        return name if isinstance(name, str) else None
    schema = getattr(frame, "schema", None)
    return decoder_name_of(schema) if hasattr(schema, "metadata") else None
