"""Tokens of a function (``oauth_cb=``), which librdkafka calls before each one expires."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError, Unauthorized
from brokerkit.core.vocabulary.freed import freed
from brokerkit.core.vocabulary.secrets import Secret

EXPECTED = "oauth_cb must return (token, the time at which it expires in seconds since 1970)"
RETRY_SECONDS = 5.0
"""When to ask the function again after it failed."""


class TokenSource:
    """The function of ``oauth_cb=``, which gives each client of a connection its own tokens.

    A client that got an older one would have to ask its broker for a new session before there is a newer one.

    librdkafka loses the cause of a function that raises. It is kept here, and librdkafka gets the last token
    once more: the broker refuses it when it has expired, and the error then names the cause.

    Attributes:
        failure: The last error of the function; None after a success.
    """

    def __init__(self, function: Callable[[str], tuple[Any, ...]]) -> None:
        self._function = function
        self._lock = threading.RLock()
        self._token = Secret("")
        self._expires = 0.0
        self._unused = False
        self.failure: BaseException | None = None

    def __call__(self, config: str) -> tuple[str, float]:
        """Return the token and when it expires; librdkafka calls this from a thread of its own."""
        with freed(self._lock):
            if not self._unused:
                self._renew(config)
            self._unused = False
            if self.failure is not None:
                return self._token.reveal(), time.time() + RETRY_SECONDS
            return self._token.reveal(), self._expires

    def prepare(self, config: str) -> None:
        """Get the first token. Raises Unauthorized if the function gives none."""
        with freed(self._lock):
            self._renew(config)
            self._unused = self.failure is None
        problem = self.problem()
        if problem is not None:
            raise problem from self.failure

    def problem(self) -> Unauthorized | None:
        """Return why there is no new token; None if there is one."""
        failure = self.failure
        if failure is None:
            return None
        made = Unauthorized(f"the function of oauth_cb= gave no token: {type(failure).__name__}: {failure}")
        made.__cause__ = failure
        return made

    def _renew(self, config: str) -> None:
        try:
            self._token, self._expires = _checked(self._function(config))
        except Exception as error:
            # told by `problem`, to the caller that needs the token
            self.failure = error
        else:
            self.failure = None


def _checked(found: Any) -> tuple[Secret, float]:
    """Return the token and its end, of what the function returned."""
    if not isinstance(found, tuple | list) or len(found) < 2:
        raise ConfigError(f"{EXPECTED}, not a {type(found).__name__}")
    token, expires = found[0], found[1]
    if not isinstance(token, str | Secret) or not token or not isinstance(expires, int | float):
        raise ConfigError(f"{EXPECTED}, not a {type(token).__name__} and a {type(expires).__name__}")
    if expires <= time.time():
        raise ConfigError(f"the token of oauth_cb expired {time.time() - expires:,.0f} s ago: {EXPECTED}")
    return token if isinstance(token, Secret) else Secret(token), float(expires)
