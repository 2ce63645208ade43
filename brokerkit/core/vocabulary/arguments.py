"""Checking arguments."""

from __future__ import annotations

import operator
from typing import Any

from .errors import ConfigError

LARGEST = 2**63 - 1
LONGEST_SECONDS = 1e9
"""About 30 years. A longer time is cut to it."""


def as_integer(value: Any) -> int | None:
    """Return an integer of any library, such as numpy, as `int`. None for anything else, also a bool."""
    # the bool of numpy has `__index__` in some versions
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_size(number: int, name: str) -> int:
    """Return an integer after checking that it fits 64 bits. Raises ConfigError."""
    if not -LARGEST <= number <= LARGEST:
        raise ConfigError(f"{name} must be an integer from -2**63 to 2**63 - 1, not {_short(number)}")
    return number


def unencodable(text: str) -> str | None:
    """Return why UTF-8 cannot encode a text (half of a surrogate pair), or None if it can."""
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end]
        return f"a character that UTF-8 cannot hold ({wrong!a} at position {error.start})"
    return None


def check_name(name: object, what: str) -> str:
    """Return the name of a topic or subscription after checking it.

    Args:
        name: The name.
        what: The kind of name, for the error.

    Raises:
        ConfigError: It is not a non-empty string that UTF-8 can encode.
    """
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"a {what} name must be a non-empty string, not {name!r:.60}")
    problem = unencodable(name)
    if problem is not None:
        raise ConfigError(f"the {what} name {name!a:.60} has {problem}")
    return name


def check_count(value: object, name: str) -> int:
    """Return a positive integer of 64 bits after checking it. Raises ConfigError."""
    count = as_integer(value)
    if count is None or count < 1:
        raise ConfigError(f"{name} must be a positive integer, not {shown_integer(value)}")
    if count > LARGEST:
        raise ConfigError(f"{name} must be at most {LARGEST:,}, not {_short(count)}")
    return count


def shown_integer(value: object) -> str:
    """Return an argument as text for an error: an integer with separators, or its bits if it is huge."""
    number = as_integer(value)
    if number is None:
        return repr(value)
    return f"{number:,}" if abs(number) <= LARGEST else _short(number)


def _short(number: int) -> str:
    """Return a text for an integer with so many digits that Python may refuse to write it."""
    return f"one of {number.bit_length():,} bits"


def check_seconds(value: object, name: str) -> float | None:
    """Return a number of seconds, or None, after checking that it is not negative. Raises ConfigError."""
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
    """Return a bool, which may be text from a URL or the environment. Raises ConfigError."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in YES + NO:
        raise ConfigError(f"{name} must be true or false, not {value!r:.40}")
    return text in YES
