"""A value that does not fit a schema."""

from __future__ import annotations


class Misfit(ValueError):
    """A value that a field cannot hold, and the path of the field."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def shown(value: object) -> str:
    """Return a value for the text of an error, cut short."""
    return f"{value!r:.60}"
