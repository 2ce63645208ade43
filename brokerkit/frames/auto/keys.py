"""Keys: text as it is, and whatever else is recognised by evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..arrays import choose, flags, replaced
from ..decoded import Decoded, PayloadFailure, Payloads
from ..text import split_text
from .others import read_others
from .registered import RegisteredPayloads
from .strange import strange_rows


def read_keys(payloads: Payloads, registered: RegisteredPayloads | None) -> Decoded:
    """Read keys: a key of which nothing else is known is text if it is UTF-8, whatever characters it has.

    Args:
        registered: Reads those that name their schema; None if there is no registry.
    """
    if payloads.data.null_count == len(payloads):
        return Decoded(payloads.data.view(pa.large_string()), payloads.data, [], format_name="text")
    text, raw = split_text(payloads.data)
    strange = strange_rows(payloads.data, raw)
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
