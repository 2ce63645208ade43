"""JSON payloads to a frame with a column per field."""

from __future__ import annotations

import json
import time
from functools import partial

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

    def ours(decode: str = "json", expanding: bool = True) -> int:
        builder = FrameBuilder(decode, expanding=expanding)
        parts = (
            Columns(len(part), topic="orders", value=part)
            for part in (values[at : at + BATCH] for at in range(0, rows, BATCH))
        )
        built = builder.to_table(builder.batches(parts))
        return len(to_pandas(expand(built) if expanding else built))

    rated = partial(rate, clock=time.process_time)
    plain, columns = (
        [rated(partial(ours, decode, expanding)) for decode in ("json", "auto")]
        for expanding in (False, True)
    )
    return [
        Line(f"{rows:,} JSON payloads to a frame with a column per field", rate(naive), rate(ours), 4.0),
        Line(f'{rows:,} JSON payloads as text, "json" to "auto"', *plain, 0.9),
        Line(f'{rows:,} JSON payloads to columns, "json" to "auto"', *columns, 0.9),
    ]
