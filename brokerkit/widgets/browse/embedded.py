"""The composer and the tail in tabs of the browser: their views speak through the browser's panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from ..protocol.companions import Which

if TYPE_CHECKING:
    from ..compose import Composer
    from ..compose.view import ComposerView
    from ..panel import Panel
    from ..tail import Tail
    from ..tail.view import TailView


class Part:
    """The part of a browser's panel that shows another widget.

    Args:
        panel: The panel of the browser.
        which: The tab.
        number: The number of the widget: another one in the same tab has another number.
        on_unsent: Called when a composer has something that was not sent, or nothing any more.
    """

    def __init__(self, panel: Panel, which: Which, number: int, on_unsent: Callable[[], None]) -> None:
        self._panel, self._which, self.number = panel, which, number
        self._on_unsent, self._unsent = on_unsent, False
        self._ended = False

    @property
    def attended(self) -> bool:
        """Whether there has been a viewer lately, as far as is known."""
        return self._panel.attended and not self._ended

    def in_turn(self) -> AbstractContextManager[None]:
        """Let other threads wait: what is computed inside is shown before anything newer is."""
        return self._panel.in_turn()

    def show(self, state: Callable[[], Mapping[str, object]]) -> None:
        """Show the state that a function returns now."""
        with self.in_turn():
            if not self.attended:
                return
            shown = state()
            self._say({"type": "companion", "state": shown})
            unsent, self._unsent = self._unsent, bool(shown.get("unsent"))
            if unsent != self._unsent:
                self._on_unsent()

    def send(self, message: Mapping[str, object]) -> None:
        """Send a message to the browser once."""
        self._say({"type": "said", "message": message})

    def open(self) -> None:
        """Open the tab."""
        self._say({"type": "opened"})

    def end(self) -> None:
        """Show nothing more: another widget is in its tab."""
        with self.in_turn():
            self._ended = True

    def _say(self, message: dict[str, Any]) -> None:
        with self.in_turn():
            if not self._ended:
                self._panel.send({**message, "which": self._which, "number": self.number})


class Parts:
    """The views of the composer and the tail in a browser's panel, each made when it is first shown."""

    def __init__(self, panel: Panel, on_unsent: Callable[[], None]) -> None:
        self._panel, self._on_unsent = panel, on_unsent
        self._shown: dict[object, _Shown] = {}
        self._numbers = 0

    def show(self, composer: Composer | None, tail: Tail | None) -> None:
        """Show these, and open the tab of one that is new."""
        self._show("compose", composer)
        self._show("live", tail)

    def _show(self, which: Which, widget: Composer | Tail | None) -> None:
        known = self._shown.get(which)
        if known is not None and known.widget is not widget:
            del self._shown[which]
            known.part.end()
            known.view.close()
            known = None
        if known is None and widget is not None:
            self._add(which, widget)

    def _add(self, which: Which, widget: Composer | Tail) -> None:
        self._numbers += 1
        part = Part(self._panel, which, self._numbers, self._on_unsent)
        view = widget._view_in(part)
        self._shown[which] = _Shown(widget, part, view)
        view.receive({"type": "hello"})
        part.open()

    def greet(self) -> None:
        """Show all of both to a new viewer."""
        for known in list(self._shown.values()):
            known.view.receive({"type": "hello"})

    def receive(self, which: object, number: object, message: object) -> None:
        """Pass on what the view of one of them says; what was meant for a replaced one is dropped."""
        known = self._shown.get(which) if isinstance(which, str) else None
        if known is None or number != known.part.number:
            return
        if isinstance(message, dict) and isinstance(message.get("type"), str):
            known.view.receive(message)


class _Shown(NamedTuple):
    widget: Composer | Tail
    part: Part
    view: ComposerView | TailView
