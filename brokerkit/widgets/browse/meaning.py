"""What a position means that is being typed: the moment, or the offsets, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.positions import AtId, AtOffset, AtTime, Earliest, Latest, parse_all
from brokerkit.display.sanitize import plain

from ..protocol.browse import Meant
from .form import position

HINT = "No such place. Try yesterday 13:00, -15min, 2026-01-31 12:00, an offset, or earliest"


BEFORE = "The end is not after the beginning: nothing is between them"


def meant_range(start: str, end: str) -> tuple[Meant, Meant]:
    """Return what the two ends of a range mean, at one moment."""
    now = datetime.now(UTC)
    first, last = meant(start, now), meant(end, now)
    if first["at"] is not None and last["at"] is not None and last["at"] <= first["at"]:
        last["wrong"] = BEFORE
    return first, last


def meant(text: str, now: datetime | None = None) -> Meant:
    """Return what a position means now; `at` is the moment in milliseconds since 1970."""
    if not text.strip():
        return {"text": "", "at": None, "wrong": ""}
    try:
        found = parse_all(position(text.strip(), "Place"), now=now)
    except ConfigError:
        return {"text": "", "at": None, "wrong": HINT}
    if isinstance(found, AtTime):
        shown = plain(str(found).replace("T", " ").replace("Z", " UTC"), 60)
        return {"text": shown, "at": found.microseconds // 1_000, "wrong": ""}
    return {"text": plain(_words(found), 120), "at": None, "wrong": ""}


def _words(found: Any) -> str:
    if isinstance(found, Earliest):
        return "the first message that is kept"
    if isinstance(found, Latest):
        return "the end, as it is when it is read"
    if isinstance(found, AtOffset):
        if found.offset < 0:
            return f"{-found.offset:,} before the end of each partition"
        return f"offset {found.offset:,} of each partition"
    if isinstance(found, AtId):
        return f"the message with the id {found.id}"
    count = len(found)
    return f"a place of its own in {count:,} partition{'' if count == 1 else 's'}"
