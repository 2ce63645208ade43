"""The widget to find messages by clicking: ``s.browse()``."""

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
"""Seconds that the page without a kernel waits for a running read."""


class TopicBrowser(BrowserModel, Displayed):
    """A widget with the topics, the messages of one topic, and the selected message.

    Made by `Session.browse`.

    Set `query`, `selected`, `columns` and `sort` to move the widget. Use `frame`, `selected` and `query` in
    the next cell; `call` is the Python that returns the same rows. The browser reads in threads of its own,
    which end when its cell is run again or the session is closed.
    """

    _view: BrowserView | None = None

    @property
    def widget(self) -> Any:
        """The widget, to be put beside others.

        Raises:
            ConfigError: The widget libraries are not installed.
        """
        if self._view is None:
            self._view = BrowserView(self)
            self.on_begin, self.on_change = self._view.begin, self._view.show
        return self._view.widget

    @property
    def call(self) -> str:
        """The Python call that returns the rows shown; for a search that was stopped, the rows found."""
        return shown_call(self)

    @property
    def fixed_call(self) -> str:
        """The same call with its ends fixed at offsets, so that it returns these very rows later, too."""
        return fixed_call(self)

    @property
    def message_call(self) -> str:
        """The Python call that returns the message shown."""
        return message_call(self)

    def __repr__(self) -> str:
        topic = "" if self.topic is None else f" at {plain(self.topic, 120)}"
        return f"<TopicBrowser of {self.session.label}{topic}>"

    def _display_(self) -> Any:
        """Return the widget for marimo, which would otherwise show the HTML for a saved notebook."""
        return self.widget.children[0] if panel.available() else None  # boxes of ipywidgets do not work there

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {}
        if panel.available():
            made = self.widget._repr_mimebundle_()
            bundle = dict((made[0] if isinstance(made, tuple) else made) or {})
        for name in ("topics", "search"):
            self._workers[name].wait(FIRST_SCREEN)
        return {**bundle, **super()._repr_mimebundle_()}

    def _repr_html_(self) -> str:
        return page(self)
