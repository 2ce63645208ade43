"""The marks of a masked frame, by which it is known again and not published."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary.errors import ConfigError

from ..arrow import Array, is_text

MASKED_KEY = b"brokerkit.masked"
"""Schema metadata of masked tables: the rules, without the key of hashes."""
MASKED = "masked"
"""The same in what a pandas frame remembers."""
PREFIX = "masked+"
"""How the column `format` begins in masked rows: it survives what drops the other marks."""


def marked_formats(formats: Array) -> Array:
    """Return the column `format` of masked rows."""
    join: Any = pc.binary_join_element_wise
    marked: Array = join(pa.scalar(PREFIX, formats.type), formats, pa.scalar("", formats.type))
    return marked


def mask_in(schema: pa.Schema) -> str | None:
    """Return the mask that a table's metadata names, also after a way through pandas; None without one."""
    metadata = schema.metadata or {}
    found = metadata.get(MASKED_KEY)
    if found is not None:
        return found.decode("utf-8", "replace")
    try:
        known = json.loads(metadata.get(b"pandas", b"{}")).get("attributes") or {}
    except ValueError:
        return None
    mask = (known.get("brokerkit") or {}).get(MASKED)
    return mask if isinstance(mask, str) else None


def is_masked(frame: Any) -> bool:
    """Return whether a frame, or a row of one, remembers that it is masked."""
    remembered = getattr(frame, "attrs", None)
    if isinstance(remembered, dict) and (remembered.get("brokerkit") or {}).get(MASKED):
        return True
    schema: Any = getattr(frame, "schema", None)
    return isinstance(schema, pa.Schema) and mask_in(schema) is not None


def refuse_masked(frame: Any) -> None:
    """Raise ConfigError if a frame remembers that it is masked."""
    if is_masked(frame):
        _refuse()


def refuse_masked_rows(formats: Any) -> None:
    """Raise ConfigError if the column `format` of a frame says that any row is masked."""
    if isinstance(formats, list):
        texts = formats
    elif formats is not None and is_text(formats.type):
        texts = formats.unique().to_pylist()
    else:
        return
    if any(isinstance(text, str) and text.startswith(PREFIX) for text in texts):
        _refuse()


def _refuse() -> NoReturn:
    raise ConfigError(
        "these rows are masked: what was hidden in them is lost, and would be published so. "
        "Read them with unmask=True to send them again"
    )
