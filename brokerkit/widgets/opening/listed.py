"""The saved connections and the systems, as the first screen lists them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from brokerkit.core.runtime import registry as backends
from brokerkit.display.sanitize import plain
from brokerkit.saved import connections
from brokerkit.saved.recent import last_used

from ..moments import milliseconds_of
from ..protocol.opening import SandboxChoice, SavedLine, SystemChoice


def saved_lines() -> list[SavedLine]:
    """Return the saved connections, those that were used last first.

    Raises:
        ConfigError: The file of saved connections cannot be read.
    """
    used, now = last_used(), datetime.now(UTC)
    rows: list[dict[str, Any]] = connections().to_dict("records")  # type: ignore[assignment]
    never = datetime.min.replace(tzinfo=UTC)
    rows.sort(key=lambda row: (now - used.get(row["name"], never), row["name"]))
    return [_line(row, used.get(row["name"]), now) for row in rows]


def _line(row: dict[str, Any], used: datetime | None, now: datetime) -> SavedLine:
    scheme, _, rest = str(row["url"] or "").partition(":")
    marks = [mark for name, mark in (("production", "PRODUCTION"), ("read_only", "read-only")) if row[name]]
    facts = backends.systems().get(scheme.partition("+")[0])
    return {
        "name": plain(row["name"], 80),
        "keyring": any(str(place).startswith("keyring:") for place in row["secrets"].values()),
        "system": facts.title if facts else plain(scheme, 40),
        "address": plain(rest.removeprefix("//").partition("?")[0].rpartition("@")[2], 120),
        "marks": [*marks, *(["masked"] if any("mask" in each for each in row["options"]) else [])],
        "used": _when(used, now),
        "used_at": milliseconds_of(used),
    }


def _when(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    days = (now.date() - moment.date()).days
    if days < 2:
        return f"{'today' if days == 0 else 'yesterday'} {moment:%H:%M} UTC"
    return f"{moment.day} {moment:%b}" if moment.year == now.year else f"{moment:%Y-%m-%d}"


def system_choices() -> list[SystemChoice]:
    """Return the systems that the form offers."""
    return [
        {"scheme": scheme, "title": facts.title, "example": facts.example, "whole": facts.secret is not None}
        for scheme, facts in backends.systems().items()
    ]


def sandbox_choices() -> list[SandboxChoice]:
    """Return the systems of which a private server can be started, the quickest first."""
    from brokerkit.sandbox.catalogue import SYSTEMS

    known = backends.systems()
    return [{"name": name, "title": known[name].title} for name in SYSTEMS if name in known]
