"""What the view of a browser shows besides rows and messages: the query, progress, problems and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError, Unavailable
from brokerkit.core.vocabulary.topics import EXACT
from brokerkit.display.sanitize import plain

from ..confirming import needs_name
from ..formats import formats_of
from ..protocol.browse import BrowseState, SearchState
from ..row_view import size_text
from ..side_effects import choices_of, effect_of
from .calls import fixed_call, shown_call
from .form import form_of
from .orders import held_of, lacks_of
from .shown_rows import Snapshot
from .table import COLUMNS

if TYPE_CHECKING:
    from .model import BrowserModel

_STATUS = {
    "reading": "Reading",
    "stopped": "Stopped",
    "at the limit": "Complete",
    "at max_bytes": "At the limit of memory",
    "at the end": "Complete",
    "failed": "Failed",
}


def state_of(model: BrowserModel) -> BrowseState:
    """Return the state of a browser as its view shows it: short texts, numbers and marks."""
    query = model.query
    rows = model.rows.snapshot()
    names, shown, sort = rows.result.names[:COLUMNS], rows.columns, rows.result.sort
    return {
        "session": plain(model.session.name, 120),
        "marks": model.session.marks,
        "effect": effect_of(model.session.capabilities),
        "harmless": model.session.capabilities.side_effects["peek"] == "none",
        "masks": _masks(model),
        "closed": model.session.connection.closed,
        "lost": isinstance(_error(model), Unavailable),
        "choices": [
            {"value": each.value, "text": each.text, "needs_subscription": each.needs_subscription}
            for each in choices_of(model.session.capabilities)
        ],
        "confirm": needs_name(model.session),
        "topic": "" if query is None else plain(query.topic, 160),
        "form": None if query is None else form_of(query),
        "expand": query is not None and query.expand,
        "problem": _problem(model),
        "search": _search(model),
        "call": shown_call(model),
        "fixed_call": fixed_call(model),
        "columns": [(plain(name, 80), name in shown) for name in names],
        "sort": None if sort is None else (_index(shown, sort[0]), sort[1]),
        "marked": len(rows.marked),
        "newest_on_top": newest_on_top(model, rows),
        "composing": model.companions.composer is not None,
        "kept": model.companions.kept,
        "following": model.companions.tail is not None,
        "formats": formats_of("auto" if query is None else query.decode),
        "key_formats": formats_of("auto" if query is None else query.decode_key),
        "lacks": lacks_of(model),
        "held": held_of(model),
    }


def newest_on_top(model: BrowserModel, rows: Snapshot) -> bool:
    """Return whether the rows are shown from the last to the first."""
    return model.query is not None and model.query.backwards and rows.result.sort is None


def _masks(model: BrowserModel) -> str:
    """Return what is hidden, in words; empty if nothing is."""
    query = model.query
    mine = model.rows.builder.mask if query is not None else model.session.mask
    return "" if mine is None else plain(f"Personal data is masked: {mine}", 400)


def _error(model: BrowserModel) -> BrokerError | None:
    search = model.search
    return model.problem or (None if search is None else search.problem)


def _problem(model: BrowserModel) -> str:
    problem = _error(model)
    return plain(str(problem), 600) if problem is not None else model.rows.result.problem


def _search(model: BrowserModel) -> SearchState:
    search = model.search
    if search is None:
        return {
            "status": "idle",
            "text": "",
            "errors": "",
            "share": None,
            "running": False,
            "more": "",
            "all": "",
            "backwards": False,
        }
    whole = search.read + search.left
    # reading the same again has failed
    stale = search.problem is not None and search.status != "failed" and search.ended is not None
    more = ""
    if search.resumable:
        more = "Continue"
        if search.status == "at the limit":
            more = f"Show {search.query.limit:,} more"
    return {
        "status": search.status,
        "text": _progress_text(search) + (f", as of {search.ended:%H:%M:%S} UTC" if stale else ""),
        "errors": search.overlooked,
        "share": min(1.0, search.read / whole) if search.running and whole else None,
        "running": search.running,
        "more": more,
        "all": _all_text(search, whole) if more and search.rest else "",
        "backwards": search.query.backwards,
    }


def _all_text(search: Any, whole: int) -> str:
    return "Read to the end" if search.query.filtering else f"Show all {whole:,}"


def _progress_text(search: Any) -> str:
    found, whole = search.table.num_rows, search.read + search.left
    order = "Newest" if search.query.backwards else "First"
    limited = search.status == "at the limit" and search.resumable
    if limited and not search.query.filtering:
        return f"{order} {found:,} of {whole:,}"
    if limited:
        return f"{order} {found:,} that match, {search.read:,} of {whole:,} read"
    rows = f"{found:,} row{'' if found == 1 else 's'} of {search.read:,} read"
    rate = f", {search.rate:,.0f} a second" if search.elapsed > 0.5 else ""
    left = f", about {search.left:,} left" if search.left else ""
    place = search.place
    where = ""
    if search.running and place is not None:
        partition = "" if place.partition is None else f"partition {place.partition}, "
        # without offsets, positions are numbers without a meaning for users
        offset = f"offset {place.start:,}" if place.start < EXACT else ""
        where = f", at {partition}{offset}".rstrip(" ,") if partition or offset else ""
    bound = f" ({size_text(search.query.max_bytes)})" if search.status == "at max_bytes" else ""
    return f"{_STATUS[search.status]}{bound}: {rows}{rate}{left}{where}"


def _index(names: list[str], name: str) -> int | None:
    return names.index(name) if name in names else None
