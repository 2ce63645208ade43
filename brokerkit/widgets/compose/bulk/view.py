"""Many messages as their view shows them, and what the user drops, chooses and clicks."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.display.sanitize import plain
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.mapped.cell_types import TYPES
from brokerkit.frames.mapped.source import Source
from brokerkit.frames.plain import plain as plain_frame
from brokerkit.frames.tabular import missing

from ...editing import text_to_name
from ...notebook_cells import cells
from ...protocol.bulk import (
    BulkColumn,
    BulkHeader,
    BulkLine,
    BulkPreview,
    BulkRole,
    BulkSaved,
    BulkShown,
    BulkType,
)
from ...row_view import bytes_text
from .checking import LINES, Checked
from .model import BulkModel
from .state import Bulk

if TYPE_CHECKING:
    from ..model import ComposerModel

FRAMES = 30
COLUMNS = 200
CELL = 60
HEADER_WORDS: dict[bool | None, BulkHeader] = {None: "", True: "yes", False: "no"}
FRAME_TYPES = (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "Table"))


def roles_for(model: ComposerModel) -> tuple[BulkRole, ...]:
    """Return what a column can become in this system."""
    can = model.to.capabilities
    found: list[BulkRole] = ["field", "key", "value", "header"]
    if can.publish_partition:
        found.append("partition")
    if can.publish_time is not None:
        found.append("time")
    return (*found, "left out")


def bulk_shown(model: ComposerModel) -> BulkShown:
    """Return what is shown of many messages."""
    now = model.bulk.now
    source, checked = now.source, now.checked
    types: list[BulkType] = list(TYPES)
    return {
        "source": "" if source is None else plain(source.name, 120),
        "facts": [] if source is None else _facts(source),
        "csv": now.unread is not None if source is None else source.texts,
        "delimiter": now.options.get("delimiter") or "",
        "header": HEADER_WORDS[now.options.get("header")],
        "frames": _frames(),
        "columns": [] if source is None else _columns(now, source),
        "roles": list(roles_for(model)),
        "types": types,
        "receiving": "" if now.upload is None else str(now.upload),
        "checking": now.reading,
        "total": 0 if source is None else source.length,
        "ready": now.ready,
        "bad": 0 if checked is None else len(checked.wrong),
        "lines": [] if checked is None else _bad(checked),
        "preview": None if checked is None or now.reading else _preview(checked, now.preview),
        "rate": "" if now.rate is None else f"{now.rate:g}",
        "journal": now.journal,
        "dry_run": plain(now.dry_run, 400),
        "running": now.running,
        "done": now.done,
        "stopping": now.stopping,
        "counts": now.counts,
        "receipts": [] if source is None else _receipts(now, source),
        "left": now.left,
        "again": now.outcome is not None,
        "said": plain(now.said, 300),
        "problem": plain(now.problem, 400),
    }


def _facts(source: Source) -> list[str]:
    counts = [f"{source.length:,} row{'' if source.length == 1 else 's'}", f"{len(source.columns):,} columns"]
    return [*counts, *source.facts]


def _frames() -> list[str]:
    """Return the names of the notebook's variables that are frames."""
    known = cells()
    if known is None:
        return []
    found = [
        name for name, value in list(known.names.items()) if not name.startswith("_") and _is_frame(value)
    ]
    return found[:FRAMES]


def _is_frame(value: object) -> bool:
    bases = {(each.__module__.partition(".")[0], each.__name__) for each in type(value).__mro__}
    return any(each in bases for each in FRAME_TYPES)


def frame_named(name: str) -> Any:
    """Return a frame of the notebook.

    Raises:
        ConfigError: There is no such variable any more.
    """
    known = cells()
    value = None if known is None else known.names.get(name)
    if not _is_frame(value):
        raise ConfigError(f"there is no frame {plain(name, 60)!r} in this notebook")
    return value


def _columns(now: Bulk, source: Source) -> list[BulkColumn]:
    first = next((row for row in range(source.length) if row not in source.wrong), None)
    return [
        {
            "column": plain(each.column, 120),
            "first": "" if first is None else _cell(source.columns[each.column][first]),
            "role": each.role,
            "name": each.name,
            "type": each.kind or "",
        }
        for each in now.choices[:COLUMNS]
    ]


def _cell(cell: Any) -> str:
    value = cell.as_py() if hasattr(cell, "as_py") else cell
    if missing(value):
        return ""
    return plain(bytes_text(value[:CELL]) if isinstance(value, bytes) else str(value), CELL)


def _bad(checked: Checked) -> list[BulkLine]:
    wrong, place = checked.wrong, checked.rows.source.place
    return [
        {
            "line": f"{place(row):,}",
            "column": plain(wrong[row][0], 60),
            "status": "left out",
            "problem": plain(wrong[row][1], 200),
        }
        for row in checked.first
    ]


def _receipts(now: Bulk, source: Source) -> list[BulkLine]:
    """Return the receipts of rows that were not confirmed."""
    if now.outcome is None or now.checked is None:
        return []
    outcome = now.outcome
    some = outcome[outcome["status"].isin(["failed", "unknown"])]
    some = some[~some["row"].isin(list(now.checked.wrong))].head(LINES)
    return [
        {
            "line": f"{source.place(int(row)):,}",
            "column": "",
            "status": str(status),
            "problem": plain(str(error), 200),
        }
        for row, status, error in zip(some["row"], some["status"], some["error"].fillna(""), strict=True)
    ]


def _preview(checked: Checked, row: int) -> BulkPreview | None:
    source, outbound = checked.rows.source, checked.outbound
    if row >= source.length:
        return None
    place = f"{'line' if source.lines is not None else 'row'} {source.place(row):,}"
    item = outbound.items(row, row + 1)[0]
    if not isinstance(item, OutboundMessage):
        return {"row": row, "line": place, "parts": [("left out", plain(str(item), 300))]}
    parts = [] if item.key is None else [("key", plain(bytes_text(item.key[:500]), 500))]
    parts += [(plain(name, 80), plain(_text(value), 300)) for name, value in item.attributes]
    for part, column in outbound.columns.items():
        parts.append((part.replace("publish_", ""), _cell(column[row])))
    parts.append(("value", "no value" if item.data is None else plain(bytes_text(item.data[:2_000]), 2_000)))
    return {"row": row, "line": place, "parts": parts}


def _text(value: Any) -> str:
    return bytes_text(value) if isinstance(value, bytes) else str(value)


def saved_bad(rows: MappedRows, wrong: Mapping[int, tuple[str, str]]) -> BulkSaved:
    """Return the bad rows as CSV for the browser's downloads; formulas are kept from running."""
    text = plain_frame(rows.without(wrong).bad, "csv").to_csv(index=False)
    stem = rows.source.name.rpartition(".")[0] or "rows"
    data = base64.b64encode(text.encode()).decode()
    return {"type": "bulk saved", "name": f"{stem}-bad.csv", "data": data}


class BulkClicks:
    """What the user drops, chooses and clicks; `say` sends a message to the view."""

    def __init__(self, model: ComposerModel, say: Any) -> None:
        self._model = model
        self._say = say

    def act(self, message: Mapping[str, Any]) -> bool:
        """Handle a message, if it is one about many messages; errors are raised."""
        kind, model = str(message["type"]), self._model
        if kind == "mode":
            model.write_many(message["many"] is True)
        elif not kind.startswith("bulk "):
            return False
        else:
            self._act(kind, message, model.bulk)
        return True

    def _act(self, kind: str, message: Mapping[str, Any], bulk: BulkModel) -> None:
        if kind == "bulk file":
            number = int(message["number"])
            try:
                bulk.begin_upload(number, str(message["name"]), int(message["size"]))
            except BrokerError:
                self._received(number, -1)
                raise
            self._received(number, 0)
        elif kind == "bulk part":
            number = int(message["number"])
            try:
                at = bulk.add_part(number, int(message["at"]), str(message["data"]))
            except BrokerError:
                self._received(number, -1)
                raise
            self._received(number, at)
        elif kind == "bulk frame":
            bulk.take(frame_named(str(message["name"])))
        elif kind == "bulk set":
            self._choose(message, bulk)
        elif kind == "bulk row":
            bulk.show_row(int(message["row"]))
        elif kind == "bulk dry run":
            bulk.try_dry()
        elif kind == "bulk send":
            confirm = message.get("confirm")
            named = text_to_name(confirm) if isinstance(confirm, str) else None
            bulk.send(confirm=named, again=message["again"] is True)
        elif kind == "bulk stop":
            bulk.stop()
        elif kind == "bulk forget":
            bulk.forget()
        elif kind == "bulk cancel":
            bulk.cancel_upload()
        elif kind == "bulk save bad":
            now = bulk.now
            if now.checked is not None:
                self._say(saved_bad(now.checked.rows, now.checked.wrong))

    def _choose(self, message: Mapping[str, Any], bulk: BulkModel) -> None:
        if "column" in message:
            changes = {name: message[name] for name in ("role", "kind", "name") if name in message}
            bulk.choose(int(message["column"]), roles_for(self._model), **changes)
        options: dict[str, Any] = {}
        if "delimiter" in message:
            options["delimiter"] = str(message["delimiter"]) or None
        if "header" in message:
            options["header"] = next(
                value for value, word in HEADER_WORDS.items() if word == message["header"]
            )
        if options:
            bulk.read_again(roles_for(self._model), **options)
        if "rate" in message:
            text = str(message["rate"]).strip()
            try:
                rate = float(text.replace(",", ".")) if text else None
            except ValueError as error:
                raise ConfigError(f"{text!r:.40} is no number of messages a second") from error
            bulk.set_rate(rate)
        if "journal" in message:
            bulk.set_journal(str(message["journal"]))

    def _received(self, number: int, at: int) -> None:
        self._say({"type": "bulk received", "number": number, "at": at})
