"""The chosen rows for the clipboard: as JSON, as the Python that reads them, or as a command line."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.plain import plain

from ..call_text import ascii_safe
from ..protocol.exports import CopyForm
from .calls import position_call
from .query import PEEK_LIMIT, Query

if TYPE_CHECKING:
    from .model import BrowserModel

MOST = 1_000
"""At most so many rows are copied."""
COPIED = 4_000_000
"""A longer text is not sent through the notebook."""


def copied_rows(model: BrowserModel, form: CopyForm) -> str:
    """Return the text for the clipboard.

    Raises:
        ConfigError: No row is chosen, there are too many, or the query has no such form.
    """
    if form == "command":
        return _command(model)
    rows = model.rows.selected()
    if not rows.num_rows:
        raise ConfigError("choose a row first")
    if rows.num_rows > MOST:
        raise ConfigError(f"{rows.num_rows:,} rows are too many to copy, at most {MOST:,}: export them")
    if form == "python":
        places = zip(*(rows.column(name).to_pylist() for name in ("partition", "offset", "id")), strict=True)
        return "\n".join(position_call(model, *place) for place in places)
    frame = plain(model.as_frame(rows), "json")
    text = frame.to_json(orient="records", indent=2, force_ascii=False)
    if len(text) > COPIED:
        raise ConfigError("the rows are too large to copy: export them")
    return str(text)


def _command(model: BrowserModel) -> str:
    query = model.query
    if query is None:
        raise ConfigError("choose a topic first")
    words = ["brokerkit", "-c", model.session.name, "-o", "jsonl", "peek", query.topic]
    if query.limit != PEEK_LIMIT:
        words += ["-n", str(query.limit)]
    for option, value in _options(query):
        words.append(f"--{option}={value}")
    return " ".join(ascii_safe(shlex.quote(each)) for each in words)


def _options(query: Query) -> list[tuple[str, str]]:
    given = query.changed()
    if query.newest == (query.start is None):
        given.pop("newest", None)
    found = []
    for name in ("start", "end", "key", "where", "decode"):
        value = given.pop(name, None)
        if isinstance(value, str | int):
            found.append((name, str(value)))
        elif value is not None:
            raise ConfigError(f"the command line has no {name} of this kind: copy the Python call")
    given.pop("expand", None)
    if given:
        raise ConfigError(f"the command line has no {', '.join(given)}: copy the Python call")
    return found
