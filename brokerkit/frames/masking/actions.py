"""What stands in the place of a value that is hidden."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret

Action: TypeAlias = Literal["hide", "hash", "last4"]
ACTIONS: tuple[Action, ...] = get_args(Action)
"""The strongest first: of several rules for a value, the strongest counts."""

HIDDEN = "***"
HASH_KEY_VARIABLE = "BROKERKIT_MASK_HASH_KEY"
HASH_DIGITS = 16
LAST = 4
SHORTEST = 8
"""Of a shorter text, the last four characters would show too much: it is hidden whole."""


def strongest(actions: Iterable[Action]) -> Action | None:
    """Return the strongest of some actions; None if there are none."""
    return min(actions, key=ACTIONS.index, default=None)


def hash_key_of(given: Secret | None) -> Secret:
    """Return the key of hashes: the given one, otherwise that of the environment.

    Raises:
        ConfigError: There is none.
    """
    found = given if given is not None else _from_environment()
    if not found:
        raise ConfigError(
            "a hash needs a key that is kept secret, or it could be undone by trying: give hash_key=, "
            f"mask_hash_key in the saved connection, or the environment variable {HASH_KEY_VARIABLE}"
        )
    return found


def _from_environment() -> Secret | None:
    # a traceback shows what its lines name, such as the whole environment: nothing is raised here
    return Secret(os.environ[HASH_KEY_VARIABLE]) if HASH_KEY_VARIABLE in os.environ else None


class Writer:
    """What is written in the place of hidden values.

    Args:
        hash_key: The key of hashes; None if there are none.
    """

    def __init__(self, hash_key: Secret | None) -> None:
        self._hash_key = hash_key

    def written(self, action: Action, value: str | bytes) -> str:
        """Return the text in the place of a value, which is given as text or as bytes that are not text."""
        if action == "hash" and self._hash_key is not None:
            data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            return f"hash:{keyed_digest(self._hash_key, data)[:HASH_DIGITS]}"
        if action == "last4" and isinstance(value, str) and len(value) >= SHORTEST:
            return HIDDEN + value[-LAST:]
        return HIDDEN


def keyed_digest(key: Secret, data: bytes) -> str:
    """Return the HMAC-SHA256 of data, in hexadecimal."""
    return hmac.digest(key.reveal().encode("utf-8", "surrogateescape"), data, "sha256").hex()
