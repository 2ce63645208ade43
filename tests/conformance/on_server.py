"""A harness for one of the servers that the tests start."""

from __future__ import annotations

from brokerkit.sandbox.server import Server
from brokerkit.testing import Harness


class ServerHarness(Harness):
    """Breaks and mends that server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def kill(self) -> None:
        self._server.kill()

    def restart(self) -> None:
        self._server.restart()

    def pause(self) -> None:
        self._server.pause()

    def resume(self) -> None:
        self._server.resume()
