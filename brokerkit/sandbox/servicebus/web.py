"""Serve HTTP for the administration on the port of AMQP: the first bytes tell the two apart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

LARGEST = 1_000_000
"""The largest request in bytes."""

AMQP = b"AMQP"
PROTOCOL_HEADER = AMQP + b"\x03\x01\x00\x00"
"""The first bytes of an AMQP 1.0 connection with SASL."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        headers: The headers by lower-case name.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: int
    body: str
    kind: str = "application/atom+xml;type=entry;charset=utf-8"

    def encoded(self) -> bytes:
        """Return the answer as HTTP/1.1."""
        body = self.body.encode()
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            f"Content-Type: {self.kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body


Handler = Callable[[Request], Response]


class HttpConnection(asyncio.Protocol):
    """A client's connection, whose requests are answered one after the other."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._socket = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (request := self._take()) is not None:
            try:
                response = self._handler(request)
            except Exception:
                log.exception("a request could not be served")
                response = Response(500, "the request could not be served", "text/plain")
            self._socket.write(response.encoded())

    def _take(self) -> Request | None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        words = first.split(" ")
        size = headers.get("content-length", "0")
        if len(words) != 3 or not size.isdecimal() or int(size) > LARGEST:
            self._socket.close()
            return None
        if len(rest) < int(size):
            return None
        self._buffer = rest[int(size) :]
        return Request(words[0], words[1], headers, rest[: int(size)])


class FirstBytes(asyncio.Protocol):
    """A protocol that waits for the first bytes of a connection, and passes it to the right protocol.

    Args:
        http: Makes the protocol of HTTP; None if only AMQP is served.
    """

    def __init__(
        self, amqp: Callable[[], asyncio.Protocol], http: Callable[[], asyncio.Protocol] | None
    ) -> None:
        self._amqp = amqp
        self._http = http

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._socket = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) < len(AMQP):
            return
        if self._received.startswith(AMQP):
            protocol = self._amqp()
        elif self._received[:1].isupper() and self._http is not None:
            protocol = self._http()
        else:
            # for example TLS; AMQP answers an unknown header with its own, and closes
            self._socket.write(PROTOCOL_HEADER)
            self._socket.close()
            return
        self._socket.set_protocol(protocol)
        protocol.connection_made(self._socket)
        protocol.data_received(self._received)
