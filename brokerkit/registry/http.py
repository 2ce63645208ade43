"""One HTTP request to a server that may be slow, huge or hostile."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

LARGEST = 32 * 2**20
"""The most bytes of an answer; schemas of 10 MB exist, and JSON escapes their quotes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request.

    Attributes:
        status: The status of HTTP.
        data: The body.
        location: Where a redirect leads, without credentials and query; None for any other answer.
    """

    status: int
    data: bytes
    location: str | None = None


class AnswerTooLarge(Exception):
    """The answer has more than `LARGEST` bytes."""


class Requests:
    """Sends requests, each within a time that counts from connecting to its last byte.

    Redirects are not followed, because they could lead credentials to another host. The proxies of the
    environment are used, but not for this machine.
    """

    def __init__(self, context: ssl.SSLContext | None, timeout: float) -> None:
        self._context = context
        self._timeout = timeout

    def send(self, request: urllib.request.Request) -> Answer:
        """Return the answer to a request, whatever its status.

        Raises:
            OSError, http.client.HTTPException: There was none, or it was cut off.
            TimeoutError: It was not complete in time.
            AnswerTooLarge: It is too large.
        """
        with _deadline(self._timeout) as watch:
            opener = urllib.request.build_opener(
                _NoRedirect,
                _Plain(watch),
                *([] if self._context is None else [_Tls(watch, self._context)]),
                *([urllib.request.ProxyHandler({})] if is_loopback(request.full_url) else []),
            )
            try:
                with opener.open(request, timeout=self._timeout) as found:
                    return Answer(found.status, _body(found))
            except urllib.error.HTTPError as error:
                with error:
                    return Answer(error.code, _body(error), _place(error.headers.get("location")))


def is_loopback(url: str) -> bool:
    """Return whether an address is one of this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _body(found: Any) -> bytes:
    data = found.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise AnswerTooLarge
    if missing := getattr(found, "length", None):
        # a read with a size does not say that the connection ended too early
        raise http.client.IncompleteRead(data, missing)
    return bytes(data)


def _place(location: str | None) -> str | None:
    if location is None:
        return None
    parts = urlsplit(location)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else parts.path


Watch = Callable[[socket.socket], None]


@contextlib.contextmanager
def _deadline(timeout: float) -> Iterator[Watch]:
    """Break the connections of the block when time is up: urllib's own limit counts for each read alone."""
    watched: list[socket.socket] = []
    expired = threading.Event()

    def watch(connection: socket.socket) -> None:
        # TLS takes the socket itself over
        watched.append(connection.dup())
        if expired.is_set():
            expire()

    def expire() -> None:
        expired.set()
        for each in watched:
            # the other side may have gone
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout, expire)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    except (OSError, http.client.HTTPException):
        if not expired.is_set():
            raise
    finally:
        timer.cancel()
        timer.join()
        for each in watched:
            each.close()
    if expired.is_set():
        # a body that ends with its connection looks complete
        raise TimeoutError(f"it did not answer within {timeout:g} s")


def _watched(made: type[http.client.HTTPConnection], watch: Watch, *args: Any, **kwargs: Any) -> Any:
    connection: Any = made(*args, **kwargs)

    def create(*where: Any) -> socket.socket:
        opened = socket.create_connection(*where)
        # the deadline ends it; two limits of the same length would race
        opened.settimeout(None)
        watch(opened)
        return opened

    connection._create_connection = create
    return connection


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_watched, http.client.HTTPConnection, self._watch), request)


class _Tls(urllib.request.HTTPSHandler):
    def __init__(self, watch: Watch, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._watch = watch
        self._trusted = context

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        make = partial(_watched, http.client.HTTPSConnection, self._watch, context=self._trusted)
        return self.do_open(make, request)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None
