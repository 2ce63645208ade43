"""A small server for one page: the bundle of the workbench, and the socket that it speaks through."""

from __future__ import annotations

import logging
import threading
from importlib.resources import files
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from brokerkit.core.vocabulary.errors import ConfigError, Unavailable

from ..browse import TopicBrowser
from ..opening import ConnectionChooser
from .gate import HOST, Gate
from .outlet import SocketOutlet

if TYPE_CHECKING:
    from websockets.http11 import Request, Response
    from websockets.sync.server import ServerConnection

INSTALL = "pip install 'brokerkit-notebook[browser]'"
SOCKET = "/socket"
KINDS = {"js": "text/javascript", "css": "text/css"}
STATIC = ("alone.js", "alone.css", "browse.js", "browse.css", "editor.js")
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>brokerkit</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/browse.css">
<link rel="stylesheet" href="/alone.css">
<main id="place"></main>
<script type="module" src="/alone.js"></script>
"""
MOST_BYTES = 1_000_000
"""A tab sends no larger message."""


class PageServer:
    """A page on the loopback interface, for the browser that has its token. Close it when you are done.

    Attributes:
        url: The address, with the token. It opens the page on this machine only.

    Raises:
        ConfigError: The library for web sockets is not installed.
        Unavailable: The port cannot be used.
    """

    def __init__(self, outlet: SocketOutlet, port: int = 0) -> None:
        try:
            from websockets.sync.server import serve
        except ImportError as error:
            raise ConfigError(f"brokerkit browse needs websockets: {INSTALL}") from error
        self._outlet = outlet
        try:
            self._server = serve(
                outlet.attend,
                HOST,
                port,
                process_request=self._answer,
                compression=None,
                server_header=None,
                max_size=MOST_BYTES,
                logger=_log,
            )
        except OSError as error:
            raise Unavailable(f"port {port} of {HOST} cannot be used: {error.strerror or error}") from error
        self._gate = Gate(self._server.socket.getsockname()[1])
        self.url = self._gate.url
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="page of the workbench", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self) -> None:
        """Wait until it is closed."""
        self._thread.join()

    def close(self) -> None:
        """Serve nothing more."""
        self._outlet.close()
        self._server.shutdown()
        self._thread.join()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request; None goes on to open the socket."""
        path = urlsplit(request.path).path
        headers = {name: request.headers.get(name) or "" for name in ("Host", "Origin", "Cookie")}
        refused = self._gate.refuses(headers, request.path, socket=path == SOCKET)
        if refused is not None:
            return self._response(connection, refused.status, refused.text, "text/plain")
        if path == SOCKET:
            return None
        if self._gate.is_entry(request.path):
            # the token leaves the bar and the history of the browser
            answer = self._response(connection, 303, "", "text/plain")
            answer.headers["Location"] = "/"
            answer.headers["Set-Cookie"] = self._gate.cookie
            return answer
        if path == "/":
            return self._response(connection, 200, PAGE, "text/html")
        name = path.removeprefix("/")
        if name in STATIC:
            text = (files("brokerkit.widgets") / "static" / name).read_text("utf-8")
            return self._response(connection, 200, text, KINDS[name.rpartition(".")[2]])
        return self._response(connection, 404, "There is no such page.\n", "text/plain")

    def _response(self, connection: ServerConnection, status: int, text: str, kind: str) -> Response:
        answer = connection.respond(status, text)
        del answer.headers["Content-Type"]
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Security-Policy": self._gate.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }.items():
            answer.headers[name] = value
        return answer


def served(widget: TopicBrowser | ConnectionChooser, port: int = 0) -> PageServer:
    """Show a widget in a page of its own instead of a notebook.

    Args:
        widget: One that was not shown yet.
        port: The port; 0 takes a free one.

    Raises:
        ConfigError: The library for web sockets is not installed.
        Unavailable: The port cannot be used.
    """
    outlet = SocketOutlet()
    widget._show_at(outlet)
    return PageServer(outlet, port)


_log = logging.getLogger("brokerkit.page")
# each refused request would be a line on the terminal
_log.addHandler(logging.NullHandler())
_log.propagate = False
