"""When saved connections were last used, in a file beside theirs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from brokerkit.core.vocabulary.saved_connections import config_path

from .file import change_file

MOST = 200
"""So many names are kept."""


def recent_path() -> Path:
    """Return the path of the file."""
    return config_path().with_name("recent.json")


def last_used() -> dict[str, datetime]:
    """Return when each saved connection was opened last; a file that cannot be read has no times."""
    return _times(_text(recent_path()))


def note_use(name: str) -> None:
    """Note that a saved connection was opened now.

    Raises:
        StorageError: The file cannot be written.
    """

    def noted(text: str) -> str:
        times = {**_times(text), name: datetime.now(UTC)}
        newest = sorted(times, key=lambda each: times[each], reverse=True)[:MOST]
        return json.dumps({each: times[each].isoformat(timespec="seconds") for each in newest}, indent=1)

    change_file(recent_path(), noted)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _times(text: str) -> dict[str, datetime]:
    try:
        found = json.loads(text)
        return {str(name): _moment(time) for name, time in found.items()}
    except (ValueError, AttributeError, TypeError):
        return {}


def _moment(text: str) -> datetime:
    """Return a time, in UTC if it has no zone."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
