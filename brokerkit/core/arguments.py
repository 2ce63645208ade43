"""Checking what callers pass."""

from __future__ import annotations

from .errors import ConfigError


def check_count(value: object, name: str) -> int:
    """A positive integer, or a ConfigError that says so."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} must be a positive integer, not {value!r}")
    return value


def check_seconds(value: object, name: str) -> float | None:
    """A number of seconds, not negative, or None; else a ConfigError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ConfigError(f"{name} must be a number of seconds, not negative, or None, not {value!r}")
    return float(value)
