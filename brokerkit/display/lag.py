"""The lag of a subscription over time, as a frame that shows a chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise
from typing import Any

import pandas as pd
import pyarrow as pa

from brokerkit.core.vocabulary.subscriptions import Progress, SubscriptionDescription
from brokerkit.frames.arrow import ArrowType
from brokerkit.frames.dataframe import to_pandas

from .sanitize import plain
from .subscriptions import placed_table

WIDTH, HEIGHT, MARGIN = 640, 120, 4
BARS = "▁▂▃▄▅▆▇█"
BAR_COUNT = 60
COLUMNS: dict[str, ArrowType] = {
    "time": pa.timestamp("us", "UTC"),
    "topic": pa.string(),
    "subscription": pa.string(),
    "partition": pa.int32(),
    "committed": pa.int64(),
    "end": pa.int64(),
    "lag": pa.int64(),
    "in_flight": pa.int64(),
}


class LagFrame(pd.DataFrame):
    """A DataFrame with the lag of a subscription over time, one row for each partition of each sample.

    Its columns are `time`, `topic`, `subscription`, `partition`, `committed`, `end`, `lag` and `in_flight`.
    """

    @property
    def _constructor(self) -> Callable[..., LagFrame]:
        return LagFrame

    @property
    def total(self) -> pd.Series[Any]:
        """The lag over all partitions, by time."""
        return self.groupby("time")["lag"].sum()

    @property
    def rate(self) -> float | None:
        """How the lag changed, in messages a second; None before there are two samples."""
        total = self.total
        seconds = (total.index[-1] - total.index[0]).total_seconds() if len(total) > 1 else 0.0
        return float(total.iloc[-1] - total.iloc[0]) / seconds if seconds else None

    def _headline(self) -> str | None:
        if not len(self) or not set(COLUMNS) <= set(self.columns):
            return None
        total = self.total
        text = f"{plain(str(self['subscription'].iloc[0]))} of {plain(str(self['topic'].iloc[0]))}: lag "
        rate = self.rate
        if rate is None:
            return f"{text}{total.iloc[-1]:,}"
        seconds = (total.index[-1] - total.index[0]).total_seconds()
        text += f"{total.iloc[0]:,} → {total.iloc[-1]:,} in {seconds:,.3g} s ({rate:+,.3g} a second)"
        if rate < 0 < total.iloc[-1]:
            text += f", caught up in about {total.iloc[-1] / -rate:,.0f} s"
        return text

    def __repr__(self) -> str:
        headline = self._headline()
        if headline is None:
            return super().__repr__()
        return f"{headline}\n{bars([int(each) for each in self.total])}\n{super().__repr__()}"

    def _repr_html_(self) -> str | None:
        headline = self._headline()
        with pd.option_context("display.html.use_mathjax", False):  # names are not mathematics
            table: str | None = super()._repr_html_()  # type: ignore[misc]  # not in the stubs
        if headline is None or table is None:
            return table
        total = self.total
        seconds = [(each - total.index[0]).total_seconds() for each in total.index]
        drawn = chart(seconds, [int(each) for each in total])
        return f"<p>{escape(headline)}</p>{drawn}<details><summary>samples</summary>{table}</details>"


def lag_rows(moment: int, described: SubscriptionDescription) -> list[dict[str, Any]]:
    """Return one sample: a row for each partition.

    Args:
        moment: When it was taken, in microseconds since 1970.
        described: The subscription.
    """
    info = described.info
    parts: Sequence[Progress] = described.progress or [Progress(None, lag=info.lag)]
    return [
        {
            "time": moment,
            "topic": info.topic,
            "subscription": info.name,
            "partition": each.partition,
            "committed": each.committed,
            "end": None if each.bounds is None else each.bounds.end,
            "lag": each.lag,
            "in_flight": info.in_flight if len(parts) == 1 else None,
            "_bounds": each.bounds,
        }
        for each in parts
    ]


def lag_frame(rows: list[dict[str, Any]]) -> LagFrame:
    """Return samples as a frame."""
    return LagFrame(to_pandas(placed_table(rows, COLUMNS, ("committed", "end"))))


def bars(values: Sequence[int]) -> str:
    """Return values as a line of bars, at most 60, each the largest of its part."""
    if not values:
        return ""
    count = min(BAR_COUNT, len(values))
    edges = [round(place * len(values) / count) for place in range(count + 1)]
    parts = [max(values[low:high]) for low, high in pairwise(edges)]
    top = max(parts) or 1
    return "".join(BARS[0] if not each else BARS[max(1, each * (len(BARS) - 1) // top)] for each in parts)


def chart(seconds: Sequence[float], values: Sequence[int]) -> str:
    """Return values over time as a small drawing."""
    width, height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    span, top = (seconds[-1] if seconds else 0.0) or 1.0, max(values, default=0) or 1
    points = [
        f"{MARGIN + width * at / span:.1f},{MARGIN + height * (1 - value / top):.1f}"
        for at, value in zip(seconds, values, strict=True)
    ]
    floor = f"{MARGIN + height:.1f}"
    area = f"{MARGIN},{floor} {' '.join(points)} {points[-1].partition(',')[0]},{floor}" if points else ""
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="lag over time, at most {top:,}">'
        f'<polygon points="{area}" fill="currentColor" fill-opacity="0.15"/>'
        f'<polyline points="{" ".join(points)}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        f'<text x="{MARGIN + 4}" y="{MARGIN + 12}" font-size="11" fill="currentColor">'
        f"{max(values, default=0):,}</text></svg>"
    )
