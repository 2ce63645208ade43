"""Many messages as their view shows them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.display.sanitize import plain
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.mapped.cell_types import TYPES
from brokerkit.frames.mapped.source import Source
from brokerkit.frames.plain import plain as plain_frame
from brokerkit.frames.tabular import missing

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
from ...row_view import bytes_text, size_text
from .checking import Checked
from .schemas import ChosenSchema
from .state import Bulk

if TYPE_CHECKING:
    from ..model import ComposerModel

FRAMES = 30
COLUMNS = 200
CELL = 60
SUBJECT = 200
HEADER_WORDS: dict[bool | None, BulkHeader] = {None: "", True: "yes", False: "no"}
FRAME_TYPES = (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "Table"))


def roles_for(model: ComposerModel) -> tuple[BulkRole, ...]:
    """Return what a column can become in this system."""
    can = model.to.capabilities
    found: list[BulkRole] = ["field", "key", "key and field", "value", "header"]
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
        "preview": None if checked is None or now.reading else _preview(checked, now.preview, now.schema),
        "subjects": [plain(each, SUBJECT) for each in now.offered.subjects],
        "subject": "" if now.schema is None else plain(now.schema.subject, SUBJECT),
        "versions": list(now.versions),
        "version": None if now.schema is None else now.schema.version,
        "schemas_said": plain(now.offered.said, 300),
        "rate": "" if now.rate is None else f"{now.rate:g}",
        "journal": now.journal,
        "dry_run": plain(now.dry_run, 400),
        "running": now.running,
        "done": now.done,
        "stopping": now.stopping,
        "counts": [] if now.receipts is None else now.receipts.counts,
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
            "also": ", ".join(_also(role, name) for role, name in each.more),
        }
        for each in now.choices[:COLUMNS]
    ]


def _also(role: BulkRole, name: str) -> str:
    return f"and the {role} {plain(name, 120)}" if role == "header" else f"and the {role}"


def _cell(cell: Any) -> str:
    value = cell.as_py() if hasattr(cell, "as_py") else cell
    if missing(value):
        return ""
    return plain(bytes_text(value[:CELL]) if isinstance(value, bytes) else str(value), CELL)


def _bad(checked: Checked) -> list[BulkLine]:
    wrong, place = checked.wrong, checked.rows.source.place_text
    return [
        {
            "line": place(row),
            "column": plain(wrong[row][0], 60),
            "status": "left out",
            "problem": plain(wrong[row][1], 200),
        }
        for row in checked.first
    ]


def _receipts(now: Bulk, source: Source) -> list[BulkLine]:
    """Return the receipts of rows that were not confirmed."""
    if now.receipts is None:
        return []
    return [
        {"line": source.place_text(row), "column": "", "status": status, "problem": plain(error, 200)}
        for row, status, error in now.receipts.first_left
    ]


def _preview(checked: Checked, row: int, schema: ChosenSchema | None) -> BulkPreview | None:
    source, outbound = checked.rows.source, checked.outbound
    if row >= source.length:
        return None
    place = f"{source.unit(row)} {source.place_text(row)}"
    item = outbound.items(row, row + 1)[0]
    if not isinstance(item, OutboundMessage):
        return {"row": row, "line": place, "parts": [("left out", plain(str(item), 300))]}
    parts = [] if item.key is None else [("key", plain(bytes_text(item.key[:500]), 500))]
    parts += [(plain(name, 80), plain(_text(value), 300)) for name, value in item.attributes]
    for part, column in outbound.columns.items():
        parts.append((part.replace("publish_", ""), _cell(column[row])))
    data, written = item.data, ""
    if schema is not None and data is not None:
        # what is written is not for reading: the same as JSON is
        written = f"{size_text(len(data))} with {schema.text}"
        plainly = checked.rows.outbound().items(row, row + 1)[0]
        data = plainly.data if isinstance(plainly, OutboundMessage) else data
    parts.append(("value", "no value" if data is None else plain(bytes_text(data[:2_000]), 2_000)))
    if written:
        parts.append(("written as", plain(written, 300)))
    return {"row": row, "line": place, "parts": parts}


def _text(value: Any) -> str:
    return bytes_text(value) if isinstance(value, bytes) else str(value)


def saved_bad(rows: MappedRows, wrong: Mapping[int, tuple[str, str]]) -> BulkSaved:
    """Return the bad rows as CSV for the browser's downloads; formulas are kept from running."""
    text = plain_frame(rows.without(wrong).bad, "csv").to_csv(index=False)
    stem = rows.source.name.rpartition(".")[0] or "rows"
    data = base64.b64encode(text.encode()).decode()
    return {"type": "bulk saved", "name": f"{stem}-bad.csv", "data": data}
