"""Dead letters as short texts for their tab."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from brokerkit.display.sanitize import plain, plain_lines
from brokerkit.frames.provenance import provenance_of

from ..confirming import needs_name
from ..editing import name_to_text
from ..moments import milliseconds_of
from ..protocol.letters import LetterGroup, LetterLine, LetterShown, LettersShown
from ..row_view import bytes_text
from .letters import Letters
from .letters_found import MOST, fixed

if TYPE_CHECKING:
    from .model import BrowserModel

LISTED = 100
GROUPS_SHOWN = 50
VALUE = 160
EDITED_AT_MOST = 100_000
FIELDS = {
    "reason": "reason",
    "description": "description",
    "deliveries": "deliveries",
    "redriven": "redriven",
    "origin_subscription": "given up by",
    "first_time": "first published",
    "publish_time": "dead since",
    "key": "key",
}
"""What is shown of one letter, and how it is called."""


def letters_view(model: BrowserModel) -> LettersShown:
    """Return the texts for the dead letters of the topic."""
    with model.letters.in_turn():
        return _shown_now(model)


def _shown_now(model: BrowserModel) -> LettersShown:
    letters = model.letters
    found, look = letters.found, letters.look
    frame = found.frame
    listed = letters.listed if frame is not None else ()
    first = min(look.first, max(0, len(listed) - 1) // LISTED * LISTED)
    groups = [] if frame is None else _groups(frame, letters)
    return {
        "type": "letters",
        "generation": letters.generation,
        "loading": found.loading,
        "read": frame is not None,
        "all": len(letters),
        "head": _head(letters),
        "where": _where(letters),
        "at": milliseconds_of(found.at) if frame is not None else None,
        "naming": plain(found.naming, 120),
        "taking": _taking(model),
        "confirm": _confirm(model),
        "by": look.by,
        "groups": groups,
        "open": look.open,
        "first": first,
        "total": len(listed),
        "rows": [] if frame is None else [_line(letters, row) for row in listed[first : first + LISTED]],
        "tries": frame is not None and _tried(frame),
        "chosen": len(look.chosen),
        "letter": None if frame is None or look.shown is None else _letter(letters, look.shown),
        "problem": plain(found.problem, 600),
    }


def _tried(frame: pd.DataFrame) -> bool:
    """Return whether of any of the dead letters it is known how often it was delivered or redriven."""
    return bool(frame["deliveries"].notna().any() or frame["redriven"].fillna(0).any())


def _taking(model: BrowserModel) -> str:
    """Return what reading them does to the broker, where it does something."""
    if model.session.capabilities.slices != "never":
        return ""
    return "This system shows them only by taking them: each is given back; others do not get it meanwhile."


def _confirm(model: BrowserModel) -> str:
    """Return the name to type before they are taken; empty where none is asked for."""
    asked = model.session.capabilities.slices == "never" and needs_name(model.session)
    return name_to_text(model.topic) if asked and model.topic is not None else ""


def _head(letters: Letters) -> str:
    number = len(letters)
    if letters.found.problem and not number:
        return "Dead letters: not known"
    more = "The first " if number == MOST else ""
    return f"{more}{number:,} dead letter{'' if number == 1 else 's'}"


def _where(letters: Letters) -> str:
    """Return where they were found, in words."""
    frame = letters.found.frame
    if frame is None:
        return ""
    places = (provenance_of(frame) or {}).get("places") or ()
    rule = f", by the rule {letters.found.naming}" if letters.found.naming else ""
    at = letters.found.at
    when = "" if at is None else f" at {at:%H:%M} UTC"
    return plain(f"in {', '.join(map(str, places))}{rule}{when}", 300)


def _groups(frame: pd.DataFrame, letters: Letters) -> list[LetterGroup]:
    groups, look = letters.found.groups[:GROUPS_SHOWN], letters.look
    most = max(map(len, groups), default=1)
    return [
        {
            "name": _name(frame, rows[0], letters),
            "described": _one_of(frame, "description", rows),
            "count": f"{len(rows):,}",
            "share": len(rows) / most,
            "span": _span(frame["publish_time"].iloc[list(rows)]),
            "at": _ends(frame["publish_time"].iloc[list(rows)]),
            "origin": _one_of(frame, "origin_topic", rows),
            "consumer": _one_of(frame, "origin_subscription", rows),
            "chosen": len(look.chosen.intersection(rows)),
            "size": len(rows),
        }
        for rows in groups
    ]


def _name(frame: pd.DataFrame, row: int, letters: Letters) -> str:
    if letters.look.by == "hour":
        return _moment(frame["publish_time"].iloc[row], "%m-%d %H:00")
    name = "reason" if letters.look.by == "reason" else "origin_subscription"
    return _text(frame[name].iloc[row], 120)


def _one_of(frame: pd.DataFrame, column: str, rows: Sequence[int]) -> str:
    """Return the first of the different values of rows, and how many more there are."""
    values = list(dict.fromkeys(each for each in frame[column].iloc[list(rows)] if not _missing(each)))
    if not values:
        return ""
    more = f" and {len(values) - 1:,} more" if len(values) > 1 else ""
    return plain(str(values[0]), 160) + more


def _span(times: Iterable[Any]) -> str:
    known = [each for each in times if not _missing(each)]
    if not known:
        return ""
    first, last = min(known), max(known)
    begin = _moment(first, "%m-%d %H:%M")
    if f"{first:%Y%m%d%H%M}" == f"{last:%Y%m%d%H%M}":
        return begin
    return f"{begin} to {_moment(last, '%H:%M' if first.date() == last.date() else '%m-%d %H:%M')}"


def _ends(times: Iterable[Any]) -> list[int]:
    """Return the first and the last of moments, in milliseconds since 1970; once where they are one."""
    known = [at for each in times if (at := milliseconds_of(each)) is not None]
    return sorted({min(known), max(known)}) if known else []


def _line(letters: Letters, row: int) -> LetterLine:
    frame = letters.found.frame
    assert frame is not None
    values = frame.iloc[row]
    return {
        "row": row,
        "time": _moment(values["publish_time"], "%m-%d %H:%M:%S"),
        "at": milliseconds_of(values["publish_time"]),
        "place": place_text(values["partition"], values["offset"], values["id"]),
        "reason": _text(values["reason"], 120),
        "origin": _origin(values),
        "deliveries": _text(values["deliveries"], 20),
        "redriven": _text(values["redriven"], 20) if values["redriven"] else "",
        "value": _value(values),
        "kind": "text"
        if isinstance(values["value"], str)
        else "null"
        if _missing(values["raw"])
        else "bytes",
        "chosen": row in letters.look.chosen,
        "edited": row in letters.look.edited,
    }


def place_text(partition: Any, offset: Any, identity: Any) -> str:
    """Return a position as ``partition:offset``, or an id."""
    if _missing(offset):
        return _text(identity, 80)
    return str(offset) if _missing(partition) else f"{partition}:{offset}"


def _origin(values: Any) -> str:
    topic = _text(values["origin_topic"], 120)
    if _missing(values["origin_offset"]):
        return topic
    return f"{topic} {place_text(values['origin_partition'], values['origin_offset'], None)}"


def _value(values: Any) -> str:
    if not _missing(values["value"]):
        return _text(values["value"], VALUE)
    return "null" if _missing(values["raw"]) else values["raw"][:VALUE].hex(" ")


def _letter(letters: Letters, row: int) -> LetterShown:
    frame = letters.found.frame
    assert frame is not None
    values = frame.iloc[row]
    why = fixed(frame, row)
    text = values["value"] if isinstance(values["value"], str) else ""
    if not why and (len(text) > EDITED_AT_MOST or plain_lines(text) != text):
        why = "it is too long, or has characters that a text field would change"
    fields = [(label, _shown(values[name])) for name, label in FIELDS.items() if not _missing(values[name])]
    fields.insert(3, ("origin", _origin(values)))
    return {
        "row": row,
        "title": plain(
            f"{values['topic']} {place_text(values['partition'], values['offset'], values['id'])}"
        ),
        "fields": [(label, text) for label, text in fields if text],
        "attributes": [
            (plain(each["name"], 120), _bytes(each["value"]), each["type"])
            for each in ([] if values["attributes"] is None else values["attributes"])[:100]
        ],
        "text": None if why else text,
        "edited": row in letters.look.edited,
        "why": why,
    }


def _shown(value: Any) -> str:
    return _moment(value, "%Y-%m-%d %H:%M:%S UTC") if hasattr(value, "strftime") else _text(value, 2_000)


def _bytes(data: bytes | None) -> str:
    return "null" if data is None else plain(bytes_text(data[:4_000]), 1_000)


def _moment(value: Any, form: str) -> str:
    return "" if _missing(value) else f"{value:{form}}"


def _text(value: Any, limit: int) -> str:
    return "" if _missing(value) else plain(str(value), limit)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value
