"""Which payloads may be something else than the text that their bytes are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import bytes_of, flags
from ..arrow import Array, starts_with
from .json_rows import with_controls
from .reading import BASE64_BEGINNINGS

_SPACE = 32
_DELETE = 127
_BASE64_LETTERS = np.zeros(256, np.bool_)
_BASE64_LETTERS[[ord(beginning[0]) for beginning in BASE64_BEGINNINGS]] = True


def strange_rows(payloads: Array, text: Array, raw: Array) -> npt.NDArray[np.bool_]:
    """Return which payloads are not UTF-8, have control characters, or begin like base64 of something.

    Args:
        payloads: A large binary array.
        text: The payloads that are UTF-8, as `split_text` returns them.
        raw: The others.
    """
    strange = np.zeros(len(payloads), np.bool_)
    if raw.null_count < len(raw):
        strange |= flags(raw.is_valid())
    offsets, data = bytes_of(payloads)
    begin, end = offsets[:-1], offsets[1:]
    if end[-1:].sum() == begin[:1].sum():
        return strange
    span = data[begin[0] : end[-1]]
    if span.min() < _SPACE or (span == _DELETE).any():
        strange |= with_controls(payloads)
    likely = np.flatnonzero(_BASE64_LETTERS[data[np.minimum(begin, len(data) - 1)]] & (end - begin > 4))
    if len(likely):
        places: Any = likely
        some: Any = text.take(places).cast(payloads.type)
        for beginning in BASE64_BEGINNINGS:
            found = starts_with(some, beginning[:4].encode())
            strange[likely[flags(found.fill_null(False))]] = True
    return strange
