"""The state of a composer: messages that are written, checked and sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.interrupts import Hold, check_interrupt
from brokerkit.core.vocabulary.messages import OutboundMessage, new_run
from brokerkit.core.vocabulary.outbound_rows import Item
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.display.sanitize import plain
from brokerkit.frames.outbound import Kind
from brokerkit.frames.outcome import OutcomeFrame, outcome_frame
from brokerkit.session.arguments import check_topic
from brokerkit.session.interrupted import Interrupted, outcome_kept
from brokerkit.session.publish.messages import message_of

from ..call_text import LONGEST, Name, call_text, variable_of
from ..confirming import check_confirmed
from ..row_view import bytes_text
from .checks import Problem, problems_of, validator
from .drafts import Drafts, drafts_of_file, drafts_of_frame, drafts_of_message

if TYPE_CHECKING:
    from brokerkit.session.publish.placement import Partitions, Times
    from brokerkit.session.session import DataSession

CHUNK = 1_000
DOUBTFUL = PublishResult("unknown", error=BrokerError("interrupted while it was being published"))


class ComposerModel:
    """One message, or those of a frame or file, to check and send. `Composer` says what its properties mean.

    Attributes:
        owner: Returns the object that a notebook has a variable for, or None.
        on_change: Each is called after each change.
        unsent: Whether it was edited, or sending it failed, and not all of it was confirmed since.
        sent: Whether all of it was confirmed, and nothing was changed since.
        sessions: The sessions that it may publish to.
        said: What the last action did, in words.
        plan: The lines of the last dry run that was shown.
        outcome: The receipts of the last `send`.
    """

    def __init__(
        self,
        session: DataSession,
        topic: str,
        *,
        message: Any = None,
        frame: Any = None,
        file: Any = None,
        value: Any = "",
        key: str | bytes | None = None,
        attributes: Any = None,
        partition: int | None = None,
        publish_time: datetime | str | None = None,
        partitions: Partitions | None = None,
        times: Times | None = None,
        kind: Kind | None = None,
        key_column: str | None = None,
        json: bool | None = None,
        schema: Any = None,
        to: DataSession | None = None,
        sessions: Sequence[DataSession] = (),
    ) -> None:
        if sum(each is not None for each in (message, frame, file)) > 1:
            raise ConfigError("give one of message=, frame= and file=")
        self.owner: Callable[[], object] = lambda: None
        self.on_change: list[Callable[[], None]] = []
        self.session = session
        self._topic = check_topic(topic)
        self.sessions = [session, *(each for each in sessions if each is not session)]
        self._to = session if to is None else self._known(to)
        if message is None and frame is None and file is None:
            moment = _moment(publish_time)
            message = message_of(value, key, attributes, partition, moment)
            self._read = False
        elif partition is not None or publish_time is not None:
            raise ConfigError("partition= and publish_time= are for value=: what is given brings its own")
        else:
            self._read = file is None
        self._drafts = self._begin(message, frame, file, kind, key_column)
        self._asked: dict[str, Any] = {"partitions": partitions, "times": times}
        self._drafts.place(self._to, self._topic, partitions, times)
        self._file = file
        self._row = 0
        self._json = json
        self._schema, self._validate = schema, None if schema is None else validator(schema)
        self._typed_wrong: str | None = None
        self.unsent = self.sent = False
        self.said = ""
        self.plan: list[dict[str, Any]] = []
        self.outcome: OutcomeFrame | None = None

    @staticmethod
    def _begin(message: Any, frame: Any, file: Any, kind: Kind | None, key_column: str | None) -> Drafts:
        if frame is not None:
            made = drafts_of_frame(frame, kind, key_column)
        elif file is not None:
            made = drafts_of_file(file, kind, key_column)
        else:
            return drafts_of_message(message)
        if not len(made):
            raise ConfigError("there is no message in it")
        return made

    def __len__(self) -> int:
        return len(self._drafts)

    # What may be set.

    @property
    def message(self) -> OutboundMessage:
        """The message of the row shown. Getting it raises the error that keeps it from being a message."""
        item = self.item
        if isinstance(item, BrokerError):
            raise item
        return item

    @property
    def item(self) -> Item:
        """The message of the row shown, or the error that keeps it from being one."""
        return self._drafts[self._row]

    def put(self, message: OutboundMessage) -> None:
        """Replace the message of the row shown."""
        self._put(message, None)

    def _put(self, message: OutboundMessage, text: str | None) -> None:
        self._typed_wrong, self.unsent, self.sent = None, True, False
        self._drafts.edits[self._row] = message
        self._drafts.keep_text(self._row, text)
        self._changed(plan_too=True)

    @property
    def text(self) -> str | None:
        """The text that the payload shown was decoded to; None if it is the payload itself."""
        return self._drafts.text(self._row)

    def edit_text(self, text: str) -> None:
        """Replace the decoded text of the message shown: it is encoded as the row was.

        Raises:
            ConfigError: The text is the payload itself, or it does not fit the row's format or schema.
        """
        if self.text is None:
            raise ConfigError("this value was not decoded: set value")
        data = self._drafts.encoded(self._row, text)
        old = self._drafts.unplaced(self._row)
        base = OutboundMessage(b"") if isinstance(old, BrokerError) else old
        made = message_of(data, base.key, base.attributes, base.partition, base.publish_time)
        self._put(made, text)

    def edit(self, **changes: Any) -> None:
        """Replace parts of the message shown: `data`, `key` or `attributes`."""
        old = self._drafts.unplaced(self._row)
        base = OutboundMessage(b"") if isinstance(old, BrokerError) else old
        parts = {"data": base.data, "key": base.key, "attributes": base.attributes} | changes
        place, moment = base.partition, base.publish_time
        text = None if "data" in changes else self.text
        self._put(message_of(parts["data"], parts["key"], parts["attributes"], place, moment), text)

    def refuse_typed(self, why: str) -> None:
        """Note that what was typed is not a message; nothing is sent until it is."""
        self._typed_wrong, self.unsent, self.sent = why, True, False
        self._changed()

    @property
    def topic(self) -> str:
        return self._topic

    def publish_to(self, session: DataSession, topic: str) -> None:
        """Publish to a topic of a session.

        Raises:
            ConfigError: It cannot be published there.
        """
        to, topic = self._known(session), check_topic(topic)
        self._drafts.place(to, topic, **self._asked)
        self._to, self._topic, self.sent = to, topic, False
        self._changed(plan_too=True)

    @property
    def to(self) -> DataSession:
        return self._to

    def _known(self, session: DataSession) -> DataSession:
        """Return a session that it may publish to.

        Raises:
            ConfigError: It is not one of the sessions.
        """
        if not hasattr(session, "shared_publisher"):
            raise ConfigError(f"to= must be a session, not {type(session).__name__}")
        if not any(each is session for each in self.sessions):
            self.sessions.append(session)
        return session

    @property
    def row(self) -> int:
        return self._row

    def show_row(self, row: int) -> None:
        """Show another message, counted from 0."""
        self._drafts[row]
        self._row, self._typed_wrong = row, None
        self._changed()

    @property
    def json(self) -> bool | None:
        return self._json

    def check_json(self, value: bool | None) -> None:
        """Check that values are JSON; see `Composer.json`."""
        self._json = value
        self._changed()

    @property
    def schema(self) -> Any:
        return self._schema

    def check_schema(self, schema: Any) -> None:
        """Check values against a JSON Schema; None for none."""
        self._validate = None if schema is None else validator(schema)
        self._schema = schema
        self._changed()

    def _changed(self, *, plan_too: bool = False) -> None:
        if plan_too:
            self.plan = []
        for show in list(self.on_change):
            show()

    # Checking and sending.

    def problems(self) -> list[Problem]:
        """Return the problems of the message shown."""
        if self._typed_wrong is not None:
            return [Problem("error", self._typed_wrong)]
        return self._problems(self._row, self.item)

    def _problems(self, row: int, item: Item) -> list[Problem]:
        if isinstance(item, BrokerError):
            return [Problem("error", plain(str(item), 300))]
        text = self._drafts.text(row)
        looks = text is None and self._json is None and (item.data or b"").lstrip()[:1] in (b"{", b"[")
        found = problems_of(
            item, self._to.capabilities, json=self._json is True or looks, validate=self._validate, text=text
        )
        if looks and self._validate is None:
            found = [
                Problem("warning", each.text) if each.text.startswith("not JSON") else each for each in found
            ]
        return found + [Problem("warning", plain(each, 300)) for each in self._drafts.differences(row, item)]

    def dry_run(self) -> pd.DataFrame:
        """Return exactly the messages that `send` would send, and the errors of the other rows."""
        lines = []
        for row, item in enumerate(self._drafts.items(0, len(self))):
            wrong = [each.text for each in self._problems(row, item) if each.level == "error"]
            message = None if isinstance(item, BrokerError) else item
            lines.append(
                {
                    "row": row,
                    "session": self._to.name,
                    "topic": self._topic,
                    "key": message and message.key,
                    "value": message and message.data,
                    "attributes": None if message is None else list(message.attributes),
                    "partition": message and message.partition,
                    "publish_time": message and message.publish_time,
                    "bytes": None if message is None or message.data is None else len(message.data),
                    "error": "; ".join(wrong) or None,
                }
            )
        return pd.DataFrame(lines, dtype=object).astype({"row": "int64"})

    def send(self, *, confirm: str | None = None, timeout: float | None = None) -> OutcomeFrame:
        """Send every message that has no error, and return one receipt per message; see `Composer.send`."""
        check_confirmed(self._to, self._topic, confirm, "publish")
        if self._typed_wrong is not None:
            raise ConfigError(self._typed_wrong)
        results: list[PublishResult | None] = []
        send = partial(self._send, results, timeout)
        return outcome_kept(self._to, send, partial(self._interrupted, results))

    def _send(self, results: list[PublishResult | None], timeout: float | None, hold: Hold) -> OutcomeFrame:
        """Send; messages on their way have None in `results` until their outcome is known."""
        hold.begin()
        publisher = self._to.shared_publisher().topic(self._topic)
        for start in range(0, len(self), CHUNK):
            check_interrupt()
            items = self._drafts.items(start, min(start + CHUNK, len(self)))
            errors = [
                [each.text for each in self._problems(row, item) if each.level == "error"]
                for row, item in enumerate(items, start)
            ]
            good = [item for item, wrong in zip(items, errors, strict=True) if not wrong]
            results += [None] * len(items)
            # a message that was read earlier is not the original of this one
            run = new_run() if self._read else None
            named = [item if run is None else item.again(f"{run}-{start + n}") for n, item in enumerate(good)]  # type: ignore[union-attr]  # errors are left out
            sent = iter(publisher.publish_batch(named, timeout=timeout) if named else [])  # type: ignore[arg-type]  # errors are left out
            results[start:] = [
                PublishResult("failed", error=ConfigError("; ".join(wrong))) if wrong else next(sent)
                for wrong in errors
            ]
        outcome = self._receive(results)
        self._changed(plan_too=True)
        return outcome

    def _receive(self, results: Sequence[PublishResult | None]) -> OutcomeFrame:
        """Make these the receipts."""
        self.outcome = outcome_frame(DOUBTFUL if result is None else result for result in results)
        self.sent = self.outcome.counts["confirmed"] == len(self.outcome)
        self.unsent = not self.sent
        counts = self.outcome.counts.items()
        self.said = ", ".join(f"{count:,} {status}" for status, count in counts if count)
        return self.outcome

    def _interrupted(self, results: Sequence[PublishResult | None]) -> Interrupted | None:
        if not results:
            return None
        outcome = self._receive(results)
        return Interrupted(f"sending was interrupted ({self.said}); see composer.outcome", outcome)

    def call(self) -> str:
        """Return the Python call that makes a composer of the same state."""
        place = None if self._to is self.session else variable_of(self._to, "other")
        name = f"{variable_of(self.session, 's')}.compose"
        shared = {"json": self._json, "schema": self._schema, "to": place}
        asked = {name: value for name, value in self._asked.items() if value is not None}
        if len(self) > 1:
            source = {"file": str(self._file)} if self._file is not None else {"frame": Name("df")}
            made = call_text(name, self._topic, **source, **shared, **asked)
            mine = variable_of(self.owner(), "composer")
            return f"{mine} = {made}; {mine}.row = {self._row}" if self._row else made
        try:
            message = self.message
        except BrokerError:
            return call_text(name, self._topic, **shared)
        if len(message.data or b"") > LONGEST:
            mine = Name(f"{variable_of(self.owner(), 'composer')}.message")
            return call_text(name, self._topic, message=mine, **shared)
        value: Any = message.data
        text = None if value is None else bytes_text(value)
        if text is not None and text.encode() == value:
            value = text
        key: Any = message.key
        if key is not None and bytes_text(key).encode() == key:
            key = bytes_text(key)
        parts: dict[str, Any] = {"value": Name("None") if value is None else value, "key": key}
        parts |= {"partition": message.partition, "publish_time": message.publish_time}
        return call_text(name, self._topic, **parts, attributes=list(message.attributes) or None, **shared)


def _moment(value: Any) -> Any:
    """Return a time, also from ISO text."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise ConfigError(f"publish_time= must be a datetime, or one as ISO text: {error}") from error
