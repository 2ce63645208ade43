"""Subscriptions, and the plans and receipts of what moves them, as frames and descriptions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from brokerkit.core.vocabulary.subscriptions import (
    Listing,
    Move,
    Progress,
    Receipt,
    ResetPlan,
    SubscriptionDescription,
)
from brokerkit.core.vocabulary.topics import EXACT, Bounds, SubscriptionInfo, count_text
from brokerkit.frames.arrow import ArrowType, schema
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.provenance import attach

from . import markup
from .descriptions import records
from .sanitize import LONGEST, plain, plain_lines
from .units import setting_text

AGE = pa.duration("us")
MOMENT = pa.timestamp("us", "UTC")
LIST: dict[str, ArrowType] = {
    "topic": pa.string(),
    "subscription": pa.string(),
    "kind": pa.string(),
    "state": pa.string(),
    "members": pa.int32(),
    "lag": pa.int64(),
    "exact": pa.bool_(),
    "oldest_age": AGE,
    "in_flight": pa.int64(),
    "last_active": MOMENT,
}
PROGRESS: dict[str, ArrowType] = {
    "partition": pa.int32(),
    "committed": pa.int64(),
    "end": pa.int64(),
    "lag": pa.int64(),
    "exact": pa.bool_(),
    "oldest_age": AGE,
}
MEMBERS = schema({"client": pa.string(), "host": pa.string(), "partitions": pa.string(), "id": pa.string()})
PLAN: dict[str, ArrowType] = {
    "partition": pa.int32(),
    "before": pa.int64(),
    "after": pa.int64(),
    "lag_before": pa.int64(),
    "lag_after": pa.int64(),
    "exact": pa.bool_(),
}
RECEIPTS: dict[str, ArrowType] = {**PLAN, "found": pa.int64(), "status": pa.string(), "error": pa.string()}


def _row(info: SubscriptionInfo, now: int) -> dict[str, Any]:
    return {
        "topic": info.topic,
        "subscription": info.name,
        "kind": info.kind,
        "state": info.state,
        "members": info.members,
        "lag": info.lag,
        "exact": None if info.lag is None else info.counted == "exact" or not info.lag,
        "oldest_age": _age(info.oldest, now),
        "in_flight": info.in_flight,
        "last_active": info.last_active,
    }


def _now() -> int:
    return time.time_ns() // 1000


def _age(moment: int | None, now: int) -> int | None:
    # the clock of the broker may be ahead of this machine's
    return None if moment is None else max(0, now - moment)


def subscriptions_frame(infos: Listing) -> pd.DataFrame:
    """Return a frame with one row per subscription and topic; NA where the system does not say.

    Its attrs say what may be missing from it, as `not_shown`.
    """
    now = _now()
    frame = to_pandas(pa.Table.from_pylist([_row(each, now) for each in infos], schema(LIST)))
    if infos.not_shown:
        attach(frame, {"not_shown": list(infos.not_shown)})
    return frame


def deletion_frame(info: SubscriptionInfo, status: str) -> pd.DataFrame:
    """Return a frame of one row: a subscription as it was, and whether it is deleted."""
    row = {**_row(info, _now()), "status": status}
    return to_pandas(pa.Table.from_pylist([row], schema({**LIST, "status": pa.string()})))


def plan_frame(plan: ResetPlan) -> pd.DataFrame:
    """Return the plan of a reset as a frame, one row per partition."""
    return _planned(plan, [_plan_row(each, plan) for each in plan.moves], PLAN)


def receipts_frame(plan: ResetPlan, receipts: Sequence[Receipt]) -> pd.DataFrame:
    """Return the receipts of a reset as a frame, one row per partition."""
    rows = [
        {
            **_plan_row(each.move, plan),
            "found": each.found,
            "status": each.status,
            "error": None if each.error is None else str(each.error),
        }
        for each in receipts
    ]
    return _planned(plan, rows, RECEIPTS)


def _plan_row(move: Move, plan: ResetPlan) -> dict[str, Any]:
    return {
        "partition": move.partition,
        "before": move.before,
        "after": move.after,
        "lag_before": move.lag_before,
        "lag_after": move.lag,
        "exact": None if move.lag is None else move.counted == "exact",
        "_bounds": move.bounds,
        "_to": plan.to,
    }


def _planned(plan: ResetPlan, rows: list[dict[str, Any]], columns: dict[str, ArrowType]) -> pd.DataFrame:
    if plan.position is not None:
        # the system goes by a time or a snapshot, and does not tell where it is
        for row in rows:
            row["after"] = row["_to"]
        columns = {**columns, "after": pa.string()}
    frame = to_pandas(placed_table(rows, columns, ("before", "after", "found")))
    attach(
        frame,
        {"reset": plan.topic, "subscription": plan.subscription, "to": plan.to, "notes": list(plan.notes)},
    )
    return frame


def placed_table(
    rows: list[dict[str, Any]], columns: dict[str, ArrowType], places: Sequence[str]
) -> pa.Table:
    """Return rows as a table. Positions that are not offsets are shown as the system writes them."""
    named = [name for name in places if name in columns]
    wide = any(isinstance(row[name], int) and row[name] >= EXACT for row in rows for name in named)
    if wide:
        columns = {name: pa.string() if name in named else kind for name, kind in columns.items()}
        for row in rows:
            bounds: Bounds | None = row.get("_bounds")
            for name in named:
                place = row[name]
                if isinstance(place, int):
                    row[name] = str(place) if bounds is None else bounds.show(place)
    return pa.Table.from_pylist(
        [{name: row[name] for name in columns} for row in rows], schema=schema(columns)
    )


class DescribedSubscription(markup.Displayed):
    """A subscription with its progress, its members and its settings.

    Attributes:
        name: The name of the subscription.
        topic: The topic that it reads.
        kind: The system's word for it.
        state: The system's word for its state; None where it does not say.
        lag: How many messages are not settled; None where the system does not say.
        progress: A frame with one row per partition: up to where everything is settled (`committed`), the
            `end`, the `lag` and the age of the oldest message that is not settled (`oldest_age`).
        members: A frame of the consumers that are attached now; None where the system does not say.
        settings: The settings as a dict, in the units that their names say.
        details: What else the system says, as a dict.
        not_shown: Sentences about what the user may not see, so that it may be missing here.
    """

    def __init__(self, described: SubscriptionDescription) -> None:
        info = described.info
        self.name = info.name
        self.topic = info.topic
        self.kind = info.kind
        self.state = info.state
        self.lag = info.lag
        self.settings = dict(described.settings)
        self.details = dict(info.details)
        self.not_shown = described.not_shown
        self._info = info
        now = _now()
        rows = [_progress_row(each, now) for each in described.progress]
        self.progress = to_pandas(placed_table(rows, PROGRESS, ("committed", "end")))
        self.members = None
        if described.members is not None:
            people = [
                {
                    "client": each.client,
                    "host": each.host,
                    "partitions": ", ".join(map(str, each.partitions)) or None,
                    "id": each.id,
                }
                for each in described.members
            ]
            self.members = to_pandas(pa.Table.from_pylist(people, MEMBERS))

    def _head(self) -> str:
        info = self._info
        lag = "lag not known" if info.lag is None else f"lag {count_text(info.lag, info.counted, 'message')}"
        flight = "" if info.in_flight is None else f", {info.in_flight:,} in flight"
        state = "" if info.state is None else f" ({info.state})"
        return (
            f"{plain(info.kind)} {plain(info.name)}{plain(state)} of {plain(str(info.topic))}: {lag}{flight}"
        )

    def _tables(self) -> list[pd.DataFrame]:
        frames = [self.progress.drop(columns="exact")]
        if self.members is not None:
            frames.append(self.members)
        return [each for each in frames if len(each)]

    def _without_members(self) -> str:
        if self.members is None:
            return "members: the system does not say"
        return "" if len(self.members) else "members: none"

    def _settings(self) -> dict[str, str]:
        return {name: setting_text(name, value) for name, value in self.settings.items() if value is not None}

    def __repr__(self) -> str:
        parts = [self._head()]
        parts += [plain_lines(each.to_string(index=False, max_colwidth=LONGEST)) for each in self._tables()]
        parts.append(self._without_members())
        parts.append("\n".join(plain(f"{name}: {text}") for name, text in self._settings().items()))
        parts.append("\n".join(map(plain, self.not_shown)))
        return "\n\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        settings = self._settings()
        return markup.block(
            markup.heading(self._head()),
            *(markup.table([*each.columns], records(each)) for each in self._tables()),
            markup.paragraph(self._without_members()),
            markup.pairs(settings) if settings else "",
            *map(markup.paragraph, self.not_shown),
        )


def _progress_row(progress: Progress, now: int) -> dict[str, Any]:
    bounds = progress.bounds
    return {
        "partition": progress.partition,
        "committed": progress.committed,
        "end": None if bounds is None else bounds.end,
        "lag": progress.lag,
        "exact": None if progress.lag is None else progress.counted == "exact" or not progress.lag,
        "oldest_age": _age(progress.oldest, now),
        "_bounds": bounds,
    }
