"""Checking what callers pass."""

from __future__ import annotations

import operator
from typing import Any

from .errors import ConfigError

LARGEST = 2**63 - 1
LONGEST_SECONDS = 1e9
"""About 30 years: what is meant to last longer is as good as endless."""


def as_integer(value: Any) -> int | None:
    """An integer of any library (numpy's too) as `int`; None for everything else, truth values too."""
    # numpy's truth value has `__index__` in some versions
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_size(number: int, name: str) -> int:
    """An integer that 64 bits can hold, or a ConfigError."""
    if not -LARGEST <= number <= LARGEST:
        raise ConfigError(f"{name} must be an integer of 64 bits, not {_short(number)}")
    return number


def unencodable(text: str) -> str | None:
    """Why UTF-8 cannot hold a text (half of a surrogate pair), or None."""
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end]
        return f"a character that UTF-8 cannot hold ({wrong!a} at position {error.start})"
    return None


def check_name(name: object, what: str) -> str:
    """The name of a topic or subscription. Raises ConfigError for what cannot be one."""
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"a {what} name must be a text that is not empty, not {name!r:.60}")
    problem = unencodable(name)
    if problem is not None:
        raise ConfigError(f"the {what} name {name!a:.60} has {problem}")
    return name


def check_count(value: object, name: str) -> int:
    """A positive integer, or a ConfigError that says so."""
    count = as_integer(value)
    if count is None or count < 1:
        raise ConfigError(f"{name} must be a positive integer, not {shown_integer(value)}")
    if count > LARGEST:
        raise ConfigError(f"{name} must be at most {LARGEST:,}, not {_short(count)}")
    return count


def shown_integer(value: object) -> str:
    """What was passed, as an error names it: with separators, and not by thousands of digits."""
    number = as_integer(value)
    if number is None:
        return repr(value)
    return f"{number:,}" if abs(number) <= LARGEST else _short(number)


def _short(number: int) -> str:
    """An integer that may have thousands of digits, which Python itself would refuse to write."""
    return f"one of {number.bit_length():,} bits"


def check_seconds(value: object, name: str) -> float | None:
    """A number of seconds, not negative, or None; else a ConfigError."""
    if value is None:
        return None
    seconds = value if isinstance(value, float) else as_integer(value)
    if seconds is None or not seconds >= 0:
        raise ConfigError(
            f"{name} must be a number of seconds, not negative, or None, not {shown_integer(value)}"
        )
    # clocks of client libraries overflow beyond it
    return float(seconds) if seconds == float("inf") else float(min(seconds, LONGEST_SECONDS))


YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


def as_flag(value: Any, name: str) -> bool:
    """A bool, also written as text in a URL or the environment. Raises ConfigError for anything else."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in YES + NO:
        raise ConfigError(f"{name} must be true or false, not {value!r:.40}")
    return text in YES
