"""Flags of a connection as a whole, which are not options of its backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .arguments import as_flag


class ConnectionFlags(NamedTuple):
    """Flags of a connection.

    Attributes:
        read_only: Whether everything that would change the broker is refused.
        production: Whether widgets ask before they change the broker.
    """

    read_only: bool = False
    production: bool = False


def take_flags(options: Mapping[str, Any]) -> tuple[ConnectionFlags, dict[str, Any]]:
    """Return the flags among options, and the other options. Of several spellings the last one counts.

    Raises:
        ConfigError: A flag is neither a bool nor a text such as ``"true"`` or ``"no"``.
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
