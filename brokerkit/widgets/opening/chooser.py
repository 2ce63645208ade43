"""The widget to open a broker by clicking: ``bk.open()``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.display.markup import block, heading, lines, table

from ..browse import TopicBrowser
from ..panel import PanelDisplayed
from .model import Connect, OpeningModel
from .view import OpeningView

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


class ConnectionChooser(PanelDisplayed):
    """A widget with the saved connections, a form for a new one, and private servers to look around in.

    Made by `open`. Choosing one shows the workbench in its place; `session` and `browser` are then those
    of the choice, for the next cell.
    """

    _view: OpeningView | None = None
    _leads_to = ("session", "browser")

    def __init__(self, connect: Connect) -> None:
        self._model = OpeningModel(connect, self._take)
        self._browser: TopicBrowser | None = None

    @property
    def session(self) -> DataSession | None:
        """The session that was opened; None before that. It is open until you close it."""
        return None if self._browser is None else self._browser.session

    @property
    def browser(self) -> TopicBrowser | None:
        """The workbench that is shown; None before something was opened."""
        return self._browser

    @property
    def call(self) -> str:
        """The Python call that opens what was typed or chosen last."""
        return self._model.call

    @property
    def problem(self) -> str:
        """Why something could not be opened, saved or listed; empty if nothing failed."""
        return self._model.problem

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being checked or opened; return whether that is so."""
        return self._model.wait(timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and wait for the threads. The session stays open."""
        self._model.stop()
        if self._browser is not None:
            self._browser.close(timeout)

    def _new_view(self) -> OpeningView:
        return OpeningView(self._model, self._outlet)

    def _take(self, session: DataSession) -> None:
        """Show the workbench of a session."""
        self._browser = TopicBrowser(session)
        if self._view is not None:
            self._view.end()
            self._browser._show_in(self._view.panel, back=("Connections", self._return))

    def _return(self) -> None:
        """Show the connections again; the session stays open."""
        if self._browser is not None:
            self._browser._leave()
        if self._view is not None:
            self._view.begin()

    def __repr__(self) -> str:
        if self._browser is not None:
            return f"<ConnectionChooser with {self._browser.session.label}>"
        return f"<ConnectionChooser of {len(self._model.lines)} saved connections>"

    def _repr_html_(self) -> str:
        if self._browser is not None:
            return self._browser._repr_html_()
        rows = [[each["name"], each["system"], each["address"]] for each in self._model.lines]
        listed = table(["name", "system", "address"], rows) if rows else ""
        return block(heading("Saved connections"), listed, lines(self._model.code))
