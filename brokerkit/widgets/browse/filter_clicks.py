"""The clicks that keep filters: saved by name, and remembered when they are used.

Only what a person typed is kept: a value that a click took from a message is not, and nothing is remembered
where personal data is masked.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.display.sanitize import plain
from brokerkit.saved import filters as kept

from ..protocol.filters import KeptFilter
from .form import form_of
from .looking import Message, Shower

if TYPE_CHECKING:
    from .model import BrowserModel

TEXTS = ("where", "key", "header", "partitions", "start", "end")
CONDITIONS = ("where", "key", "header")
MASKED = "Used filters are not remembered: personal data is masked here."


class FilterClicks:
    """Actions with filters. Messages of the view are no more to be trusted than payloads."""

    _model: BrowserModel
    _view: Shower
    _taken: set[str]
    """Conditions that clicks took from messages, and the values in them."""
    _note = ""

    def _on_filters(self, message: Message) -> None:
        self._send_filters()

    def _on_save_filter(self, message: Message) -> None:
        kept.save_filter(str(message.get("name", "")), _fields(message.get("filter")))
        self._send_filters()

    def _on_delete_filter(self, message: Message) -> None:
        name = message.get("name")
        if isinstance(name, str) and name:
            kept.delete_filter(name)
        else:
            kept.forget_used()
        self._send_filters()

    def _take(self, condition: Literal["where", "header"]) -> None:
        """Know a condition of the query as taken from a message, with the value in it."""
        query = self._model.query
        if query is None:
            return
        text = form_of(query)[condition]
        if condition == "where":
            values = _values_in(text)
        else:
            values = list(map(str, query.header.values())) if isinstance(query.header, Mapping) else []
        self._taken |= {text, *values} - {""}

    def _remember(self, typed: Mapping[str, Any]) -> None:
        """Remember the filter of a query that was typed, if it has any condition."""
        wanted = _fields(typed)
        query = self._model.query
        masked = self._model.session.mask is not None or (query is not None and query.mask is not None)
        if masked or not any(wanted[name] for name in (*CONDITIONS, "start", "end")):
            return
        if any(_has(wanted[name], each) for name in CONDITIONS for each in self._taken):
            return
        try:
            kept.note_filter(wanted)
            self._note = ""
        except BrokerError as error:
            # the search goes on; the menu says it
            self._note = f"Used filters are not remembered: {error}"

    def _send_filters(self) -> None:
        note = MASKED if self._model.session.mask is not None else self._note
        try:
            found = kept.filters()
        except BrokerError as error:
            found, note = kept.Filters({}, []), str(error)
        self._view.send(
            {
                "type": "filters",
                "saved": [_shown(name, each) for name, each in found.saved.items()],
                "used": [_shown("", each) for each in found.used],
                "note": plain(note, 300),
            }
        )


def _values_in(where: str) -> list[str]:
    """Return the value that a condition compares with, as it is and as Python has it."""
    compared = ast.parse(where, mode="eval").body
    if not isinstance(compared, ast.Compare):
        return []
    value, text = compared.comparators[0], ast.get_source_segment(where, compared.comparators[0]) or ""
    if not isinstance(value, ast.Constant):
        return [text]
    if isinstance(value.value, str):
        return [value.value, text[1:-1]]
    return [] if value.value is None or isinstance(value.value, bool) else [text]


def _has(text: str, taken: str) -> bool:
    """Return whether a text has a value in it, not only as a part of a longer word or number."""
    return re.search(rf"(?<!\w){re.escape(taken)}(?!\w)", text) is not None


def _fields(given: Any) -> dict[str, Any]:
    """Return the fields that are kept of a query as it is typed."""
    form = given if isinstance(given, Mapping) else {}
    texts = {name: value if isinstance(value := form.get(name), str) else "" for name in TEXTS}
    return {
        "newest": form.get("newest") is not False,
        "mode": "python" if form.get("mode") == "python" else "text",
        **texts,
    }


def _shown(name: str, each: Mapping[str, Any]) -> KeptFilter:
    shown: Any = {"name": plain(name, 80), **_fields(each)}
    return shown  # type: ignore[no-any-return]
