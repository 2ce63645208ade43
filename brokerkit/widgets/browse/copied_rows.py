"""For the clipboard: the chosen rows as JSON or as the Python that reads them, the query as a command."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import hides
from brokerkit.frames.masking.mask import Mask
from brokerkit.frames.plain import plain

from ..call_text import literal
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
        ConfigError: No row is chosen, there are too many, or the query or its mask has no such form.
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
        # rows without positions have one call
        return "\n".join(dict.fromkeys(position_call(model, *place) for place in places))
    frame = plain(model.as_frame(rows), "json")
    text = frame.to_json(orient="records", indent=2, force_ascii=False)
    if len(text) > COPIED:
        raise ConfigError("the rows are too large to copy: export them")
    return str(text)


def _command(model: BrowserModel) -> str:
    query = model.query
    if query is None:
        raise ConfigError("choose a topic first")
    words = ["brokerkit", "-c", model.session.name, "-o", "jsonl", "peek"]
    if query.limit != PEEK_LIMIT:
        words += ["-n", str(query.limit)]
    words += [*_options(query), *_hiding(query, model.rows.builder.mask)]
    words += ["--", query.topic] if query.topic.startswith("-") else [query.topic]
    for each in words:
        if hides(each):
            raise ConfigError(f"the command line cannot hold {literal(each)}: copy the Python call")
    return " ".join(map(shlex.quote, words))


def _options(query: Query) -> list[str]:
    given = query.changed()
    if query.newest == (query.start is None):
        given.pop("newest", None)
    found = []
    for name in ("start", "end", "key", "where", "decode"):
        value = given.pop(name, None)
        if isinstance(value, str | int):
            found.append(f"--{name}={value}")
        elif value is not None:
            raise ConfigError(f"the command line has no {name} of this kind: copy the Python call")
    if given.pop("expand", False):
        found.append("--expand")
    for name in ("mask", "unmask"):
        given.pop(name, None)
    if given:
        raise ConfigError(f"the command line has no {', '.join(given)}: copy the Python call")
    return found


def _hiding(query: Query, mask: Mask | None) -> list[str]:
    """Return the options that hide what the rows shown hide: a mask may have been given in code only."""
    if query.unmask:
        return ["--unmask"]
    if mask is None:
        return []
    text = str(mask)
    if Mask.parse(text).fingerprint != mask.fingerprint:
        raise ConfigError("the command line cannot hold this mask: copy the Python call")
    return [f"--mask={text}"]
