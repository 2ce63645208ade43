"""Which payloads may be something else than the text that their bytes are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..arrays import bytes_of, flags
from ..arrow import Array
from .base64_layers import base64_rows
from .json_rows import with_controls

_SPACE = 32
_DELETE = 127


def strange_rows(payloads: Array, raw: Array) -> npt.NDArray[np.bool_]:
    """Return which payloads are not UTF-8, have control characters, or begin like base64 of something.

    Args:
        payloads: A large binary array.
        raw: Those that are not UTF-8, as `split_text` returns them.
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
    strange[base64_rows(payloads)] = True
    return strange
