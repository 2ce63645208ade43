"""The widget to write, check and send messages: ``s.compose("orders")``."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.display.markup import block, bullets, heading, lines, pairs
from brokerkit.display.sanitize import plain
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.outcome import OutcomeFrame

from ..panel import FIRST_SCREEN, Channel, PanelDisplayed
from .bulk.page import page
from .bulk.view import bulk_shown
from .calls import composer_call
from .checks import Problem
from .model import ComposerModel
from .view import ComposerPanel, ComposerView, planned, verdict_of

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession


class Composer(PanelDisplayed):
    """A widget with one message, or those of a frame or file, to check and send. Made by `Session.compose`.

    With `rows` (a file, a frame, or what `brokerkit.read_rows` returns) or ``many=True`` it shows what
    columns become, the bad lines, and sends the rest in the background, at most `rate` a second.

    `value`, `key`, `attributes`, `topic`, `to`, `row`, `json` and `schema` may be set. `dry_run` shows
    exactly what would be sent, `send` sends it, and `outcome` has the receipts.

    Messages that were read keep their partition and time as in `publish_frame`, with the same `partitions`
    and `times`. `partition` and `publish_time` (a datetime or ISO text) are for a message that starts with
    `value`.
    """

    _leads_to = ("session", "to")

    def __init__(self, session: DataSession, topic: str, **options: Any) -> None:
        self._model = ComposerModel(session, topic, **options)
        self._model.owner = weakref.ref(self)

    def __len__(self) -> int:
        return len(self._model)

    @property
    def session(self) -> DataSession:
        """The session that made it."""
        return self._model.session

    # Attributes that may be set.

    @property
    def message(self) -> OutboundMessage:
        """The message of the row shown. Getting it raises the error that keeps it from being a message.

        A message that is set without a partition or time takes those of the row.
        """
        return self._model.message

    @message.setter
    def message(self, message: OutboundMessage) -> None:
        self._model.put(message)

    @property
    def value(self) -> bytes | None:
        """The payload. Set it to a dict or list (as JSON), str, bytes or None."""
        return self.message.data

    @value.setter
    def value(self, value: Any) -> None:
        self._model.edit(data=value)

    @property
    def text(self) -> str | None:
        """The text that the payload was decoded to, such as JSON; None if it is the payload itself.

        Set it to edit the message: it is encoded in the format and with the schema of its row. Raises
        ConfigError with the path of the field that does not fit.
        """
        return self._model.text

    @text.setter
    def text(self, text: str) -> None:
        self._model.edit_text(text)

    @property
    def key(self) -> bytes | None:
        return self.message.key

    @key.setter
    def key(self, key: str | bytes | None) -> None:
        self._model.edit(key=key)

    @property
    def attributes(self) -> Attributes:
        return self.message.attributes

    @attributes.setter
    def attributes(self, attributes: Any) -> None:
        self._model.edit(attributes=attributes)

    @property
    def topic(self) -> str:
        """The topic to publish to."""
        return self._model.topic

    @topic.setter
    def topic(self, topic: str) -> None:
        self._model.publish_to(self.to, topic)

    @property
    def to(self) -> DataSession:
        """The session to publish to."""
        return self._model.to

    @to.setter
    def to(self, session: DataSession) -> None:
        self._model.publish_to(session, self.topic)

    @property
    def row(self) -> int:
        """Which message is shown, counted from 0."""
        return self._model.row

    @row.setter
    def row(self, row: int) -> None:
        self._model.show_row(row)

    @property
    def json(self) -> bool | None:
        """Whether values must be JSON. None checks those that look like JSON, as a warning only."""
        return self._model.json

    @json.setter
    def json(self, value: bool | None) -> None:
        self._model.check_json(value)

    @property
    def schema(self) -> Any:
        """The JSON Schema that values must satisfy."""
        return self._model.schema

    @schema.setter
    def schema(self, schema: Any) -> None:
        self._model.check_schema(schema)

    @property
    def frame(self) -> Any:
        """The frame that its messages are from, as it was given; None if they are from elsewhere."""
        return self._model.frame

    # Checking and sending.

    @property
    def problems(self) -> list[Problem]:
        """The problems of the message shown."""
        return self._model.problems()

    def dry_run(self) -> pd.DataFrame:
        """Return exactly the messages that `send` would send, and the errors of the other rows."""
        return self._model.dry_run()

    def send(self, *, confirm: str | None = None, timeout: float | None = None) -> OutcomeFrame:
        """Send every message that has no error, and return one receipt per message.

        Args:
            confirm: The topic's name, if the session is marked as production.
            timeout: Seconds to wait for the confirmations; None is 30.

        Raises:
            NotSupported: The session is read-only.
        """
        return self._model.send(confirm=confirm, timeout=timeout)

    @property
    def outcome(self) -> OutcomeFrame | None:
        """The receipts of the last `send`, or of the rows of a file; None before the first."""
        return self._model.bulk.now.outcome if self._model.many else self._model.outcome

    @property
    def rows(self) -> MappedRows | None:
        """The rows of a file or a frame, as they are mapped; None if there are none."""
        now = self._model.bulk.now
        return now.rows if now.checked is None else now.checked.rows

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no rows are read, checked or sent in the background; return whether that is so."""
        return self._model.bulk.wait(timeout)

    @property
    def call(self) -> str:
        """The Python call that makes a composer of the same state."""
        return composer_call(self._model)

    # Display.

    def _new_view(self) -> ComposerPanel:
        return ComposerPanel(self._model, self._outlet)

    def _view_in(self, channel: Channel) -> ComposerView:
        """Show it in a part of another panel as well."""
        return ComposerView(self._model, channel)

    @property
    def unsent(self) -> bool:
        """Whether it was edited, or sending it failed, and not all of it was confirmed since."""
        return self._model.unsent or self._model.bulk.unsent

    def _title(self) -> str:
        if self._model.many:
            rows = self.rows
            what = "a file to be chosen" if rows is None else f"{len(rows):,} rows"
            return f"Composer of {what} to {plain(self.topic, 120)} on {self.to.label}"
        many = f"{len(self):,} messages" if len(self) > 1 else "a message"
        return f"Composer of {many} to {plain(self.topic, 120)} on {self.to.label}"

    def __repr__(self) -> str:
        return f"<{self._title()}>"

    def _repr_html_(self) -> str:
        if self._model.many:
            self.wait(FIRST_SCREEN)
            return block(heading(self._title()), page(bulk_shown(self._model)), lines(self.call))
        item = self._model.item
        shown = (
            {}
            if isinstance(item, BrokerError)
            else planned({"key": item.key, "value": item.data, "attributes": list(item.attributes)})
        )
        return block(
            heading(self._title()),
            pairs(shown),
            bullets([each.text for each in self.problems] or [verdict_of(self._model)]),
            lines(self.call),
        )
