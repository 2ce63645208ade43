"""What is said of a condition while it is typed: the fields it may use, and what it does to what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import plain
from brokerkit.session.filters import Filter
from brokerkit.session.overlooked import Overlooked

from ..fields_seen import LOOKED_AT, fields_seen
from ..predicate import condition_of
from .looking import Message, Shower
from .narrowing import narrowing

if TYPE_CHECKING:
    from .model import BrowserModel

TRIED = 2_000
TRIED_BYTES = 4_000_000
"""A filter is tried on so many rows, and so many bytes, while it is typed."""


class ConditionClicks:
    """What a view asks while a condition is typed."""

    _model: BrowserModel
    _view: Shower

    def _on_try(self, message: Message) -> None:
        text = self._tried(str(message.get("where", "")), message.get("mode"))
        self._view.send({"type": "tried", "text": text})

    def _tried(self, typed: str, mode: Any) -> str:
        rows = _sample(self._model.rows.result.rows).combine_chunks()
        try:
            where = condition_of(typed, mode)
            if where is None:
                return ""
            wanted = Filter(None, where)
        except ConfigError as error:
            return plain(f"✕ {error}", 300)
        overlooked = Overlooked()
        matched = sum(wanted.batch(batch, overlooked).num_rows for batch in rows.to_batches())
        errors = f"; {overlooked.text(name='it')}" if overlooked.total else ""
        if not rows.num_rows:
            return ""
        shown = f"{rows.num_rows:,} row{'' if rows.num_rows == 1 else 's'} shown now"
        return plain(f"matches {matched:,} of {shown}{errors}", 300)

    def _on_fields(self, message: Message) -> None:
        of: Any = "letters" if message.get("of") == "letters" else "rows"
        self._view.send({"type": "fields_seen", "of": of, "fields": fields_seen(self._values(of))})

    def _values(self, of: str) -> list[Any]:
        """Return the values that a condition is about, the newest first."""
        if of == "letters":
            frame = self._model.letters.found.frame
            column = None if frame is None else pa.array(frame["value"].iloc[-LOOKED_AT:], from_pandas=True)
        else:
            rows = self._model.rows.result.rows
            column = rows.column("value").slice(max(0, rows.num_rows - LOOKED_AT)) if rows.num_rows else None
        return [] if column is None else column.to_pylist()[::-1]

    def _on_try_change(self, message: Message) -> None:
        letters = message.get("of") == "letters"
        where, mode = str(message.get("where", "")), message.get("mode")
        text = ""
        try:
            condition = condition_of(where, mode)
            if condition is not None:
                model = self._model
                frame = model.letters.chosen().frame if letters else model.as_frame(model.rows.selected())
                text = narrowing(frame, condition).text
        except ConfigError as error:
            text = f"✕ {error}"
        self._view.send({"type": "tried_change", "text": plain(text, 300)})


def _sample(rows: pa.Table) -> pa.Table:
    """Return the first rows, few enough that trying a filter on them causes no pause."""
    count = min(TRIED, int(rows.num_rows))
    while count > 1 and rows.slice(0, count).nbytes > TRIED_BYTES:
        count //= 2
    return rows.slice(0, count)
