"""Options of a backend: declared with a kind, a meaning and a default, and checked in one place.

A backend declares a table, and reads what a user gave::

    OPTIONS = OptionTable(
        {
            "ca": Option(FILE, "file of trusted certificates (PEM)"),
            "prefetch": Option(COUNT, "number of messages that a consumer prefetches", 200),
            "storage": Option(choice("file", "memory"), "where messages are kept"),
        }
    )
    given = OPTIONS.read(address.options)  # {"ca": None, "prefetch": 200, "storage": None}

A value may be text in every case, because a URL and the environment give nothing else. A kind is a function
of the name and the value that returns the checked value or raises ConfigError; a backend may declare its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..vocabulary.arguments import LONGEST_SECONDS, as_flag, as_integer, check_size, shown_integer
from ..vocabulary.errors import ConfigError
from ..vocabulary.secrets import Secret, as_secret, inner_secrets, is_secret, revealed

Kind = Callable[[str, Any], Any]

_DIGITS = re.compile(r"[+-]?\d{1,19}")


@dataclass(frozen=True, slots=True)
class Option:
    """A declared option.

    Attributes:
        kind: Checks a value, and returns it as the backend uses it.
        meaning: What it is for, in a line.
        default: The value if the option is not given.
        none: The value if it is given as None. By default the same as `default`.
    """

    kind: Kind
    meaning: str
    default: Any = None
    none: Any = None

    def value(self, name: str, given: Any) -> Any:
        """Return the checked value of what was given. Raises ConfigError."""
        if given is None:
            return self.default if self.none is None else self.none
        if isinstance(given, Secret) and not is_secret(name) and not inner_secrets(given.reveal()):
            # it was hidden only because its name was not known yet
            given = given.reveal()
        checked = self.kind(name, given)
        return self.default if checked is None else checked

    def described(self) -> str:
        """Return the meaning with the default, if there is one that says something."""
        if self.default is None or self.default is False:
            return self.meaning
        number = isinstance(self.default, int | float) and self.default is not True
        shown = f"{self.default:,g}" if number else str(self.default).lower()
        return f"{self.meaning} (default {shown})"


class OptionTable(Mapping[str, Option]):
    """The options that a backend knows in one place, by name."""

    def __init__(self, options: Mapping[str, Option]) -> None:
        self._options = dict(options)

    def __getitem__(self, name: str) -> Option:
        return self._options[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)

    def __or__(self, other: Mapping[str, Option]) -> OptionTable:
        return OptionTable({**self._options, **other})

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every declared option, by name.

        A dot in a name that is given stands for an underscore, because the environment has dots for them.

        Raises:
            ConfigError: An option is unknown, and the text lists the known ones; or a value is wrong.
        """
        undotted = {name: value for name, value in given.items() if name in self}
        for name, value in given.items():
            undotted.setdefault(name if name in self else name.replace(".", "_"), value)
        known = "; ".join(f"{name}: {option.described()}" for name, option in sorted(self.items()))
        refuse_unknown(undotted.keys() - self.keys(), known or "none")
        return {
            name: option.value(name, undotted[name]) if name in undotted else option.default
            for name, option in self.items()
        }


def refuse_unknown(names: Iterable[str], known: str) -> None:
    """Raise ConfigError if there are unknown options.

    Args:
        names: The unknown ones.
        known: Says which are known.
    """
    unknown = sorted(names)
    if unknown:
        raise ConfigError(f"unknown option {', '.join(map(repr, unknown))}; known are {known}")


def whole(least: int | None = None, most: int | None = None) -> Kind:
    """Return the kind of whole numbers in a range."""
    ends = [f"{word} {end}" for word, end in (("at least", least), ("at most", most)) if end is not None]
    limits = f" of {' and '.join(ends)}" if ends else ""
    expected = "a positive integer" if (least, most) == (1, None) else f"a whole number{limits}"

    def check(name: str, value: Any) -> int:
        text = isinstance(value, str) and _DIGITS.fullmatch(value)
        number = as_integer(int(value) if text else value)
        if number is None or (least is not None and number < least) or (most is not None and number > most):
            raise ConfigError(f"{name} must be {expected}, not {shown_integer(value)}")
        return check_size(number, name)

    return check


def seconds(*, above_zero: bool = False) -> Kind:
    """Return the kind of durations: a number of seconds or a timedelta. The checked value is a float.

    Args:
        above_zero: Refuse 0.
    """

    def check(name: str, value: Any) -> float:
        number = _as_seconds(value)
        if number is None or not 0 <= number < LONGEST_SECONDS or (above_zero and not number):
            least = "above 0" if above_zero else "not negative"
            raise ConfigError(f"{name} must be a number of seconds, {least}, not {value!r:.60}")
        return number

    return check


def _as_seconds(value: Any) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def choice(*allowed: str) -> Kind:
    """Return the kind of texts that are one of a few. Case does not matter, and ``-`` is a ``_``."""
    expected = " or ".join([", ".join(map(repr, allowed[:-1])), repr(allowed[-1])])

    def check(name: str, value: Any) -> str:
        chosen = value.lower().replace("-", "_") if isinstance(value, str) else None
        if chosen not in allowed:
            raise ConfigError(f"{name} must be {expected}, not {value!r:.60}")
        return str(chosen)

    return check


def file(expected: str = "") -> Kind:
    """Return the kind of paths of files that exist.

    Args:
        expected: Says what is in the file, for the error.
    """

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str | Secret | os.PathLike):
            raise ConfigError(f"{name} must be the path of a file, not {value!r:.60}")
        if not os.path.isfile(os.fspath(revealed(value))):
            # raised where no variable of a traceback holds a path that is secret
            raise ConfigError(
                f"{name} names a file that does not exist" + (f"; expected {expected}" if expected else "")
            )
        return str(revealed(value))

    return check


def text(name: str, value: Any) -> str | None:
    """Check a text. One that is empty, as a variable of the environment may be, counts as not given."""
    if not isinstance(value, str | Secret):
        raise ConfigError(f"{name} must be a string, not {value!r:.60}")
    if inner_secrets(str(revealed(value))):
        # raised where no variable of a traceback holds it
        raise ConfigError(f"{name} must have no password in it: the options for logging in take one")
    return revealed(value) or None


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Check a list of strings."""
    items = () if isinstance(value, str | bytes | Secret | Mapping) else value
    found = tuple(items) if isinstance(items, Iterable) else ()
    if not found or not all(isinstance(item, str) for item in found):
        raise ConfigError(f"{name} must be a list of strings, not {value!r:.60}")
    return found


def mapping(name: str, value: Any) -> dict[str, Any]:
    """Check a mapping with texts as its keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigError(f"{name} must be a mapping (a dict), not {value!r:.60}")
    return dict(value)


def labels(name: str, value: Any) -> dict[str, str]:
    """Check a mapping of strings to strings."""
    found = mapping(name, value)
    if not all(isinstance(each, str) for each in found.values()):
        raise ConfigError(f"{name} must be a mapping of strings to strings, not {value!r:.60}")
    return found


def secret(name: str, value: Any) -> Secret | None:
    """Check a secret. One that is empty counts as not given."""
    if not isinstance(value, str | bytes | Secret):
        raise ConfigError(f"{name} must be a string, not a {type(value).__name__}")
    return as_secret(value) or None


def anything(name: str, value: Any) -> Any:
    """Check nothing."""
    return value


def flag(name: str, value: Any) -> bool:
    """Check a bool, or a text such as ``true`` and ``no``."""
    return as_flag(value, name)


NO_OPTIONS = OptionTable({})
WHOLE = whole()
COUNT = whole(least=1)
SECONDS = seconds()
POSITIVE_SECONDS = seconds(above_zero=True)
FILE = file()
