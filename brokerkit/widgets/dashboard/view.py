"""A dashboard in a panel, which shows the workbench once a topic was chosen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import plain

from ..browse.view import SCRIPTS
from ..call_text import call_text, variable_of
from ..moments import milliseconds_of
from ..panel import Outlet, Panel
from ..protocol.browse import Tab
from ..protocol.dashboard import DashboardState, RatesShown
from .looks import Looks
from .model import DashboardModel
from .summary import concerns, figures, line_of, topic_looks

MOST_ROWS = 200
"""So many topics are shown; the others are found by their names."""


class DashboardView:
    """A view of a `DashboardModel`.

    Args:
        model: The model.
        opened: Called with the name of a topic and the tab to open it in.
        outlet: Where it is shown, if not as a widget of a notebook.
    """

    def __init__(
        self, model: DashboardModel, opened: Callable[[str, Tab], None], outlet: Outlet | None = None
    ) -> None:
        self._model, self._opened = model, opened
        self._text, self._all = "", False
        self.panel = Panel(SCRIPTS, state_of(model), self.receive, outlet)
        self.begin()

    def begin(self) -> None:
        """Show the dashboard, in place of another screen."""
        model = self._model
        self.panel.turn_to(self.receive)
        model.on_change = self.show
        model.attended = lambda: self.panel.attended and model.on_change is not None
        model.look_again()

    def end(self) -> None:
        """Leave the panel to another screen; nothing is looked at meanwhile."""
        self._model.on_change = None

    def show(self) -> None:
        """Show the state and the topics."""
        with self.panel.in_turn():
            self.panel.show(lambda: state_of(self._model))
            self.panel.send(self._rates())

    def receive(self, message: dict[str, Any]) -> None:
        """Handle a message of the view."""
        model, kind = self._model, message["type"]
        if kind == "hello":
            self.show()
        elif kind in ("pause", "resume"):
            model.pause(kind == "pause")
        elif kind == "stop":
            model.stop()
        elif kind == "refresh":
            model.look_again()
        elif kind == "every":
            try:
                model.look_again(message.get("seconds", 0))
            except ConfigError as error:
                model.problem = error
                model.tell()
        elif kind == "find":
            self._text, self._all = str(message.get("text", "")), message.get("all") is True
            self.panel.send(self._rates())
        elif kind == "topic":
            name = next(
                (name for name, each in model.looks.topics.items() if each.number == message.get("n")), None
            )
            tab: Tab = next((each for each in get_args(Tab) if each == message.get("tab")), "messages")
            if name is not None:
                self._opened(name, tab)

    def _rates(self) -> RatesShown:
        looks, now = topic_looks(self._model.looks), datetime.now(UTC)
        busy = [each for each in looks if each.busy]
        words = self._text.lower().split()
        found = [
            each
            for each in (looks if self._all or words else busy)
            if all(word in each.name.lower() for word in words)
        ]
        return {
            "type": "rates",
            "rows": [line_of(each, now) for each in found[:MOST_ROWS]],
            "total": len(found),
            "busy": len(busy),
            "all": self._model.looks.all,
        }


def state_of(model: DashboardModel) -> DashboardState:
    """Return what a dashboard shows besides its topics."""
    looks = model.looks
    found = topic_looks(looks)
    return {
        "screen": "dashboard",
        "session": plain(model.session.name, 120),
        "marks": model.session.marks,
        "facts": _facts(looks) if looks.at else "",
        "refreshed": f"{looks.at:%H:%M:%S} UTC" if looks.at else "",
        "refreshed_at": milliseconds_of(looks.at),
        "every": model.every,
        "running": model.running,
        "paused": model.paused,
        "closed": model.session.connection.closed,
        "problem": "" if model.problem is None else plain(str(model.problem), 600),
        "figures": figures(looks, found),
        "concerns": concerns(looks, found),
        "notes": [plain(each, 300) for each in looks.notes],
        "call": call_of(model),
    }


def _facts(looks: Looks) -> str:
    counts = ((looks.all, "topic"), (len(looks.subscriptions), "subscription"))
    return ", ".join(f"{count:,} {what}{'' if count == 1 else 's'}" for count, what in counts)


def call_of(model: DashboardModel) -> str:
    """Return the Python call that makes the same dashboard."""
    return call_text(f"{variable_of(model.session, 's')}.dashboard", every=f"{model.every:g}s")
