"""JSON payloads to a frame with a column per field."""

from __future__ import annotations

import json

import pandas as pd

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames import expand
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas

from .messages import payloads
from .report import Line, rate

BATCH = 2_000


def run(rows: int) -> list[Line]:
    values = payloads(rows)

    def naive() -> int:
        return len(pd.DataFrame([json.loads(value) for value in values]))

    def ours() -> int:
        builder = FrameBuilder("json", expanding=True)
        parts = (
            Columns(len(part), topic="orders", value=part)
            for part in (values[at : at + BATCH] for at in range(0, rows, BATCH))
        )
        return len(to_pandas(expand(builder.to_table(builder.batches(parts)))))

    return [Line(f"{rows:,} JSON payloads to a frame with a column per field", rate(naive), rate(ours), 4.0)]
