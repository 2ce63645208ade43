"""The state of a composer: messages that are written, checked and sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.interrupts import Hold
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.outbound_rows import Item
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.display.sanitize import plain
from brokerkit.frames.outbound import Kind
from brokerkit.frames.outcome import OutcomeFrame, outcome_frame
from brokerkit.session.arguments import check_topic
from brokerkit.session.interrupted import Interrupted, outcome_kept
from brokerkit.session.publish.messages import message_of

from ..confirming import check_confirmed
from .bulk import BulkModel
from .checks import Checks, Problem
from .drafts import drafts_of, moment_of
from .sending import Results, dry_run, send

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.publish.placement import Partitions, Times
    from brokerkit.session.session import DataSession

DOUBTFUL = PublishResult("unknown", error=BrokerError("interrupted while it was being published"))


class ComposerModel:
    """One message, or those of a frame or file, to check and send. `Composer` says what its properties mean.

    Attributes:
        checks: What messages are checked for.
        owner: Returns the object that a notebook has a variable for, or None.
        named: How calls name it where there is no variable.
        on_change: Each is called after each change.
        unsent: Whether it was edited, or sending it failed, and not all of it was confirmed since.
        sent: Whether all of it was confirmed, and nothing was changed since.
        sessions: The sessions that it may publish to.
        frame, file: The frame or file that its messages are from; None if there is none.
        columns, asked: What was asked for its columns, and for partitions and times.
        said, typed_wrong: What the last action did, and why what was typed last is no message, in words.
        many: Whether many messages of a file or a frame are shown, which are in `bulk`.
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
        rows: Any = None,
        many: bool = False,
        **bulk: Any,
    ) -> None:
        if sum(each is not None for each in (message, frame, file, rows)) > 1:
            raise ConfigError("give one of message=, frame=, file= and rows=")
        self.owner: Callable[[], object] = lambda: None
        self.named = "composer"
        self.on_change: list[Callable[[], None]] = []
        self.session = session
        self._topic = check_topic(topic)
        self.sessions = [session, *(each for each in sessions if each is not session)]
        self._to = session if to is None else self._known(to)
        if message is None and frame is None and file is None:
            message = message_of(value, key, attributes, partition, moment_of(publish_time))
            self._read = False
        elif partition is not None or publish_time is not None:
            raise ConfigError("partition= and publish_time= are for value=: what is given brings its own")
        else:
            self._read = file is None
        self._drafts = drafts_of(message, frame, file, kind, key_column)
        self._drafts.as_json |= isinstance(value, dict | list)
        self.asked: dict[str, Any] = {"partitions": partitions, "times": times}
        self._drafts.place(self._to, self._topic, partitions, times)
        self.frame, self.file = frame, file
        self.columns: dict[str, Any] = {"kind": kind, "key_column": key_column}
        self._row, self.said = 0, ""
        self.checks = Checks(json, schema)
        self.typed_wrong: str | None = None
        self.unsent = self.sent = False
        self.plan: list[dict[str, Any]] = []
        self.outcome: OutcomeFrame | None = None
        self.many = many or rows is not None
        self.bulk = BulkModel(self, self._changed, rows, **bulk)

    def write_many(self, many: bool) -> None:
        """Show many messages from a file or a frame, or the one that is written."""
        self.many = many
        self._changed()

    def __len__(self) -> int:
        return len(self._drafts)

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
        self.typed_wrong, self.unsent, self.sent = None, True, False
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
        self._put(message_of(data, base.key, base.attributes, base.partition, base.publish_time), text)

    def edit(self, **changes: Any) -> None:
        """Replace parts of the message shown: `data`, `key` or `attributes`."""
        old = self._drafts.unplaced(self._row)
        base = OutboundMessage(b"") if isinstance(old, BrokerError) else old
        parts = {"data": base.data, "key": base.key, "attributes": base.attributes} | changes
        made = message_of(parts["data"], parts["key"], parts["attributes"], base.partition, base.publish_time)
        self._put(made, None if "data" in changes else self.text)
        self._drafts.as_json |= isinstance(parts["data"], dict | list)

    def refuse_typed(self, why: str) -> None:
        """Note that what was typed is not a message; nothing is sent until it is."""
        self.typed_wrong, self.unsent, self.sent = why, True, False
        self._changed()

    @property
    def topic(self) -> str:
        return self._topic

    def publish_to(self, session: DataSession, topic: str) -> None:
        """Publish to a topic of a session.

        Raises:
            ConfigError: It cannot be published there.
        """
        self.bulk.check_idle()
        to, topic = self._known(session), check_topic(topic)
        elsewhere = to is not self._to or topic != self._topic
        self._drafts.place(to, topic, **self.asked)
        self._to, self._topic, self.sent = to, topic, False
        if elsewhere:
            self.bulk.recheck()
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
        self._row, self.typed_wrong = row, None
        self._changed()

    @property
    def json(self) -> bool | None:
        return self.checks.json

    def check_json(self, value: bool | None) -> None:
        """Check that values are JSON; see `Composer.json`. ConfigError while rows are sent."""
        self.bulk.check_idle()
        self.checks.json = value
        self.bulk.recheck()
        self._changed()

    @property
    def schema(self) -> Any:
        return self.checks.schema

    def check_schema(self, schema: Any) -> None:
        """Check values against a JSON Schema; None for none. ConfigError while rows are sent."""
        self.bulk.check_idle()
        self.checks.use_schema(schema)
        self.bulk.recheck()
        self._changed()

    def _changed(self, *, plan_too: bool = False) -> None:
        if plan_too:
            self.plan = []
        for show in list(self.on_change):
            show()

    # Checking and sending.

    def problems(self) -> list[Problem]:
        """Return the problems of the message shown."""
        if self.typed_wrong is not None:
            return [Problem("error", self.typed_wrong)]
        return self._problems(self._row, self.item)

    def _problems(self, row: int, item: Item) -> list[Problem]:
        if isinstance(item, BrokerError):
            return [Problem("error", plain(str(item), 300))]
        found = self.checks.problems(item, self._to.capabilities, self._drafts.text(row))
        return found + [Problem("warning", plain(each, 300)) for each in self._drafts.differences(row, item)]

    def _errors(self, row: int, item: Item) -> list[str]:
        return [each.text for each in self._problems(row, item) if each.level == "error"]

    def dry_run(self) -> pd.DataFrame:
        """Return exactly the messages that `send` would send, and the errors of the other rows."""
        return dry_run(self._drafts, self._to, self._topic, self._errors)

    def send(self, *, confirm: str | None = None, timeout: float | None = None) -> OutcomeFrame:
        """Send every message that has no error, and return one receipt per message; see `Composer.send`."""
        check_confirmed(self._to, self._topic, confirm, "publish")
        if self.typed_wrong is not None:
            raise ConfigError(self.typed_wrong)
        self._drafts.tell(self._to, self._topic)
        done: Results = []
        return outcome_kept(self._to, partial(self._send, done, timeout), partial(self._interrupted, done))

    def _send(self, results: Results, timeout: float | None, hold: Hold) -> OutcomeFrame:
        hold.begin()
        publisher = self._to.shared_publisher().topic(self._topic)
        send(self._drafts, publisher, self._errors, results, copies=self._read, timeout=timeout)
        outcome = self._receive(results)
        self._changed(plan_too=True)
        return outcome

    def _receive(self, results: Results) -> OutcomeFrame:
        """Make these the receipts."""
        self.outcome = outcome_frame(DOUBTFUL if result is None else result for result in results)
        self.sent = self.outcome.counts["confirmed"] == len(self.outcome)
        self.unsent = not self.sent
        counted = [f"{count:,} {status}" for status, count in self.outcome.counts.items() if count]
        self.said = "; ".join([", ".join(counted), *self._drafts.noted])
        return self.outcome

    def _interrupted(self, results: Results) -> Interrupted | None:
        if not results:
            return None
        outcome = self._receive(results)
        return Interrupted(f"sending was interrupted ({self.said}); see composer.outcome", outcome)
