"""The widget that watches all topics: ``s.dashboard()``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.display.markup import block, heading, lines, table

from ..browse import TopicBrowser
from ..panel import FIRST_SCREEN, PanelDisplayed
from ..protocol.browse import Tab
from .model import DashboardModel
from .summary import topic_looks
from .view import DashboardView, call_of

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession

ROWS = 20
COLUMNS = {
    "topic": "string",
    "in_rate": "Float64",
    "out_rate": "Float64",
    "backlog": "Int64",
    "oldest_unread": "datetime64[us, UTC]",
    "dead_letters": "Int64",
    "slowest": "string",
    "messages": "Int64",
    "bytes": "Int64",
}


class Dashboard(PanelDisplayed):
    """A widget with all topics: their rates, backlogs, dead letters and slowest readers, again and again.

    Made by `Session.dashboard`.

    It looks in a thread of its own, while the widget can be seen, until it is stopped, its cell is run
    again or the session is closed. What it remembers is bounded: 120 looks of at most 2,000 topics.
    """

    _view: DashboardView | None = None
    _leads_to = ("browser",)

    def __init__(self, session: DataSession, every: float | str = 5.0) -> None:
        self._model = DashboardModel(session, every)
        self._browser: TopicBrowser | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The topics with what is known of them now, those with most traffic first.

        The columns are ``topic``, ``in_rate`` and ``out_rate`` (messages a second), ``backlog`` (the largest
        lag), ``oldest_unread``, ``dead_letters``, ``slowest``, ``messages`` and ``bytes``.
        """
        import pandas as pd

        found = pd.DataFrame([each.record() for each in topic_looks(self._model.looks)], columns=[*COLUMNS])
        oldest = pd.to_datetime(found["oldest_unread"].astype("Int64"), unit="us", utc=True)
        return found.assign(oldest_unread=oldest).astype(COLUMNS)

    @property
    def running(self) -> bool:
        """Whether it looks again and again."""
        return self._model.running and not self._model.paused

    @property
    def problem(self) -> BrokerError | None:
        """Why the last look failed; None if it did not."""
        return self._model.problem

    @property
    def browser(self) -> TopicBrowser | None:
        """The workbench that is shown in its place; None for none."""
        return self._browser

    @property
    def call(self) -> str:
        """The Python call that makes the same dashboard."""
        return call_of(self._model)

    def refresh(self) -> None:
        """Look now; after `stop`, begin again."""
        self._model.look_again()

    def pause(self) -> None:
        """Look no more, until `resume`."""
        self._model.pause(True)

    def resume(self) -> None:
        """Look again."""
        self._model.pause(False)

    def stop(self) -> None:
        """Look no more; what was found stays."""
        self._model.stop()

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and wait for the thread."""
        self._model.close(timeout)
        if self._browser is not None:
            self._browser.close(timeout)

    def _new_view(self) -> DashboardView:
        return DashboardView(self._model, self._open, self._outlet)

    def _open(self, topic: str, tab: Tab) -> None:
        """Show a topic in the workbench, in the place of the dashboard."""
        if self._view is None:
            return
        self._view.end()
        self._browser = TopicBrowser(self._model.session, topic)
        self._browser._show_in(self._view.panel, tab=tab, back=("Dashboard", self._return))

    def _return(self) -> None:
        """Show the dashboard again."""
        browser, self._browser = self._browser, None
        if browser is not None:
            browser._leave()
        if self._view is not None:
            self._view.begin()

    def __repr__(self) -> str:
        return f"<Dashboard of {self._model.session.label}, {self._model.looks.all:,} topics>"

    def _repr_html_(self) -> str:
        if self._browser is not None:
            return self._browser._repr_html_()
        self._model.looked.wait(FIRST_SCREEN)
        rows = [
            [each["topic"], _number(each["backlog"]), _number(each["dead_letters"]), each["slowest"] or ""]
            for each in (look.record() for look in topic_looks(self._model.looks)[:ROWS])
        ]
        listed = table(["topic", "backlog", "dead letters", "slowest"], rows) if rows else ""
        title = f"{self._model.session.label}, as it was watched"
        return block(heading(title), listed, lines(self.call))


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
