"""What a user says of a connection as a whole, beside the options of its backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import ConfigError

_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


class Marks(NamedTuple):
    """read_only: nothing may change the broker. production: widgets ask before they change it."""

    read_only: bool = False
    production: bool = False


def take_marks(options: Mapping[str, Any]) -> tuple[Marks, dict[str, Any]]:
    """The marks among options, and the other options. Of several spellings the last one counts.

    From a URL and the environment they come as text. Raises ConfigError for what is neither yes nor no.
    """
    found: dict[str, bool] = {}
    rest: dict[str, Any] = {}
    for name, value in options.items():
        mark = name.lower().replace(".", "_")
        if mark in Marks._fields:
            found[mark] = _flag(mark, value)
        else:
            rest[name] = value
    return Marks(**found), rest


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in _YES + _NO:
        raise ConfigError(f"{name} must be true or false, not {value!r:.40}")
    return text in _YES
