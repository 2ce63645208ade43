"""Keeping passwords, keys and tokens out of every output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import quote, quote_plus

from .errors import BrokerError

MASK = "***"
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|credential|jaas|api[._-]?key|private[._-]?key|"
    r"(^|[._-])(key|pem|sas|jwt|auth)$|seed|auth[._-]?params|user[._-]?info|access[._-]?key|connection[._-]?string|signature|oauthbearer\.config",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Whether an option of this name holds something that must not be shown."""
    return _SECRET_NAME.search(name) is not None


def _spellings(value: str) -> set[str]:
    """A value as it is, as URLs spell it, and as reprs and JSON do."""
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    lower = {re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), each) for each in quoted}
    return {value, repr(value)[1:-1], json.dumps(value)[1:-1], *quoted, *lower}


E = TypeVar("E", bound=BaseException)


class Secrets:
    """The secret values of one connection, to be masked in any text that goes out."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._spellings: list[str] = []
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        if value and value not in self._values:
            self._values.add(value)
            found = {*self._spellings, *_spellings(value)}
            self._spellings = sorted(found, key=len, reverse=True)

    def mask(self, text: str) -> str:
        """The text with every secret replaced by ``***``, the longest first."""
        for value in self._spellings:
            text = text.replace(value, MASK)
        return text

    def clear(self, error: E) -> E:
        """The same error with its texts, and those of its causes, masked.

        A cause that shows a secret elsewhere than in its texts is replaced by its masked text.
        """
        if self._spellings:
            self._clear(error, set())
        return error

    def _clear(self, error: BaseException, seen: set[int]) -> None:
        seen.add(id(error))
        error.args = tuple(self.mask(arg) if isinstance(arg, str) else arg for arg in error.args)
        for name in ("__cause__", "__context__"):
            other = getattr(error, name)
            if other is None or id(other) in seen:
                continue
            self._clear(other, seen)
            text = f"{type(other).__name__}: {other} {other!r}"
            if self.mask(text) != text:
                setattr(error, name, BrokerError(self.mask(f"{type(other).__name__}: {other}")))

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)})"
