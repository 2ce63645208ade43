"""Flags of a connection as a whole, which are not options of its backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .arguments import as_flag
from .attended import attended
from .errors import ConfigError

NOT_ALLOWED = "whose code does not say connect(..., allow_changes=True)"
"""Why a run without a person changes nothing on production."""


class ConnectionFlags(NamedTuple):
    """Flags of a connection.

    Attributes:
        read_only: Whether everything that would change the broker is refused.
        production: Whether widgets ask before they change the broker, and a run without a person may not.
        allow_changes: Whether a run without a person may change a production broker nevertheless.
    """

    read_only: bool = False
    production: bool = False
    allow_changes: bool = False

    def refusal(self) -> str | None:
        """Return why this connection may change nothing now; None if it may."""
        if self.read_only:
            return "this session is read-only (read_only=True)"
        if self.production and not self.allow_changes and not attended():
            return f"this session is marked as production, and no person sees this run, {NOT_ALLOWED}"
        return None


def take_flags(options: Mapping[str, Any]) -> tuple[ConnectionFlags, dict[str, Any]]:
    """Return the flags among options, and the other options. Of several spellings the last one counts.

    Raises:
        ConfigError: A flag is neither a bool nor a text such as ``"true"`` or ``"no"``, or is
            ``allow_changes``, which is no property of a broker.
    """
    found: dict[str, bool] = {}
    rest: dict[str, Any] = {}
    for name, value in options.items():
        mark = name.lower().replace(".", "_")
        if mark == "allow_changes":
            raise ConfigError(
                "allow_changes stands in the code that makes the changes, connect(..., allow_changes=True), "
                "and not in a URL, a saved connection or the environment"
            )
        if mark in ConnectionFlags._fields:
            found[mark] = as_flag(value, mark)
        else:
            rest[name] = value
    return ConnectionFlags(**found), rest
