"""The plans and receipts of purges as frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.purging import Cut, PurgePlan, PurgeReceipt
from brokerkit.frames.arrow import ArrowType
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.provenance import attach, provenance_of

from .subscriptions import placed_table

PLAN: dict[str, ArrowType] = {
    "partition": pa.int32(),
    "start": pa.int64(),
    "before": pa.int64(),
    "messages": pa.int64(),
    "exact": pa.bool_(),
}
RECEIPTS: dict[str, ArrowType] = {
    **PLAN,
    "found": pa.int64(),
    "removed": pa.int64(),
    "status": pa.string(),
    "error": pa.string(),
}
PLACES = ("start", "before", "found")


def purge_plan_frame(plan: PurgePlan) -> pd.DataFrame:
    """Return the plan of a purge as a frame, one row per partition."""
    return _framed(plan, [_row(each, plan) for each in plan.cuts], PLAN)


def purge_receipts_frame(plan: PurgePlan, receipts: Sequence[PurgeReceipt]) -> pd.DataFrame:
    """Return the receipts of a purge as a frame, one row per partition."""
    rows = [
        {
            **_row(each.cut, plan),
            "found": each.found,
            "removed": each.removed,
            "status": each.status,
            "error": None if each.error is None else str(each.error),
        }
        for each in receipts
    ]
    return _framed(plan, rows, RECEIPTS)


def _row(cut: Cut, plan: PurgePlan) -> dict[str, Any]:
    return {
        "partition": cut.partition,
        "start": cut.start,
        "before": cut.before,
        "messages": cut.messages,
        "exact": None if cut.messages is None else cut.counted == "exact" or not cut.messages,
        "_bounds": cut.bounds,
        "_to": plan.before,
    }


def _framed(plan: PurgePlan, rows: list[dict[str, Any]], columns: dict[str, ArrowType]) -> pd.DataFrame:
    if any(each.before is None for each in plan.cuts):
        # the system goes by a time, and does not tell where it is
        rows = [{**row, "before": row["_to"]} for row in rows]
        columns = {**columns, "before": pa.string()}
    frame = to_pandas(placed_table(rows, columns, PLACES))
    details = {"purge": plan.topic, "before": plan.before, "how": plan.kind, "notes": list(plan.notes)}
    return attach(frame, details)


def removed_rows(
    frame: pd.DataFrame, status: Sequence[str], errors: Sequence[BrokerError | None], details: dict[str, Any]
) -> pd.DataFrame:
    """Return rows of messages with what became of each."""
    texts = [None if each is None else str(each) for each in errors]
    made = frame.assign(status=_texts(status, frame), error=_texts(texts, frame))
    return attach(made, {**(provenance_of(frame) or {}), **details})


def _texts(values: Sequence[str | None], frame: pd.DataFrame) -> pd.Series[Any]:
    column = pa.chunked_array([pa.array(values, pa.string())])
    return pd.Series(pd.arrays.ArrowExtensionArray(column), index=frame.index)
