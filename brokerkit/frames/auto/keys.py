"""Keys: text as it is, and whatever else is recognised by evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..arrays import bytes_of, choose, flags, replaced
from ..arrow import Array, starts_with
from ..decoded import Decoded, PayloadFailure, Payloads
from ..text import split_text
from .json_rows import with_controls
from .others import read_others
from .reading import BASE64_BEGINNINGS
from .registered import RegisteredPayloads

_SPACE = 32
_BASE64_LETTERS = np.zeros(256, np.bool_)
_BASE64_LETTERS[[ord(beginning[0]) for beginning in BASE64_BEGINNINGS]] = True


def read_keys(payloads: Payloads, registered: RegisteredPayloads | None) -> Decoded:
    """Read keys: a key of which nothing else is known is text if it is UTF-8, whatever characters it has.

    Args:
        registered: Reads those that name their schema; None if there is no registry.
    """
    text, raw = split_text(payloads.data)
    strange = _strange(payloads, text, raw)
    if registered is not None:
        strange[registered.declared(payloads)] = True
        strange &= flags(payloads.data.is_valid())
    rows = np.flatnonzero(strange)
    if not len(rows):
        return Decoded(text, raw, [], format_name="text")
    found = read_others(payloads.take(rows.tolist()), registered)
    wrong = np.zeros(len(rows), np.bool_)
    wrong[list(found.problems)] = True
    undecided = choose(pa.array(wrong), pa.scalar(False), found.texts.is_null())
    numbers: Any = pa.array(rows)
    mask: Any = pa.array(strange)
    binary: Any = choose(raw.is_valid(), pa.scalar("bytes"), pa.scalar(None, pa.string()))
    formats: Any = choose(text.is_valid(), pa.scalar("text"), binary)
    return Decoded(
        replaced(text, mask, choose(undecided, text.take(numbers), found.texts)),
        replaced(raw, mask, choose(undecided, raw.take(numbers), found.raw)),
        [PayloadFailure(int(rows[place]), *problem) for place, problem in sorted(found.problems.items())],
        format=replaced(formats, mask, choose(undecided, formats.take(numbers), found.formats)),
        schema=replaced(pa.nulls(len(payloads), pa.string()), mask, found.schemas),
    )


def _strange(payloads: Payloads, text: Array, raw: Array) -> npt.NDArray[np.bool_]:
    """Return which keys may be something else than text."""
    strange = np.zeros(len(payloads), np.bool_)
    if raw.null_count < len(raw):
        strange |= flags(raw.is_valid())
    offsets, data = bytes_of(payloads.data)
    begin, end = offsets[:-1], offsets[1:]
    if end[-1:].sum() == begin[:1].sum():
        return strange
    if data[begin[0] : end[-1]].min() < _SPACE:
        strange |= with_controls(payloads.data)
    likely = np.flatnonzero(_BASE64_LETTERS[data[np.minimum(begin, len(data) - 1)]] & (end - begin > 4))
    if len(likely):
        places: Any = pa.array(likely)
        some: Any = text.take(places).cast(pa.large_binary())
        for beginning in BASE64_BEGINNINGS:
            found = starts_with(some, beginning[:4].encode())
            strange[likely[flags(found.fill_null(False))]] = True
    return strange
