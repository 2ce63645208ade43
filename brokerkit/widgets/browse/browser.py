"""The widget to find messages by clicking: ``s.browse()``."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.display.sanitize import plain

from ..panel import FIRST_SCREEN, Panel, PanelDisplayed
from ..protocol.browse import Tab
from .calls import fixed_call, message_call, shown_call
from .compare import Compared
from .message import MessageView
from .model import BrowserModel
from .page import page
from .query import Query
from .view import Back, BrowserView

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession

    from ..compose import Composer
    from ..tail import Tail


class TopicBrowser(PanelDisplayed):
    """A widget with the topics, the messages of one topic, and the selected message.

    Made by `Session.browse`.

    Set `query`, `selected`, `columns` and `sort` to move the widget. Use `frame`, `selected` and `query` in
    the next cell; `call` is the Python that returns the same rows. The browser reads in threads of its own,
    which end when its cell is run again or the session is closed.
    """

    _view: BrowserView | None = None
    _leads_to = ("session", "composer", "tail", "target")

    def __init__(self, session: DataSession, topic: str | None = None, **options: Any) -> None:
        self._model = BrowserModel(session, topic, **options)
        self._model.owner = weakref.ref(self)

    def _new_view(self) -> BrowserView:
        view = BrowserView(self._model, outlet=self._outlet)
        self._show(view)
        return view

    def _show_in(self, place: Panel, *, tab: Tab = "messages", back: Back | None = None) -> None:
        """Show it in a panel that showed another screen until now; see `BrowserView`."""
        view = BrowserView(self._model, place, tab=tab, back=back)
        self._show(view)
        view.take_over()

    def _leave(self) -> None:
        """Leave the panel to another screen, and stop."""
        self._model.on_begin = self._model.on_change = self._model.on_forget = None
        self._view = None
        self._model.stop("another screen was opened")

    def _show(self, view: BrowserView) -> None:
        self._view = view
        self._model.on_begin, self._model.on_change = view.begin, view.show
        self._model.on_forget = view.changing.forget

    @property
    def session(self) -> DataSession:
        """The session whose topics are shown."""
        return self._model.session

    @property
    def target(self) -> DataSession:
        """The session that chosen messages are to be sent to: its own, unless another one was chosen."""
        return self.session if self._view is None else self._view.changing.target

    # The rows.

    @property
    def query(self) -> Query | None:
        """The arguments of `peek` for the rows; None before a topic is chosen.

        Set it to a `Query`, to a topic's name, or to a dict of the arguments to change.
        """
        return self._model.query

    @query.setter
    def query(self, wanted: Query | str | dict[str, Any]) -> None:
        self._model.ask(Query.of(wanted, self.query))

    @property
    def topic(self) -> str | None:
        """The topic whose messages are shown."""
        return self._model.topic

    @property
    def frame(self) -> pd.DataFrame:
        """The rows, as `call` returns them.

        While they are being read, wait up to 2 s and return those found so far.
        """
        return self._model.frame()

    @property
    def selected(self) -> pd.DataFrame:
        """The selected rows, whole, as a frame; empty if none is selected.

        Set it to an offset, (partition, offset), an id, a list of these, a frame, or None.
        """
        return self._model.as_frame(self._model.rows.selected())

    @selected.setter
    def selected(self, wanted: Any) -> None:
        self._model.settle()
        self._model.select(wanted)

    @property
    def letters(self) -> pd.DataFrame:
        """The chosen dead letters, with the edits, for `redrive`.

        Raises:
            ConfigError: No dead letters were read: their tab was not opened.
        """
        return self._model.letters.chosen().frame

    @property
    def columns(self) -> list[str]:
        """The columns shown. Set it to names, or to None for the usual ones."""
        return self._model.rows.columns

    @columns.setter
    def columns(self, wanted: Sequence[str] | None) -> None:
        self._model.settle()
        self._model.choose_columns(wanted)

    @property
    def sort(self) -> tuple[str, bool] | None:
        """The column that orders the rows, and whether ascending; None orders them as `peek` does."""
        return self._model.rows.result.sort

    @sort.setter
    def sort(self, wanted: str | tuple[str, bool] | None) -> None:
        self._model.settle()
        self._model.sort_by(wanted)

    # One message, or two.

    @property
    def message(self) -> MessageView | None:
        """The message shown, in full."""
        return self._model.rows.message

    @property
    def compared(self) -> list[Compared]:
        """The first two selected rows as they are shown, field by field; empty if fewer are selected."""
        return self._model.compared()

    def step(self, by: int, along: str = "rows", header: str | None = None) -> None:
        """Show the message before (-1) or after (1) the current one.

        `along` is "rows" for the rows found, "partition" for its partition, "key" for the same key in its
        partition, or "header" for the same value of the header with the name `header`, such as a correlation
        id, in its partition; all but the first are found on the broker.
        """
        self._model.step(by, along, header)

    # Other widgets.

    @property
    def composer(self) -> Composer | None:
        """The composer in its tab; None if there is none."""
        return self._model.companions.composer

    @property
    def tail(self) -> Tail | None:
        """The tail in its tab; None if there is none."""
        return self._model.companions.tail

    def compose(self) -> Composer:
        """Return a composer that starts with the selected messages, to edit them and send them again."""
        return self._model.compose()

    def follow(self) -> Tail:
        """Follow the topic live, with the same key and filter."""
        return self._model.follow()

    def put_away(self) -> None:
        """Close the composer and the tail."""
        self._model.put_away()

    # Reading.

    def refresh(self) -> None:
        """Load the topics, and the description of the current one, again."""
        self._model.refresh()

    def go_on(self, more: int = 0) -> None:
        """Continue a search where it stopped, with a limit raised by `more` rows."""
        self._model.go_on(more)

    @property
    def running(self) -> bool:
        """Whether rows are being read now."""
        return self._model.running

    @property
    def problem(self) -> BrokerError | None:
        """The last error; None if there is none."""
        return self._model.problem

    def stop(self, why: str = "you stopped it") -> None:
        """Stop all reading; the rows found so far stay."""
        self._model.stop(why)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being read; return whether that is so."""
        return self._model.wait(timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and wait for the threads."""
        self._model.close(timeout)

    # As Python.

    @property
    def call(self) -> str:
        """The Python call that returns the rows shown; for a search that was stopped, the rows found."""
        return shown_call(self._model)

    @property
    def fixed_call(self) -> str:
        """The same call with its ends fixed at offsets, so that it returns these very rows later, too."""
        return fixed_call(self._model)

    @property
    def message_call(self) -> str:
        """The Python call that returns the message shown."""
        return message_call(self._model)

    # Display.

    def __repr__(self) -> str:
        topic = "" if self.topic is None else f" at {plain(self.topic, 120)}"
        return f"<TopicBrowser of {self.session.label}{topic}>"

    def _repr_html_(self) -> str:
        self._model.wait_for("topics", "search", "fields", timeout=FIRST_SCREEN)
        return page(self._model)
