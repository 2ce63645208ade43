"""The widget that follows a topic live: ``s.tail("orders")``."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.display.markup import block, heading, lines, table
from brokerkit.display.sanitize import plain

from ..panel import Channel, PanelDisplayed
from ..row_view import VALUE_SHOWN, rows_view
from .calls import tail_call
from .model import TailModel
from .view import TailPanel, TailView

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession


class Tail(PanelDisplayed):
    """A widget with the newest messages of a topic, live, without side effects. Made by `Session.tail`.

    It reads in a thread of its own, keeps the newest `rows` rows in bounded memory (`frame`), continues after
    a restart of the broker, and stops when its cell is run again, the session is closed or the kernel ends.
    `where`, `key`, `decode`, `decode_key`, `paused`, `rows` and `selected` may be set; `notes` says which
    messages were missed and why.
    """

    _leads_to = ("session",)

    def __init__(self, session: DataSession, topic: str, **options: Any) -> None:
        self._model = TailModel(session, topic, **options)
        self._model.owner = weakref.ref(self)

    @property
    def session(self) -> DataSession:
        """The session whose topic is followed."""
        return self._model.session

    @property
    def topic(self) -> str:
        """The topic that is followed."""
        return self._model.topic

    @property
    def frame(self) -> pd.DataFrame:
        """The rows that are kept now, the newest last, as `Session.peek` returns them."""
        return self._model.frame()

    @property
    def selected(self) -> pd.DataFrame:
        """The selected row, as a frame of one row or none.

        Set it to an offset, to (partition, offset), to an id, or to None.
        """
        return self._model.selected()

    @selected.setter
    def selected(self, place: int | str | tuple[int | None, int] | None) -> None:
        self._model.select(place)

    @property
    def notes(self) -> list[str]:
        """Gaps, skipped messages and deleted offsets, as texts. The newest 100."""
        return [note.text for note in self._model.kept.notes()]

    @property
    def rate(self) -> list[int]:
        """How many messages came in each of the last 120 s, the oldest first, regardless of the filter."""
        return self._model.kept.rate()

    @property
    def read(self) -> int:
        """How many messages were read."""
        return self._model.kept.read

    @property
    def skipped(self) -> int:
        """How many messages were skipped to keep up."""
        return self._model.kept.skipped

    @property
    def status(self) -> str:
        """`following`, `paused`, `waiting` (for the broker, or the topic) or `stopped`."""
        return self._model.status

    @property
    def problem(self) -> BrokerError | None:
        """The error that it waits for to end, or that stopped it; None if there is none."""
        return self._model.problem

    @property
    def running(self) -> bool:
        """Whether it has not been stopped."""
        return self._model.running

    # Attributes that may be set.

    @property
    def paused(self) -> bool:
        """Whether it is paused. Nothing is read then; the number of waiting messages is shown."""
        return self._model.paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._model.pause(value)

    @property
    def where(self) -> Any:
        """A text in the payload, a function of the value, or an Arrow expression; None for all messages."""
        return self._model.where

    @where.setter
    def where(self, value: Any) -> None:
        self._model.use_filter(self.key, value or None)

    @property
    def key(self) -> str | bytes | None:
        """Only messages with exactly this key; None for all messages."""
        return self._model.key

    @key.setter
    def key(self, value: str | bytes | None) -> None:
        self._model.use_filter(value, self.where)

    @property
    def decode(self) -> Any:
        """How values are read, as `Session.peek` takes it; setting it reads the last messages again."""
        return self._model.reading.decode

    @decode.setter
    def decode(self, value: Any) -> None:
        self._model.read_as(decode=value)

    @property
    def decode_key(self) -> Any:
        """How keys are read, likewise."""
        return self._model.reading.decode_key

    @decode_key.setter
    def decode_key(self, value: Any) -> None:
        self._model.read_as(decode_key=value)

    @property
    def rows(self) -> int:
        """How many rows are kept at most."""
        return self._model.kept.rows

    @rows.setter
    def rows(self, value: int) -> None:
        self._model.resize(value)

    def pause(self) -> None:
        """Stop reading for now."""
        self.paused = True

    def resume(self) -> None:
        """Continue where it was paused; messages that are too far behind are skipped, with a note."""
        self.paused = False

    def clear(self) -> None:
        """Drop the rows."""
        self._model.clear()

    def stop(self, why: str = "you stopped it") -> None:
        """Stop for good; the rows stay."""
        self._model.stop(why)

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and wait for the thread."""
        self._model.close(timeout)

    @property
    def call(self) -> str:
        """The Python call that makes the same tail."""
        return tail_call(self._model)

    # Display.

    def _new_view(self) -> TailPanel:
        return TailPanel(self._model, self._outlet)

    def _view_in(self, channel: Channel) -> TailView:
        """Show it in a part of another panel as well."""
        return TailView(self._model, channel)

    def __repr__(self) -> str:
        return f"<Tail of {plain(self.topic, 120)} on {self.session.label}>"

    def _repr_html_(self) -> str:
        """Return the newest rows as HTML for places without a kernel, where nothing updates by itself."""
        first, newest = self._model.kept.newest(10)
        rows = [
            (row["partition"], row["offset"], row["key"], "null" if row["kind"] == "null" else row["value"])
            for row in rows_view(newest, first)
        ]
        return block(
            heading(f"{self.topic} on {self.session.label}, as it was followed"),
            table(["partition", "offset", "key", "value"], rows, width=VALUE_SHOWN),
            lines(self.call),
        )
