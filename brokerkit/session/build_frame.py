"""The frame that users get, made from the rows that were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.topics import Slice
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.expand import expand as expand_frame
from brokerkit.frames.provenance import attach, provenance

if TYPE_CHECKING:
    import pandas as pd


def frame_of(
    table: pa.Table,
    builder: FrameBuilder,
    *,
    source: str,
    expand: bool,
    details: Mapping[str, Any],
    slices: Sequence[Slice] = (),
) -> pd.DataFrame:
    """Return an Arrow-backed frame that remembers where its rows came from.

    Args:
        table: The rows.
        builder: The builder that made them.
        source: The name of the session.
        expand: Add a column for each JSON field.
        details: Further facts for the frame to remember.
        slices: The ranges that were read.
    """
    made = attach(to_pandas(table), provenance(builder, source=source, slices=slices, details=details))
    # expand the frame, not the table: the frame also remembers which rows could not be expanded
    return expand_frame(made) if expand else made
