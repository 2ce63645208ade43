"""The composer and the tail in tabs of the browser: their views speak through the browser's panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..protocol.companions import Which

if TYPE_CHECKING:
    from ..compose import Composer
    from ..panel import Panel
    from ..tail import Tail


class Part:
    """The part of a browser's panel that shows another widget.

    Args:
        panel: The panel of the browser.
        which: The tab.
        number: The number of the widget: another one in the same tab has another number.
    """

    def __init__(self, panel: Panel, which: Which, number: int) -> None:
        self._panel, self._which, self._number = panel, which, number

    @property
    def attended(self) -> bool:
        """Whether there has been a viewer lately, as far as is known."""
        return self._panel.attended

    def in_turn(self) -> AbstractContextManager[None]:
        """Let other threads wait: what is computed inside is shown before anything newer is."""
        return self._panel.in_turn()

    def show(self, state: Callable[[], Mapping[str, object]]) -> None:
        """Show the state that a function returns now."""
        with self.in_turn():
            if self.attended:
                self._say({"type": "companion", "state": state()})

    def send(self, message: Mapping[str, object]) -> None:
        """Send a message to the browser once."""
        self._say({"type": "said", "message": message})

    def open(self) -> None:
        """Open the tab."""
        self._say({"type": "opened"})

    def _say(self, message: dict[str, Any]) -> None:
        self._panel.send({**message, "which": self._which, "number": self._number})


class Parts:
    """The views of the composer and the tail in a browser's panel, each made when it is first shown."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._shown: dict[object, tuple[Composer | Tail, Part, Callable[[Any], None]]] = {}
        self._numbers = 0

    def show(self, composer: Composer | None, tail: Tail | None) -> None:
        """Show these, and open the tab of one that is new."""
        self._show("compose", composer)
        self._show("live", tail)

    def _show(self, which: Which, widget: Composer | Tail | None) -> None:
        known = self._shown.get(which)
        if widget is None:
            self._shown.pop(which, None)
        elif known is None or known[0] is not widget:
            self._add(which, widget)

    def _add(self, which: Which, widget: Composer | Tail) -> None:
        self._numbers += 1
        part = Part(self._panel, which, self._numbers)
        view = widget._view_in(part)
        self._shown[which] = widget, part, view.receive
        view.receive({"type": "hello"})
        part.open()

    def receive(self, which: object, message: object) -> None:
        """Pass on what the view of one of them says."""
        known = self._shown.get(which) if isinstance(which, str) else None
        if known is not None and isinstance(message, dict) and isinstance(message.get("type"), str):
            known[2](message)
