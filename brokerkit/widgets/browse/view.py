"""The browser's panel: the model as a small state and messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import plain

from .. import panel
from ..protocol.browse import BrowseShown, BrowseState, Tab
from ..protocol.messages import Row
from .calls import lag_call, message_call, tab_call
from .change_view import change_view
from .changing import Changing
from .clicks import Clicks
from .embedded import Parts
from .facts_view import facts_view, schema_view, subscriptions_view
from .gaps import gaps_before
from .lag_view import lag_view
from .letters_view import letters_view
from .looking import Looking, number_in
from .resetting import Resetting, reset_view
from .state import newest_on_top, state_of
from .table import PAGE
from .topics import Finding

if TYPE_CHECKING:
    from .model import BrowserModel

SCRIPTS = ["browse.js"]
Back = tuple[str, Callable[[], None]]


class BrowserView:
    """A view of a `BrowserModel` in a panel; any thread may call `show`.

    Args:
        model: The model.
        place: A panel that showed another screen until now; None makes one.
        tab: The tab to show first.
        back: What the button says that leads back to that screen, and what it calls; None for no way back.
        outlet: Where the panel it makes is shown, if not in a notebook.
    """

    def __init__(
        self,
        model: BrowserModel,
        place: panel.Panel | None = None,
        *,
        tab: Tab = "messages",
        back: Back | None = None,
        outlet: panel.Outlet | None = None,
    ) -> None:
        self._model = model
        self.looking = Looking()
        self.resetting = Resetting(model)
        self.changing = Changing(model)
        self.receive = Clicks(model, self, self.looking).receive
        self._first_tab, self._back = tab, back
        self.panel = place or panel.Panel(SCRIPTS, self._state(), self.receive, outlet)
        self._parts = Parts(self.panel, self._show_unsent)
        self.pass_on, self.greet = self._parts.receive, self._parts.greet
        self.send_companions()

    def take_over(self) -> None:
        """Show this view in a panel that showed another screen until now."""
        with self.panel.in_turn():
            self.panel.turn_to(self.receive)
            self.panel.show(self._state)

    def go_back(self) -> None:
        """Show the screen that was shown before, if there was one.

        Raises:
            ConfigError: A change or a reset is carried out now.
        """
        if self.changing.carrying or self.resetting.carrying:
            raise ConfigError("a change is carried out now: wait until it is done, or stop it, to go back")
        if self._back is not None:
            self._back[1]()

    def _state(self) -> BrowseState:
        """Return the state of the browser, with what only this view knows."""
        return {
            **state_of(self._model),
            "first_tab": self._first_tab,
            "back": "" if self._back is None else self._back[0],
        }

    def show(self, *what: str) -> None:
        """Update the panel; `what` names the parts to send as messages."""
        with self.panel.in_turn():
            self.panel.show(self._state)
            for part in what:
                getattr(self, f"send_{part}")()

    def _show_unsent(self) -> None:
        self._model.companions.forget_asked()
        self.show()

    def begin(self) -> None:
        """Show the rows of a new query from the top."""
        self.looking.rows = 0, self.looking.rows[1]

    def turned(self, place: int) -> int:
        """Return the place in the table of a place in the view, and back: the newest may be on top."""
        rows = self._model.rows.snapshot()
        return len(rows.result) - 1 - place if newest_on_top(self._model, rows) else place

    # Sending.

    def send(self, message: BrowseShown) -> None:
        self.panel.send(message)

    def send_topics(self) -> None:
        find = self.looking.find
        shown = self._model.topics.part(
            Finding.of(find),
            self.looking.branches,
            number_in(find, "first"),
            min(PAGE, number_in(find, "count", 60)),
            self._model.topic,
        )
        self.send({**shown, "asked": find.get("asked")})

    def send_rows(self) -> None:
        first, count = self.looking.rows
        shown = self._model.rows.snapshot()
        total = len(shown.result)
        first = max(0, min(first, total - 1))
        count = min(count, total - first)
        turned = newest_on_top(self._model, shown)
        begin = total - first - count if turned else first
        found = shown.result.page(begin, count, shown.columns, self._model.rows.builder)
        query, unseen = self._model.query, self._model.session.capabilities.unseen
        unordered = shown.result.sort is None
        gaps = gaps_before(query if unordered else None, unseen, shown.result.rows, begin, count)
        rows: list[Row] = []
        for identity, row in reversed(found) if turned else found:
            row["marked"] = identity in shown.marked
            row["gap"] = gaps.get(row["place"], "")
            row["place"] = total - 1 - row["place"] if turned else row["place"]
            rows.append(row)
        self.send(
            {
                "type": "rows",
                "first": first,
                "total": total,
                "version": shown.version,
                "rows": rows,
                "columns": [plain(name, 80) for name in shown.columns],
                "numeric": shown.result.numeric(shown.columns),
                "usual": self._model.rows.chosen_columns is None,
            }
        )

    def send_selection(self) -> None:
        place = self._model.rows.snapshot().place
        self.send(
            {
                "type": "selection",
                "place": None if place is None else self.turned(place),
                "turn": self.looking.turn,
            }
        )
        self.send_rows()

    def send_detail(self) -> None:
        message, look = self._model.rows.message, self.looking
        self.send(
            {
                "type": "detail",
                "message": None if message is None else message.view(look.form),
                "call": "" if message is None else message_call(self._model),
            }
        )

    def send_payload(self, first: int, path: list[int] | None) -> None:
        """Send a part of the payload of the message that is shown, and of no other one."""
        with self.panel.in_turn():
            message, look = self._model.rows.message, self.looking
            if message is None:
                return
            try:
                part = message.part(look.form or "text", first=first, path=path)
            except IndexError:
                return
            self.send({"type": "payload", "payload": part})

    def send_histogram(self) -> None:
        found = self._model.facts.histogram
        self.send({"type": "histogram", "histogram": None if found is None else found.view()})

    def send_companions(self) -> None:
        self._parts.show(self._model.companions.composer, self._model.companions.tail)

    def send_description(self) -> None:
        described = self._model.facts.description
        self.send(
            {
                "type": "described",
                "topic": None if described is None else facts_view(described),
                "problem": plain(self._model.facts.problem, 400),
            }
        )

    def send_subscriptions(self) -> None:
        self.resetting.forget()
        self.send(subscriptions_view(self._model.facts.readers))
        self.send_reset()
        self.send_call()

    def send_reset(self) -> None:
        self.send(reset_view(self._model, self.resetting))

    def send_lag(self) -> None:
        self.send(lag_view(self._model.facts.lag, lag_call(self._model)))

    def send_letters(self) -> None:
        self.send(letters_view(self._model))
        self.send_call()

    def send_change(self) -> None:
        self.send({"type": "change", "change": change_view(self._model, self.changing.shown)})
        self.send_call()

    def send_schema(self) -> None:
        self.send(schema_view(self._model.facts.schema))
        self.send_call()

    def send_call(self) -> None:
        tab, change = self.looking.tab, self.changing.shown
        call = tab_call(self._model, tab)
        if tab == "letters" and change is not None and change.order.of == "letters":
            call = change.order.call(done=change.finished)
        self.send({"type": "call", "tab": tab, "call": call})
