"""Lag over time as numbers for a chart, with what it says in words."""

from __future__ import annotations

from collections.abc import Sequence

from brokerkit.core.vocabulary.topics import count_text
from brokerkit.display.sanitize import plain

from ..protocol.lag import LagLine, LagRow, LagShown
from .facts_view import SHOWN_AT_ONCE, age_text, head_of, progress_line
from .lag_looks import LagLooks, Look

SPARK = 30
"""So many points has the small line of a subscription."""
LINES = 6
"""So many partitions have a line, those with most lag now."""


def lag_view(looks: LagLooks, call: str) -> LagShown:
    """Return the lag of the subscriptions, and of the chosen one in full."""
    kept, parts, described = looks.kept(), looks.kept_parts(), looks.described
    progress = () if described is None else described.progress
    name = looks.of
    now = kept[-1].lags if kept else {}
    most = max((lag or 0 for lag in now.values()), default=0)
    chosen = [each for each in kept if name in each.lags]
    drawn = [each for each in list(parts[-1].lags)[:LINES] if each is not None] if parts else []
    drawn.sort()
    of_time = {each.at: each.lags for each in parts}
    widest = max((each.lag or 0 for each in progress), default=0)
    rate = looks.rate
    lines: list[LagLine] = [
        {
            "partition": str(partition),
            "points": [of_time.get(each.at, {}).get(partition) for each in chosen],
        }
        for partition in drawn
    ]
    return {
        "type": "lag",
        "rows": [_row(each, kept, lag, most) for each, lag in now.items()],
        "subscription": plain(name, 120),
        "described": "" if described is None else head_of(described.info),
        "times": [each.at // 1_000 for each in chosen],
        "total": [each.lags[name] for each in chosen],
        "lines": lines,
        "progress": [progress_line(each, widest, 0) for each in progress[:SHOWN_AT_ONCE]],
        "more": max(0, len(progress) - len(drawn)) if drawn else 0,
        "head": lag_head(now.get(name), rate) if name in now else "",
        "growing": rate is not None and rate > 0,
        "every": looks.every,
        "cost": _cost(looks),
        "problem": plain(looks.problem, 400),
        "call": call,
    }


def _row(name: str, kept: Sequence[Look], lag: int | None, most: int) -> LagRow:
    known = [value for each in kept[-SPARK:] if (value := each.lags.get(name)) is not None]
    top = max(known, default=0)
    return {
        "name": plain(name, 120),
        "lag": "not known" if lag is None else f"{lag:,}",
        "share": (lag or 0) / most if most else 0.0,
        "points": [round(100 * value / top) if top else 0 for value in known],
    }


def lag_head(lag: int | None, rate: float | None) -> str:
    """Return the lag of the chosen subscription, how it changes, and when it will be caught up."""
    if lag is None:
        return "not known"
    said = count_text(lag, "exact")
    if rate is None:
        return said
    if not rate:
        return f"{said}, the same for a while" if lag else f"{said}, caught up"
    way = f"{said}, {'growing' if rate > 0 else 'falling'} by {abs(rate):,.3g}/s"
    left = round(lag / -rate) if rate < 0 else 0
    return f"{way}, caught up in about {age_text(left)}" if left else way


def _cost(looks: LagLooks) -> str:
    """Return what looking asks of the broker."""
    if not looks.looks and not looks.problem:
        return ""
    asks = (
        "this subscription and the list of all of this topic" if looks.of else "the list of all of this topic"
    )
    rare = ": less often, since a look takes long" if looks.took * 20 > 5 else ""
    return (
        f"Asks for {asks} every {looks.every:.2g} s while it is in sight{rare}; the last look took "
        f"{looks.took:.2f} s. Messages are not read."
    )
