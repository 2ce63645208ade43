"""Which of many texts are surely JSON, as the compiled part tells."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import bytes_of
from ..arrow import Array

INTERFACE = 1
# Python takes a file that ends in .so for a module
COMPILED = Path(__file__).with_name("_json_texts.bin")


@functools.cache
def _found() -> Any:
    """Return the compiled function; None where it was not compiled, or is that of another version."""
    try:
        compiled = ctypes.CDLL(str(COMPILED))
        version, doubts = compiled.brokerkit_json_interface, compiled.brokerkit_json_doubts
    except (OSError, AttributeError):
        return None
    version.restype, version.argtypes = ctypes.c_int64, ()
    if version() != INTERFACE:
        return None
    doubts.restype = ctypes.c_int64
    doubts.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
    return doubts


def doubtful(texts: Array) -> npt.NDArray[np.int64] | None:
    """Return the rows of texts that may be no JSON; None where this was not compiled.

    Of the other rows every parser says that they are JSON.

    Args:
        texts: UTF-8 texts as a large binary array. Nulls are doubtful.
    """
    count = _found()
    if count is None:
        return None
    offsets, data = bytes_of(texts)
    doubts = np.zeros(len(texts), np.uint8)
    if not count(offsets.ctypes.data, data.ctypes.data, len(texts), doubts.ctypes.data):
        return np.zeros(0, np.int64)
    return np.flatnonzero(doubts)
