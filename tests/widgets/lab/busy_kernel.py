"""A kernel that is busy, or far away, for as long as a test likes: what is said meanwhile waits."""

from __future__ import annotations

import json
import threading
from typing import Any

from playwright.sync_api import Page

from brokerkit.testing.waiting import eventually
from brokerkit.widgets.alone.outlet import SocketOutlet


class BusyOutlet(SocketOutlet):
    """An outlet that hands on what a page says in its order, but nothing while it is `busy`."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = False
        self._said: list[str] = []
        self._turn = threading.RLock()

    def _take(self, text: str | bytes) -> None:
        with self._turn:
            if self.busy:
                self._said.append(str(text))
            else:
                super()._take(text)

    def wait_for(self, kind: str, count: int = 1) -> None:
        """Wait until so many messages of a kind wait, also those for a composer or tail."""

        def kinds() -> list[str]:
            said: list[dict[str, Any]] = [json.loads(each) for each in list(self._said)]
            return [str(each.get("message", each).get("type")) for each in said]

        eventually(lambda: kinds().count(kind) >= count, f"{count} of {kind!r} wait")

    def answer_one(self) -> None:
        """Handle the message that has waited longest."""
        with self._turn:
            super()._take(self._said.pop(0))

    def go_on(self) -> None:
        """Handle all that waits, and what follows at once."""
        with self._turn:
            while self._said:
                self.answer_one()
            self.busy = False


HOLDING = """(() => {
    const Plain = window.WebSocket;
    const waiting = [];
    window.line = {
        held: false,
        letGo() {
            this.held = false;
            for (const [handler, event] of waiting.splice(0)) handler(event);
        },
    };
    window.WebSocket = class extends Plain {
        set onmessage(handler) {
            super.onmessage = (event) => {
                if (window.line.held) waiting.push([handler, event]);
                else handler(event);
            };
        }
    };
})();"""


class SlowLine:
    """The line from the kernel to JupyterLab: what the kernel says waits while it is held.

    Playwright's own routes of web sockets lose the protocol that JupyterLab and its server agree on.
    """

    def attend(self, page: Page) -> None:
        """Stand between a page and its kernel, before the page loads anything."""
        self._page = page
        page.add_init_script(HOLDING)

    def hold(self) -> None:
        """Let what the kernel says wait."""
        self._page.evaluate("() => { window.line.held = true; }")

    def let_go(self) -> None:
        """Hand on all that waits, and what follows at once."""
        self._page.evaluate("() => window.line.letGo()")
