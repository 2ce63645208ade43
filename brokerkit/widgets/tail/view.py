"""The view of a tail in a panel: its rows, notes and state, and the clicks of the user."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Literal

from brokerkit.display.sanitize import plain
from brokerkit.frames.failures import failures
from brokerkit.frames.masking.marks import is_masked

from ..fields_seen import LOOKED_AT, fields_seen
from ..formats import chosen_formats, decoder_name, formats_of
from ..moments import milliseconds_of
from ..panel import Channel, Outlet, Panel
from ..predicate import Predicate
from ..protocol.conditions import FieldsSeen
from ..protocol.tail import TailChart, TailDetail, TailNote, TailRows, TailState
from ..row_view import detail_view, rows_view
from ..side_effects import NO_SIDE_EFFECT
from .calls import selected_call, tail_call
from .kept import NOTES
from .model import TailModel
from .rate import SECONDS

SHOWN = 100
"""How many rows the browser shows; the model keeps more."""


class TailView:
    """A `Viewer` of a `TailModel` in a channel."""

    def __init__(self, model: TailModel, channel: Channel) -> None:
        self._model = model
        self._chart_at = 0.0
        self.channel = channel
        model.viewers.append(self)

    def show_state(self) -> None:
        """Show the state, and the chart once a second."""
        if not self.channel.attended:
            return
        self.channel.show(partial(state_of, self._model))
        now = time.monotonic()
        if now - self._chart_at >= 1.0:
            self._chart_at = now
            self._send_chart()

    def show_rows(self, rows: int, notes: int) -> None:
        self._send_rows(min(SHOWN, rows), notes, "rows")

    def show_all(self) -> None:
        self.channel.show(partial(state_of, self._model))
        self._send_rows(SHOWN, NOTES, "snapshot")
        self._send_chart()
        self.show_selected()

    def show_selected(self) -> None:
        row = self._model.kept.selected
        detail = None if row is None else detail_view(row, failure_of(self._model))
        shown: TailDetail = {"type": "detail", "detail": detail, "call": selected_call(self._model)}
        self.channel.send(shown)

    def _send_rows(self, rows: int, notes: int, what: Literal["rows", "snapshot"]) -> None:
        if not self.channel.attended:
            return
        first, table = self._model.kept.newest(rows)
        noted: list[TailNote] = [
            {
                "text": plain(note.text, 400),
                "before": note.before,
                "time": f"{note.time:%H:%M:%S}",
                "at": milliseconds_of(note.time) or 0,
            }
            for note in self._model.kept.notes(notes)
        ]
        shown: TailRows = {
            "type": what,
            "rows": rows_view(table, first),
            "notes": noted,
            "most": SHOWN,
        }
        self.channel.send(shown)

    def _send_chart(self) -> None:
        chart: TailChart = {"type": "chart", "counts": self._model.kept.rate(), "seconds": SECONDS}
        self.channel.send(chart)

    def close(self) -> None:
        """Follow the model no more."""
        if self in self._model.viewers:
            self._model.viewers.remove(self)

    def receive(self, message: dict[str, Any]) -> None:
        """Handle a message of the view: `hello`, `here`, or an action of the user."""
        model, kind = self._model, message["type"]
        if kind == "hello":
            self.show_all()
        elif kind in ("pause", "resume"):
            model.pause(kind == "pause")
        elif kind == "clear":
            model.clear()
        elif kind == "stop":
            model.stop()
        elif kind == "filter":
            model.typed.use(model, _text(message, "key"), _text(message, "where") or "", message.get("mode"))
        elif kind == "formats":
            model.typed.read_as(model, chosen_formats(message))
        elif kind == "fields":
            values = model.kept.newest(LOOKED_AT)[1].column("value").to_pylist()
            fields: FieldsSeen = {"type": "fields_seen", "of": "rows", "fields": fields_seen(values[::-1])}
            self.channel.send(fields)
        elif kind == "select":
            number = message.get("n")
            if isinstance(number, int):
                model.select_number(number)
            else:
                model.select_row(None)


class TailPanel(TailView):
    """A view of a `TailModel` in a panel of its own."""

    def __init__(self, model: TailModel, outlet: Outlet | None = None) -> None:
        self.panel = Panel(["tail.js"], state_of(model), self.receive, outlet)
        super().__init__(model, self.panel)


def state_of(tail: TailModel) -> TailState:
    """Return the state of a tail as its view shows it."""
    where, reason = tail.where, tail.problem
    mode, text = tail.typed.shown(where)
    coded = where is not None and not isinstance(where, str | Predicate)
    return {
        "topic": plain(tail.topic, 120),
        "session": plain(tail.session.name, 120),
        "marks": tail.session.marks,
        "status": tail.status,
        "running": tail.running,
        "text": tail.status_text(),
        "problem": "" if reason is None else plain(str(reason), 300),
        "paused": tail.paused,
        "key": "" if tail.key is None else plain(str(tail.key), 200),
        "mode": mode,
        "where": text,
        "function": plain(str(tail.filter), 80) if coded else "",
        "filtered": tail.filter.active,
        "filter_errors": plain(tail.typed.problem or tail.typed.refused, 300) or tail.filter_errors(),
        "formats": formats_of(tail.reading.decode),
        "key_formats": formats_of(tail.reading.decode_key),
        "decode": decoder_name(tail.reading.decode),
        "decode_key": decoder_name(tail.reading.decode_key),
        "counts": tail.counts_text(),
        "call": tail_call(tail),
        "effect": NO_SIDE_EFFECT,
    }


def failure_of(tail: TailModel) -> str:
    """Return why the value of the selected row could not be decoded; empty if it was, or is masked."""
    row, frame = tail.kept.selected, tail.selected()
    if row is None or is_masked(frame) or row.column("value").null_count == 0 or row.column("raw").null_count:
        return ""
    found = failures(frame)
    return "; ".join(found.loc[found["column"] == "value", "error"])


def _text(message: dict[str, Any], name: str) -> str | None:
    value = message.get(name)
    return value if isinstance(value, str) and value else None
