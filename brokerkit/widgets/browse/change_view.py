"""The plan and the receipts of a change of messages as short texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from brokerkit.display.sanitize import plain

from ..editing import name_to_text
from ..moments import milliseconds_of
from ..protocol.changes import ChangeLine, ChangePlace, ChangeShown
from .changing import Change
from .letters_view import place_text
from .orders import Order, targets

if TYPE_CHECKING:
    from .model import BrowserModel

SHOWN = 200
WORST_FIRST = ("unknown", "failed", "differs", "not tried", "duplicate", "confirmed", "removed", "gone")
REMOVED = "each is removed here only once it is confirmed there"
REMEMBERED = "each is remembered as sent again only once it is confirmed there; the log keeps it"
DONE = {
    "redrive": "sent again",
    "move": "moved",
    "delete": "deleted",
    "send": "sent",
}


def change_view(model: BrowserModel, change: Change | None) -> ChangeShown | None:
    """Return the texts for a plan or receipts; None where there is none."""
    if change is None:
        return None
    order, plan = change.order, change.plan
    refused_rows = 0 if plan is None else _refused(plan)
    number = len(order.frame)
    return {
        "number": change.number,
        "verb": order.verb,
        "of": order.of,
        "form": order.typed,
        "sessions": [(token, plain(each.name, 80)) for token, each in targets(model).items()],
        "asked": order.asked,
        "running": change.running,
        "carried": change.carried,
        "done": change.finished,
        "count": number - refused_rows,
        "places": [] if plan is None or change.carried else _places(change, number - refused_rows),
        "checks": [] if plan is None or change.carried else _checks(change, refused_rows),
        "lines": _lines(change),
        "more": max(0, len(_shown_rows(change)) - SHOWN),
        "counts": _counts(change.receipts),
        "left": change.left if change.finished else 0,
        "share": min(1.0, change.done / max(1, number)),
        "head": _head(change),
        "at": milliseconds_of(change.began) if change.finished else None,
        "problem": plain(change.problem, 600),
        "refused": plain(order.refused, 300),
        "confirm": order.needs_name,
        "typed": name_to_text(order.confirmed_by),
        "call": order.call(done=change.finished),
    }


def _refused(plan: pd.DataFrame) -> int:
    return int(plan["error"].notna().sum()) if "error" in plan.columns else 0


def _head(change: Change) -> str:
    if change.running and change.carried:
        return f"{change.done:,} of {len(change.order.frame):,}"
    if change.began is None or change.receipts is None:
        return ""
    number = len(change.receipts)
    messages = f"{number:,} message{'' if number == 1 else 's'}"
    return f"{change.began:%Y-%m-%d %H:%M:%S} UTC, {messages} in {change.seconds:.1f} s"


def _counts(receipts: pd.DataFrame | None) -> list[tuple[str, int]]:
    if receipts is None:
        return []
    counts = Counter(map(_status_text, receipts["status"]))
    return sorted(counts.items(), key=lambda each: -_rank(each[0]))


def _status_text(status: Any) -> str:
    """Return a status of receipts in words; what is still planned then was not tried."""
    text = _text(status)
    return "not tried" if text == "planned" else text


def _rank(status: str) -> int:
    return WORST_FIRST.index(status) if status in WORST_FIRST else -1


def _places(change: Change, number: int) -> list[ChangePlace]:
    """Return how many messages the topics have now and then."""
    order, plan = change.order, change.plan
    assert plan is not None
    found: list[ChangePlace] = []
    if order.verb in ("redrive", "move"):
        good = plan[plan["error"].isna()]
        coming = Counter(map(str, good["target"].dropna()))
    else:
        coming = Counter({order.to: number} if order.verb == "send" else {})
    known = dict(change.counts)
    for name, more in coming.items():
        now = known.get(name)
        then = f"{more:,} more" if now is None else f"{now + more:,}"
        found.append({"name": plain(name, 120), "now": "" if now is None else f"{now:,}", "after": then})
    if order.letters is not None:
        whole = order.letters.number
        found.append({"name": "dead letters", "now": f"{whole:,}", "after": f"{whole - number:,}"})
    return found


def _checks(change: Change, refused: int) -> list[tuple[str, str]]:
    """Return what was checked: how well it is, and a sentence."""
    order, plan = change.order, change.plan
    assert plan is not None
    number = len(order.frame)
    fine = f"{number - refused:,} of {number:,} can be {DONE[order.verb]}"
    found = [("warn" if refused else "good", fine)]
    if order.narrowed is not None:
        found.append(("warn" if order.narrowed.overlooked else "good", plain(order.narrowed.text, 400)))
    if order.letters is not None:
        edited = order.edited
        found.append(("alt", f"{edited:,} edited") if edited else ("good", "none is edited"))
    if order.verb in ("redrive", "move"):
        found.append(("good", REMEMBERED if change.kept else REMOVED))
    if order.verb == "redrive":
        found += _guarded(plan, order)
    if order.verb == "send":
        found.append(("good", "the originals stay here"))
    if order.verb == "delete":
        found.append(("warn", "what is deleted is not brought back"))
    return found + [("warn", plain(each, 400)) for each in change.notes]


def _guarded(plan: pd.DataFrame, order: Order) -> list[tuple[str, str]]:
    """Return how often messages come back, and which are refused for it."""
    times = Counter(int(each) for each in plan["redriven"].dropna() if each)
    return [
        (
            "warn",
            f"{count:,} come{'s' if count == 1 else ''} back for the {_th(often + 1)} time"
            + (" and is refused" if often >= order.most else f"; refused after {order.most:,}"),
        )
        for often, count in sorted(times.items())
    ]


def _th(number: int) -> str:
    special = {1: "1st", 2: "2nd", 3: "3rd"}
    return special.get(number, f"{number:,}th")


def _shown_rows(change: Change) -> pd.DataFrame:
    """Return the receipts, or the rows of the plan that are refused."""
    if change.receipts is not None:
        return change.receipts
    plan = change.plan
    if plan is None or "error" not in plan.columns:
        return pd.DataFrame()
    return plan[plan["error"].notna()]


def _lines(change: Change) -> list[ChangeLine]:
    rows = _shown_rows(change)
    if "status" in rows.columns:
        order = rows["status"].map(lambda each: _rank(_status_text(each)))
        rows = rows.loc[order.sort_values(kind="stable").index]
    shown: Iterable[Mapping[Any, Any]] = rows.head(SHOWN).to_dict("records")
    return [_line(change, row) for row in shown]


def _line(change: Change, row: Mapping[Any, Any]) -> ChangeLine:
    order = change.order
    status = _status_text(row.get("status")) or "refused"
    source, target, said = "", "", _text(row.get("error"))
    if order.verb == "delete":
        source = place_text(row.get("partition"), row.get("offset"), row.get("id"))
        said = said or ("it was not there any more" if status == "gone" else "")
    elif order.verb == "send":
        number = int(row["row"])
        one = order.frame.iloc[number]
        source = place_text(one.get("partition"), one.get("offset"), one["id"])
        target = f"{order.to} {_text(row.get('id'))}".strip()
    else:
        source = _text(row.get("source_id"))
        target = f"{_text(row.get('target'))} {_text(row.get('id'))}".strip()
        if status == "confirmed" and not said:
            done = "remembered here as sent again" if change.kept else "removed here"
            said = _text(row.get("note")) or f"stored there, then {done}"
    if status == "failed":
        target = "stays here"
    elif status == "unknown":
        target = f"{target}, perhaps" if target else ""
        said = f"{said}; Resume looks first" if said else "Resume looks first"
    return {
        "status": status,
        "source": plain(source, 120),
        "target": plain(target, 160),
        "said": plain(said or _text(row.get("note")), 400),
    }


def _text(value: Any) -> str:
    return "" if value is None or value is pd.NA or value != value else str(value)
