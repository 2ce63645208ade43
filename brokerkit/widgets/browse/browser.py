"""Finding messages by clicking: ``s.browse()``."""

from __future__ import annotations

from typing import Any

from brokerkit.display.markup import Displayed
from brokerkit.display.sanitize import plain

from .. import panel
from .calls import fixed_call, message_call, shown_call
from .model import BrowserModel
from .page import page
from .view import BrowserView

FIRST_SCREEN = 0.5
"""Seconds for which what is shown without a kernel waits for a read that is under way."""


class TopicBrowser(BrowserModel, Displayed):
    """Topics, the messages of one, and the message chosen. Made by `Session.browse`.

    `query`, `selected`, `columns` and `sort` may be set, and move the widget; `frame`, `selected`
    and `query` hand what it shows to the next cell, `call` is the Python that gives the same rows.
    It reads in threads of its own, which end when its cell is run again or the session is closed.
    """

    _view: BrowserView | None = None

    @property
    def widget(self) -> Any:
        """The widget, to be put beside others. Raises ConfigError where the libraries are missing."""
        if self._view is None:
            self._view = BrowserView(self)
            self.on_begin, self.on_change = self._view.begin, self._view.show
        return self._view.widget

    @property
    def call(self) -> str:
        """The Python call that gives the rows that are shown; of a search that was stopped, those found."""
        return shown_call(self)

    @property
    def fixed_call(self) -> str:
        """The same with its ends fixed at offsets, so that it gives these very rows later, too."""
        return fixed_call(self)

    @property
    def message_call(self) -> str:
        """The Python call that gives the message that is looked at."""
        return message_call(self)

    def __repr__(self) -> str:
        topic = "" if self.topic is None else f" at {plain(self.topic, 120)}"
        return f"<TopicBrowser of {self.session.label}{topic}>"

    def _display_(self) -> Any:
        """What marimo shows, which would take the HTML for a saved notebook otherwise."""
        return self.widget.children[0] if panel.available() else None  # boxes of ipywidgets are dead there

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {}
        if panel.available():
            made = self.widget._repr_mimebundle_()
            bundle = dict((made[0] if isinstance(made, tuple) else made) or {})
        for name in ("topics", "search"):
            self._lanes[name].wait(FIRST_SCREEN)
        return {**bundle, **super()._repr_mimebundle_()}

    def _repr_html_(self) -> str:
        return page(self)
