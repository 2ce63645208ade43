"""Reading many messages from a file or a frame, what their columns become, and checking each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.mapped import MappedRows
from brokerkit.frames.mapped.reading import JSON_SUFFIXES, PARQUET_SUFFIXES, DroppedFile, read_rows
from brokerkit.frames.mapped.source import Source

from ...protocol.bulk import BulkRole
from .checking import check
from .choices import changed, choices_of, roles_of_choices, taken_over
from .held_state import HeldState
from .receipts import tried_of
from .schemas import ChosenSchema, offered_schemas, versions_of
from .upload import Upload

STARTED = "some rows were sent: go on with the rest, or start over"


class BulkReading(HeldState):
    """Many messages that are read, mapped and checked."""

    def begin_upload(self, number: int, name: str, size: int) -> None:
        """Expect a file from the browser.

        Raises:
            ConfigError: It is empty or too large, or rows are being sent.
        """
        self.check_idle()
        try:
            upload = Upload(number, name, size)
        except ConfigError:
            self.cancel_upload()
            raise
        self._set(upload=upload, problem="", said="")

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

    def cancel_upload(self) -> None:
        """Expect no file any more; its next part is refused."""
        self._set(upload=None)

    def take(self, given: Any) -> None:
        """Read a file or a frame in the background, or take rows that were read.

        Raises:
            ConfigError: Rows are being sent.
        """
        self._begin_reading()

        def read(cancellation: Cancellation) -> None:
            rows = given if isinstance(given, MappedRows) else self._read(given, {}, cancellation)
            found = choices_of(rows.source, rows.roles)
            self._put(cancellation, source=rows.source, rows=rows, choices=found, found=found)
            self._check(rows, cancellation)

        self._run("check", read)

    def read_again(self, roles: tuple[BulkRole, ...], **options: Any) -> None:
        """Read CSV again in another way. What was chosen for its columns stays.

        Args:
            roles: What a column can become.
            options: The arguments of `read_rows` that are others now.

        Raises:
            ConfigError: Some rows were sent already, or a file is arriving.
        """
        before = self._now
        if before.unread is None:
            given: Any = self._unsent_source().given
        else:
            self.check_arrived()
            given = before.unread[0]
        used = {**before.options, **options}
        by_place = used.get("delimiter") == before.options.get("delimiter")
        self._begin_reading()

        def read(cancellation: Cancellation) -> None:
            rows = self._read(given, used, cancellation)
            found = choices_of(rows.source, rows.roles)
            same = by_place and len(found) == len(before.choices)
            choices = taken_over(found, before.choices, before.found, roles, by_place=same)
            self._put(cancellation, source=rows.source, choices=choices, found=found)
            if choices != found:
                rows = MappedRows(rows.source, roles_of_choices(choices))
            self._put(cancellation, rows=rows)
            self._check(rows, cancellation)

        self._run("check", read)

    def _read(self, given: Any, options: Mapping[str, Any], cancellation: Cancellation) -> MappedRows:
        """Read rows; CSV that cannot be read so is kept, to be read in another way."""
        try:
            return read_rows(given, **options)
        except ConfigError:
            if _is_csv(given):
                self._put(cancellation, unread=(given, options))
            raise

    def _offer_schemas(self) -> None:
        """List the schemas of the registry, beside the checks: it may not answer for long."""
        to, topic = self._target.to, self._target.topic
        if self._offered_by is not None and self._offered_by == (to, topic):
            return
        self._offered_by = to, topic
        self._run("schemas", lambda job: self._put(job, offered=offered_schemas(to, topic)))

    def _begin_reading(self) -> None:
        self.check_idle()
        self._offer_schemas()
        self._workers.stop("check")
        with self._changing():
            self._sent.clear()
            self._now = self._emptied(reading=True)

    def choose(self, place: int, roles: tuple[BulkRole, ...], **changes: Any) -> None:
        """Change what a column becomes.

        Raises:
            ConfigError: Some rows were sent already, a file is arriving, or it cannot become that.
        """
        source = self._unsent_source()
        choices = changed(self._now.choices, place, roles, **changes)
        self._workers.stop("check")
        with self._changing():
            self._sent.clear()
            self._now = replace(
                self._now,
                choices=choices,
                rows=None,
                checked=None,
                reading=True,
                dry_run="",
                said="",
                problem="",
            )

        def make(cancellation: Cancellation) -> None:
            rows = MappedRows(source, roles_of_choices(choices))
            self._put(cancellation, rows=rows)
            self._check(rows, cancellation)

        self._run("check", make)

    def choose_schema(self, subject: str, version: int | None = None) -> None:
        """Write the values with a schema of the registry, the newest version of a subject if none is named.

        An empty subject writes JSON.

        Raises:
            ConfigError: Some rows were sent already, or a file is arriving.
        """
        self._unsent_source()
        rows, to = self._now.rows, self._target.to
        self._workers.stop("check")
        with self._changing():
            self._sent.clear()
            self._now = replace(
                self._now, schema=None, checked=None, reading=True, dry_run="", said="", problem=""
            )

        def look(cancellation: Cancellation) -> None:
            versions = versions_of(to, subject) if subject else ()
            chosen = ChosenSchema(subject, version or versions[0]) if versions else None
            self._put(cancellation, schema=chosen, versions=versions)
            if rows is None:
                raise ConfigError("choose what the columns become first")
            self._check(rows, cancellation)

        self._run("check", look)

    def recheck(self) -> None:
        """Check all rows again: they go elsewhere, or are checked for something else.

        What was sent counts for the topic that it was sent to.
        """
        rows, schema = self._now.rows, self._now.schema
        if self._offered_by is not None and self._offered_by[0] is not self._target.to:
            schema = None  # it is one of another registry
        outcome, journal = self._sent.get(self._place(), (None, self._now.journal))
        if rows is None:  # those that are made now are checked as the composer is by then
            return
        self._workers.stop("check")
        self._set(
            checked=None,
            reading=True,
            dry_run="",
            said="",
            problem="",
            outcome=outcome,
            journal=journal,
            schema=schema,
        )
        self._offer_schemas()
        self._run("check", lambda cancellation: self._check(rows, cancellation))

    def _place(self) -> tuple[int, str]:
        return id(self._target.to), self._target.topic

    def _check(self, rows: MappedRows, cancellation: Cancellation) -> None:
        tried = tried_of(self._now.outcome)
        to, topic = self._target.to, self._target.topic
        schema = self._now.schema
        writer = None if schema is None else schema.writer(to, topic)
        made = check(rows, self._target.checks, to, tried, cancellation, writer)
        preview = max(0, min(self._now.preview, len(rows) - 1))
        self._put(cancellation, checked=made, reading=False, preview=preview)

    def show_row(self, row: int) -> None:
        """Show another row as it would be sent."""
        rows = self._now.rows
        if rows is not None and 0 <= row < len(rows):
            self._set(preview=row)

    def forget(self) -> None:
        """Put the file away, and what was sent of it."""
        self.check_idle()
        self._workers.stop("check")
        with self._changing():
            self._sent.clear()
            self._now = self._emptied()

    def _unsent_source(self) -> Source:
        self.check_idle()
        self.check_arrived()
        if self._now.source is None:
            raise ConfigError("choose a file first")
        if self._now.outcome is not None:
            raise ConfigError(STARTED)
        return self._now.source


def _is_csv(given: Any) -> bool:
    """Return whether it is a file that is read as CSV."""
    if not isinstance(given, DroppedFile | str | PathLike):
        return False
    name = given.name if isinstance(given, DroppedFile) else Path(given).name
    return Path(name).suffix.lower() not in (*JSON_SUFFIXES, *PARQUET_SUFFIXES)
