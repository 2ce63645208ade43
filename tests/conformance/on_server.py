"""A harness for one of the servers that the tests start."""

from __future__ import annotations

import pytest

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


class Impatient:
    """Tests of a system whose failed acknowledgement is reported after a long wait, which is shortened for it."""

    waits: tuple[str, str]
    """The module and the name of the seconds that an acknowledgement waits for its answer."""

    @pytest.fixture(autouse=True)
    def _a_failed_ack_waits_less(
        self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if "conformance_27" in request.node.name:
            module, name = self.waits
            monkeypatch.setattr(f"{module}.{name}", 4.0)
