"""The state of many messages: the file, what its columns become, what is bad, and what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, Cancelled, ConfigError
from brokerkit.core.vocabulary.freed import freed
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.mapped.reading import read_rows
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.session.publish.pace import check_rate

from ...confirming import check_confirmed
from ...latest_only_worker import Workers
from ...protocol.bulk import BulkRole
from .checking import check
from .choices import changed, choices_of, roles_of_choices
from .sending import note_of, publish, sent_rows
from .state import Bulk, Target
from .upload import Upload

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


class BulkModel:
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
        self._target = target
        self._tell = tell
        self._lock = RLock()
        self._now = Bulk(rate=check_rate(rate), journal=str(journal))
        self._workers = Workers(("check", "send"), "a composer")
        if rows is not None:
            self.take(rows)

    @property
    def now(self) -> Bulk:
        return self._now

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with freed(self._lock), self._lock:
            yield
        self._tell()

    def _set(self, **changes: Any) -> None:
        with self._changing():
            self._now = replace(self._now, **changes)

    def _put(self, cancellation: Cancellation, **changes: Any) -> None:
        """Set what a job found, unless another one replaced it.

        Raises:
            Cancelled: It was replaced.
        """
        with self._changing():
            cancellation.raise_if_cancelled()
            self._now = replace(self._now, **changes)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is read, checked or sent; return whether that is so."""
        return self._workers.wait(timeout)

    # The rows.

    def begin_upload(self, number: int, name: str, size: int) -> None:
        """Expect a file from the browser.

        Raises:
            ConfigError: It is too large, or rows are being sent.
        """
        self._check_idle()
        self._set(upload=Upload(number, name, size), problem="", said="")

    def add_part(self, number: int, at: int, data: str) -> int:
        """Add a part of the file, which is read once it is whole; return how much has arrived."""
        with self._changing():
            upload = self._now.upload
            if upload is None or upload.number != number:
                return -1
            try:
                upload.add(at, data)
            except ConfigError:
                self._now = replace(self._now, upload=None)
                raise
            if not upload.whole:
                return upload.at
            self._now = replace(self._now, upload=None)
        self.take(upload.file())
        return upload.at

    def take(self, given: Any, **options: Any) -> None:
        """Read a file or a frame in the background, or take rows that were read.

        Raises:
            ConfigError: Rows are being sent.
        """
        self._check_idle()
        self._workers.stop("check")
        with self._changing():
            self._now = Bulk(rate=self._now.rate, journal=self._now.journal, reading=True)

        def read(cancellation: Cancellation) -> None:
            rows = given if isinstance(given, MappedRows) else read_rows(given, **options)
            self._put(cancellation, rows=rows, choices=choices_of(rows.source, rows.roles))
            self._check(rows, cancellation)

        self._run("check", read)

    def separate(self, delimiter: str) -> None:
        """Read CSV again with another separator; an empty one finds it out."""
        rows = self._unsent_rows()
        self.take(rows.source.given, delimiter=delimiter or None)

    def choose(self, place: int, roles: tuple[BulkRole, ...], **changes: Any) -> None:
        """Change what a column becomes.

        Raises:
            ConfigError: Some rows were sent already, or it cannot become that.
        """
        source = self._unsent_rows().source
        self._workers.stop("check")
        with self._changing():
            choices = changed(self._now.choices, place, roles, **changes)
            self._now = replace(
                self._now, choices=choices, checked=None, reading=True, dry_run="", said="", problem=""
            )

        def make(cancellation: Cancellation) -> None:
            rows = MappedRows(source, roles_of_choices(choices))
            self._put(cancellation, rows=rows)
            self._check(rows, cancellation)

        self._run("check", make)

    def recheck(self) -> None:
        """Check all rows again: they go elsewhere, or have another schema."""
        rows = self._now.rows
        if rows is None:
            return
        self._workers.stop("check")
        self._set(checked=None, reading=True, dry_run="", outcome=None)
        self._run("check", lambda cancellation: self._check(rows, cancellation))

    def _check(self, rows: MappedRows, cancellation: Cancellation) -> None:
        made = check(rows, self._target.checks, self._target.to, cancellation)
        preview = min(self._now.preview, len(rows) - 1)
        self._put(cancellation, rows=made.rows, checked=made, reading=False, preview=preview)

    def show_row(self, row: int) -> None:
        """Show another row as it would be sent."""
        rows = self._now.rows
        if rows is not None and 0 <= row < len(rows):
            self._set(preview=row)

    def forget(self) -> None:
        """Put the file away, and what was sent of it."""
        self._check_idle()
        self._workers.stop("check")
        with self._changing():
            self._now = Bulk(rate=self._now.rate, journal=self._now.journal)

    # Sending.

    def set_rate(self, rate: float | None) -> None:
        """Send at most so many a second; None as fast as they are confirmed."""
        self._set(rate=check_rate(rate), dry_run="")

    def set_journal(self, path: str) -> None:
        """Record the outcomes in a file where the kernel is; empty for none."""
        self._check_idle()
        self._set(journal=path.strip())

    def try_dry(self) -> None:
        """Send nothing, and say what sending would do."""
        now = self._now
        self._ready_rows()

        def look(cancellation: Cancellation) -> None:
            rows = self._ready_rows()
            to, topic = self._target.to, self._target.topic
            there = to.inspector.describe(topic)
            noted = note_of(to, topic, rows)
            plan = to.publish_frame(topic, rows, dry_run=True)
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
                # between two parts nothing is on its way
                if cancellation.cancelled:
                    raise KeyboardInterrupt
                if more:
                    self._set(done=self._now.done + more)

            try:
                outcome, said = publish(to, topic, rows, self._now.rate, self._now.journal, before, count)
            finally:
                self._set(running=False, stopping=False)
            self._set(outcome=before if outcome is None else outcome, said=said)

        return work

    def stop(self) -> None:
        """Stop after the rows that are on their way."""
        if self._now.running:
            self._set(stopping=True)
            self._workers.stop("send")

    def _run(self, worker: str, job: Callable[[Cancellation], None]) -> None:
        def run(cancellation: Cancellation) -> None:
            try:
                job(cancellation)
            except Cancelled:
                raise
            except (BrokerError, TimeoutError) as error:
                self._fail(worker, cancellation, str(error) or "no answer in time")
            except Exception as error:  # the view must not wait for ever
                self._fail(worker, cancellation, f"{type(error).__name__}: {error}")

        self._workers[worker].run(run)

    def _fail(self, worker: str, cancellation: Cancellation, problem: str) -> None:
        if worker == "send":
            self._set(problem=problem)
        else:
            self._put(cancellation, problem=problem, reading=False)

    def _check_idle(self) -> None:
        if self._now.running:
            raise ConfigError("wait until the rows are sent, or stop it")

    def _ready_rows(self) -> MappedRows:
        rows, now = self._now.rows, self._now
        if rows is None or now.checked is None or now.reading or not now.ready:
            raise ConfigError("there is no row that can be sent")
        return rows

    def _unsent_rows(self) -> MappedRows:
        self._check_idle()
        if self._now.rows is None:
            raise ConfigError("choose a file first")
        if self._now.outcome is not None:
            raise ConfigError("some rows were sent: go on with the rest, or start over")
        return self._now.rows

    @property
    def unsent(self) -> bool:
        """Whether there are rows that were not confirmed."""
        now = self._now
        return now.upload is not None or (now.rows is not None and (now.checked is None or now.left > 0))

    @property
    def source_path(self) -> Path | str | None:
        """The path that the rows were read from; None if they came from elsewhere."""
        given = None if self._now.rows is None else self._now.rows.source.given
        return given if isinstance(given, str | Path) else None
