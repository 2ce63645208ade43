"""Filters that were saved by name, and those that were used last, in a file beside that of connections."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.saved_connections import config_path

from .file import change_file

MOST_SAVED = 200
MOST_USED = 30
LONGEST = 4_000
"""Longer conditions are not kept."""
Filter = dict[str, Any]


class Filters(NamedTuple):
    """What is kept.

    Attributes:
        saved: The filters by name, in the order of their names.
        used: Those that were used, the newest first.
    """

    saved: dict[str, Filter]
    used: list[Filter]


def filters_path() -> Path:
    """Return the path of the file."""
    return config_path().with_name("filters.json")


def filters() -> Filters:
    """Return what is kept; of a file that cannot be read, nothing. Raises ConfigError if it is damaged."""
    try:
        text = filters_path().read_text("utf-8", errors="replace")
    except OSError:
        text = ""
    return _read(text)


def save_filter(name: str, wanted: Mapping[str, Any]) -> None:
    """Keep a filter under a name, in place of one of the same name.

    Raises:
        ConfigError: There is no name, the filter is too long, too many are kept, or the file is damaged.
        StorageError: The file cannot be written.
    """
    if not name.strip() or len(name) > 80:
        raise ConfigError("a filter needs a name of at most 80 characters")
    if not _fits(wanted):
        raise ConfigError(f"a filter of more than {LONGEST:,} characters is not kept")

    def change(kept: Filters) -> Filters:
        saved = {**kept.saved, name.strip(): dict(wanted)}
        if len(saved) > MOST_SAVED:
            raise ConfigError(f"{MOST_SAVED} filters are saved: delete one first")
        return Filters(saved, kept.used)

    _change(change)


def delete_filter(name: str) -> None:
    """Forget a filter that was saved. Raises StorageError, or ConfigError if the file is damaged."""
    _change(lambda kept: Filters({each: kept.saved[each] for each in kept.saved if each != name}, kept.used))


def note_filter(wanted: Mapping[str, Any]) -> None:
    """Note that a filter was used.

    Raises:
        ConfigError: The file is damaged, or another process has been writing it for long.
        StorageError: It cannot be written.
    """
    if _fits(wanted):
        given = dict(wanted)

        def change(kept: Filters) -> Filters:
            others = [each for each in kept.used if each != given]
            return Filters(kept.saved, [given, *others][:MOST_USED])

        _change(change)


def forget_used() -> None:
    """Forget the filters that were used; those that were saved stay. Raises as `delete_filter`."""
    _change(lambda kept: Filters(kept.saved, []))


def _fits(wanted: Mapping[str, Any]) -> bool:
    return len(json.dumps(dict(wanted))) <= LONGEST


def _change(change: Callable[[Filters], Filters]) -> None:
    def changed(text: str) -> str:
        kept = change(_read(text))
        return json.dumps({"saved": dict(sorted(kept.saved.items())), "used": kept.used}, indent=1)

    change_file(filters_path(), changed)


def _read(text: str) -> Filters:
    try:
        found = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        # without its cause, which holds the text of the file
        raise ConfigError(
            f"{filters_path()} is not valid JSON: mend it first, or delete it with all its filters"
        ) from None
    saved, used = (found.get(name) if isinstance(found, dict) else None for name in ("saved", "used"))
    return Filters(
        {
            str(name): each
            for name, each in (saved.items() if isinstance(saved, dict) else ())
            if isinstance(each, dict)
        },
        [each for each in (used if isinstance(used, list) else []) if isinstance(each, dict)],
    )
