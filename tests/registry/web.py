"""A small HTTP server whose answers a test writes: the registries that a real one is not, and the hostile ones."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self


class Web:
    """Answers by path. An answer is what is sent as JSON, or a function that writes it to the handler.

    Attributes:
        asked: The paths that were asked for, with their queries.
        headers: The headers of the last request.
    """

    def __init__(
        self, answers: dict[str, Any], *, certificate: Path | None = None, authority: Path | None = None
    ) -> None:
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append(self.path)
                web.headers = dict(self.headers)
                answer = answers.get(self.path, (404, {"error_code": 40403, "message": "not here"}))
                if callable(answer):
                    answer(self)
                else:
                    status, content = answer if isinstance(answer, tuple) else (200, answer)
                    respond(self, status, json.dumps(content).encode())

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            if authority is not None:
                context.load_verify_locations(authority)
                context.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


Write = Callable[[BaseHTTPRequestHandler], None]


def respond(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Send a complete answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def body(data: bytes, status: int = 200, **headers: str) -> Write:
    """An answer of these bytes."""
    return lambda handler: respond(handler, status, data, **headers)


def trickle(first: bytes, again: bytes, pause: float) -> Write:
    """An answer that never ends: a byte now and then, until the other side has gone."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        gone = threading.Event()
        try:
            handler.wfile.write(first)
            while not gone.wait(pause):
                handler.wfile.write(again)
        except OSError:
            # the client has gone, which is what it should do
            handler.close_connection = True

    return write
