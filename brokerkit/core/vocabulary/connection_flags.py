"""What a user says of a connection as a whole, beside the options of its backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .arguments import as_flag


class ConnectionFlags(NamedTuple):
    """read_only: nothing may change the broker. production: widgets ask before they change it."""

    read_only: bool = False
    production: bool = False


def take_flags(options: Mapping[str, Any]) -> tuple[ConnectionFlags, dict[str, Any]]:
    """The marks among options, and the other options. Of several spellings the last one counts.

    From a URL and the environment they come as text. Raises ConfigError for what is neither yes nor no.
    """
    found: dict[str, bool] = {}
    rest: dict[str, Any] = {}
    for name, value in options.items():
        mark = name.lower().replace(".", "_")
        if mark in ConnectionFlags._fields:
            found[mark] = as_flag(value, mark)
        else:
            rest[name] = value
    return ConnectionFlags(**found), rest
