"""Keeping passwords, keys and tokens out of every output."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|credential|jaas|api[._-]?key|private[._-]?key|"
    r"(^|[._-])(key|seed|pem|sas)$|access[._-]?key|connection[._-]?string|signature|oauthbearer\.config",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Whether an option of this name holds something that must not be shown."""
    return _SECRET_NAME.search(name) is not None


class Secrets:
    """The secret values of one connection, to be masked in any text that goes out."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = {value for value in values if value}

    def add(self, value: str) -> None:
        if value:
            self._values.add(value)

    def mask(self, text: str) -> str:
        """The text with every secret replaced by ``***``, the longest first."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, MASK)
        return text

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)})"
