"""The requests that a page on this machine answers: those with its token, from its own address."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

HOST = "127.0.0.1"
"""The one interface that is listened on: the loopback."""


class Refused(NamedTuple):
    """Why a request gets nothing."""

    status: int
    text: str


class Gate:
    """The rules for one page.

    Attributes:
        port: The port of the page.
        token: What its address holds.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = secrets.token_urlsafe(32)

    @property
    def url(self) -> str:
        """The address that opens the page."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The header that lets a browser in that came with the token."""
        return f"{self._name}={self.token}; Path=/; HttpOnly; SameSite=Lax"

    @property
    def policy(self) -> str:
        """The content security policy: everything comes from here, and nothing in the page is run."""
        here = f"http://{HOST}:{self.port} ws://{HOST}:{self.port}"
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src {here}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    def refuses(self, headers: Mapping[str, str], path: str, *, socket: bool) -> Refused | None:
        """Return why a request gets nothing; None for one that is answered.

        Args:
            headers: The headers of the request, by their usual names.
            path: The path with its query.
            socket: Whether a socket is asked for. Any page may ask for one, so its origin must be this one.
        """
        # a name that another site lets point here would make that site's pages of one origin with this one
        if headers.get("Host") != f"{HOST}:{self.port}":
            return Refused(403, f"This page is at http://{HOST}:{self.port} only.\n")
        if socket and headers.get("Origin") != f"http://{HOST}:{self.port}":
            return Refused(403, "Only its own page may speak to this server.\n")
        if self.is_entry(path) or self._let_in(headers.get("Cookie", "")):
            return None
        return Refused(403, "Open the whole address that `brokerkit browse` printed, with its token.\n")

    def is_entry(self, path: str) -> bool:
        """Return whether a path is the address with the token."""
        parts = urlsplit(path)
        given = parse_qs(parts.query).get("token", [""])[0]
        return parts.path == "/" and self._is_token(given)

    def _let_in(self, cookies: str) -> bool:
        try:
            found = SimpleCookie(cookies).get(self._name)
        except CookieError:
            return False
        return found is not None and self._is_token(found.value)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    @property
    def _name(self) -> str:
        # cookies do not tell ports apart
        return f"brokerkit-{self.port}"
