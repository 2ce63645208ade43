"""Payloads that are published again: the same bytes, or those of an edited text in the layers of the row."""

from __future__ import annotations

import base64

from ..codecs.compression import compress
from .declared import NOTHING, Declared
from .reading import peel, read_inside


def written(payload: bytes, value: bytes, declared: Declared = NOTHING) -> bytes:
    """Return the payload to publish for a row that was read from `payload` and has this value now, in UTF-8.

    If that is what is read from the payload, it is the payload itself. Text and JSON that were edited are
    wrapped in the same compressions and encodings. If nothing can be read from the payload, it is the value.

    Raises:
        ValueError: The text was edited, and the format cannot be written from text.
    """
    peeled = peel(payload, declared)
    found = read_inside(peeled, declared)
    if found.text is None:
        return value
    if found.text.encode() == value:
        return payload
    inside = found.format.rpartition("+")[2]
    if inside not in ("json", "text"):
        raise ValueError(
            f"its value was edited, but {inside} cannot be written from text: set 'raw' to NA to publish the "
            "text as it is, or put the new bytes in 'raw' and set 'value' to NA"
        )
    data = value
    for name, _ in reversed(peeled.layers):
        data = base64.b64encode(data) if name == "base64" else compress(name, data)
    return data
