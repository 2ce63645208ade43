"""The first screen in a panel, which shows the workbench once something was chosen."""

from __future__ import annotations

from typing import Any

from brokerkit.display.sanitize import plain, plain_lines

from ..browse.view import SCRIPTS
from ..panel import Outlet, Panel
from ..protocol.opening import OpeningState
from .listed import sandbox_choices, system_choices
from .model import OpeningModel
from .typed import TypedConnection


class OpeningView:
    """A view of an `OpeningModel`."""

    def __init__(self, model: OpeningModel, outlet: Outlet | None = None) -> None:
        self._model = model
        self.panel = Panel(SCRIPTS, state_of(model), self.receive, outlet)
        self.begin()

    def begin(self) -> None:
        """Show the first screen, in place of another one."""
        self.panel.turn_to(self.receive)
        self._model.on_change = self.show
        self._model.load()

    def show(self) -> None:
        """Show the state."""
        self.panel.show(lambda: state_of(self._model))

    def end(self) -> None:
        """Leave the panel to another screen."""
        self._model.on_change = None

    def receive(self, message: dict[str, Any]) -> None:
        """Handle a message of the view."""
        model, kind, name = self._model, message["type"], message.get("name")
        typed = TypedConnection.read(message.get("form"))
        if kind == "hello":
            model.load()
        elif kind == "check":
            model.check(typed, connecting=message.get("connecting") is True)
        elif kind == "connect":
            model.open_typed(typed)
        elif kind == "save" and isinstance(name, str):
            model.save(typed, name.strip())
        elif kind == "open" and any(name == line["name"] for line in model.lines):
            model.open_saved(str(name))
        elif kind == "delete" and any(name == line["name"] for line in model.lines):
            model.delete(str(name))
        elif kind == "show" and any(name == line["name"] for line in model.lines):
            model.show(str(name))
        elif kind == "sandbox" and any(name == each["name"] for each in sandbox_choices()):
            model.open_sandbox(str(name))


def state_of(model: OpeningModel) -> OpeningState:
    """Return what the first screen shows."""
    return {
        "screen": "open",
        "connections": model.lines,
        "systems": system_choices(),
        "sandboxes": sandbox_choices(),
        "steps": [
            {
                "name": each.name,
                "status": each.status,
                "detail": plain(each.detail, 400),
                "mend": plain(each.mend, 80),
            }
            for each in model.steps
        ],
        "checking": model.checking,
        "wrong": plain(model.wrong, 300),
        "opening": plain(model.opening, 120),
        "saved": plain(model.saved, 80),
        "problem": plain(model.problem, 600),
        "call": plain_lines(model.call),
        "code": model.code,
    }
