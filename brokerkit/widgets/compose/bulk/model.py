"""The state of many messages: the file, what its columns become, what is bad, and what was sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.session.publish.pace import check_rate

from ...confirming import check_confirmed
from .held_state import reason_of
from .reading import STARTED, BulkReading
from .sending import Unfinished, note_of, publish, sent_rows
from .state import Target

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


class BulkModel(BulkReading):
    """Many messages that a composer sends. Any thread may call it; `now` is a snapshot."""

    def __init__(
        self,
        target: Target,
        tell: Callable[[], None],
        rows: Any = None,
        *,
        rate: float | None = None,
        journal: str | PathLike[str] = "",
    ) -> None:
        super().__init__(target, tell, rate=rate, journal=journal)
        if rows is not None:
            self.take(rows)

    def set_rate(self, rate: float | None) -> None:
        """Send at most so many a second; None as fast as they are confirmed."""
        self._set(rate=check_rate(rate), dry_run="")

    def set_journal(self, path: str) -> None:
        """Record the outcomes in a file where the kernel is; empty for none.

        Raises:
            ConfigError: Some rows were sent already: another file would not know of them.
        """
        self.check_idle()
        if path.strip() == self._now.journal:
            return
        if self._now.outcome is not None:
            raise ConfigError(STARTED)
        self._set(journal=path.strip())

    def try_dry(self) -> None:
        """Send nothing, and say what sending would do."""
        now = self._now
        self._ready_rows()

        def look(cancellation: Cancellation) -> None:
            rows = self._ready_rows()
            to, topic = self._target.to, self._target.topic
            there = to.inspector.describe(topic)
            noted = note_of(to, topic, rows) if now.schema is None else []
            schema = None if now.schema is None else now.schema.text
            plan = to.publish_frame(topic, rows, schema=schema, dry_run=True)
            notes = (plan.attrs.get("brokerkit") or {}).get("placing", {}).get("notes", ())
            said = sent_rows(self._now, there.messages, there.counted == "exact", [*notes, *noted])
            self._put(cancellation, dry_run=said)

        if not now.running:
            self._run("check", look)

    def send(self, *, confirm: str | None, again: bool) -> None:
        """Send every row that can be sent, or `again` what is left of them.

        Raises:
            ConfigError: There is nothing to send, or the topic's name was not typed.
            NotSupported: The session is read-only.
        """
        to, topic = self._target.to, self._target.topic
        check_confirmed(to, topic, confirm, "publish")
        with self._changing():
            rows, now = self._ready_rows(), self._now
            if now.running or (now.outcome is not None) is not again or now.sent:
                raise ConfigError("it is being sent, or was sent already")
            self._now = replace(now, running=True, stopping=False, done=0, said="", problem="", dry_run="")
        self._run("send", self._sender(rows, to, topic, now.outcome))

    def _sender(
        self, rows: MappedRows, to: DataSession, topic: str, before: OutcomeFrame | None
    ) -> Callable[[Cancellation], None]:
        def work(cancellation: Cancellation) -> None:
            def count(more: int) -> None:
                if more:
                    self._set(done=self._now.done + more)
                # between two parts nothing is on its way
                if cancellation.cancelled or self._now.stopping:
                    raise KeyboardInterrupt

            outcome, said, problem = None, "", ""
            try:
                outcome, said = publish(to, topic, rows, self._now, before, count)
            except Unfinished as unfinished:
                outcome, problem = unfinished.outcome, reason_of(unfinished.__cause__ or unfinished)
            except Exception as error:
                problem = reason_of(error)
            finally:
                # at once: a click in between would send the rows again
                with self._changing():
                    kept = before if outcome is None else outcome
                    if kept is not None:
                        self._sent[id(to), topic] = kept, self._now.journal
                    self._now = replace(
                        self._now, running=False, stopping=False, outcome=kept, said=said, problem=problem
                    )

        return work

    def stop(self) -> None:
        """Stop after the rows that are on their way."""
        with self._changing():
            if not self._now.running:
                return
            self._now = replace(self._now, stopping=True)
        self._workers.stop("send")

    def _ready_rows(self) -> MappedRows:
        now = self._now
        self.check_arrived()
        if now.checked is None or not now.can_send:
            raise ConfigError("there is no row that can be sent")
        return now.checked.rows

    @property
    def unsent(self) -> bool:
        """Whether there are rows that were not confirmed."""
        now = self._now
        return now.upload is not None or (now.source is not None and (now.checked is None or now.left > 0))

    @property
    def source_path(self) -> Path | str | None:
        """The path that the rows were read from; None if they came from elsewhere."""
        given = None if self._now.source is None else self._now.source.given
        return given if isinstance(given, str | Path) else None
