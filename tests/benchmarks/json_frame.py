"""JSON payloads to a frame with a column per field."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames import expand
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas

from .messages import payloads
from .results import Found, Goal
from .ways import Way, compared

BATCH = 2_000


def run(rows: int, rounds: int) -> list[Found]:
    values = payloads(rows)

    def naive() -> int:
        return len(pd.DataFrame([json.loads(value) for value in values]))

    def ours(decode: str, expanding: bool) -> Callable[[], int]:
        def work() -> int:
            builder = FrameBuilder(decode, expanding=expanding)
            parts = (
                Columns(len(part), topic="orders", value=part)
                for part in (values[at : at + BATCH] for at in range(0, rows, BATCH))
            )
            built = builder.to_table(builder.batches(parts))
            return len(to_pandas(expand(built) if expanding else built))

        return work

    by_hand, columns, text = (
        "json.loads, DataFrame",
        'decode="json", a column per field',
        'decode="json", text',
    )
    auto_columns, auto_text = 'decode="auto", a column per field', 'decode="auto", text'
    ways = [
        Way(by_hand, naive),
        Way(columns, ours("json", True)),
        Way(auto_columns, ours("auto", True)),
        Way(text, ours("json", False)),
        Way(auto_text, ours("auto", False)),
    ]
    goals = [
        Goal("JSON to columns: 4 x json.loads", columns, by_hand, speed=4.0),
        Goal('JSON to columns, "auto": 0.9 of "json"', auto_columns, columns, speed=0.9),
        Goal('JSON as text, "auto": 0.9 of "json"', auto_text, text, speed=0.9),
    ]
    return [compared("JSON payloads to a frame", ways, rows, rounds, goals)]
