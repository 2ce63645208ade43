"""Capturing a topic: what is new, slice by slice, into the data set."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.backends.parquet.codec import position_column
from brokerkit.backends.parquet.manifest import NUMBER, DataFile, Gap, Manifest, Reached
from brokerkit.core.runtime.slice_reading import Begun
from brokerkit.core.vocabulary.errors import ConfigError, RetentionWarning
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.topics import Bounds, Slice
from brokerkit.core.vocabulary.windows import Stretch, slices_of
from brokerkit.display.progress import bar, expected
from brokerkit.frames.decoding import as_decoder
from brokerkit.frames.expand import expand
from brokerkit.frames.own_schemas import OwnSchemas

from ..options import ReadOptions
from ..read.export import row_groups
from ..read.ranges import parse_range, range_finder
from ..reader_schemas import planned
from .column_types import fitted, grown
from .compacting import compact
from .folder import CaptureFolder
from .folders_by import FoldersBy
from .same_topic import check_same
from .slice_rows import SliceRows
from .slice_writer import SliceWriter
from .text_kinds import as_first

if TYPE_CHECKING:
    from ..base import BrokerSession

MOST_NAMES = 1_000
"""How many other names of the topic are kept at most."""
COMMIT_SECONDS = 5.0
"""A commit has a file's worth of rows, or what came in about so long."""


@dataclass(frozen=True)
class Captured:
    """The result of a capture.

    Attributes:
        path: The folder of the data set.
        topic: The topic.
        rows: How many messages were new.
        total: How many messages the data set has.
        files: How many files it has.
        bytes: Their size.
        gaps: The ranges that the broker deleted before this call captured them, in words.
        misfits: How many values of this call did not fit the type of their column, by column.
    """

    path: Path
    topic: str
    rows: int
    total: int
    files: int
    bytes: int
    gaps: tuple[str, ...] = ()
    misfits: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        files = "1 file" if self.files == 1 else f"{self.files:,} files"
        missing = f"; missing: {'; '.join(self.gaps)}" if self.gaps else ""
        misfits = "".join(f"; {count:,} of {name} did not fit" for name, count in self.misfits.items())
        return (
            f"captured {self.rows:,} new messages of {self.topic!r} to {self.path}, which has "
            f"{self.total:,} in {files}{missing}{misfits}"
        )


@dataclass(frozen=True)
class CaptureOptions:
    """How a topic is captured. The fields are arguments of `Session.capture`."""

    start: Any = "earliest"
    partition_by: str | None = None
    decode: Any = None
    decode_key: Any = None
    expand: bool | None = None
    file_rows: int = 250_000
    progress: bool = True

    def settled(self, manifest: Manifest | None) -> dict[str, Any]:
        """Return the choices of the first capture, which hold for all later ones.

        Raises:
            ConfigError: This call makes other choices.
        """
        asked = {
            "partition_by": self.partition_by,
            "decode": self.decode,
            "decode_key": self.decode_key,
            "expand": self.expand,
        }
        otherwise = {"partition_by": None, "decode": "auto", "decode_key": "auto", "expand": False}
        if manifest is None:
            return {name: otherwise[name] if value is None else value for name, value in asked.items()}
        for name, value in asked.items():
            known = manifest.settings.get(name, otherwise[name])
            if value is not None and _name_of(value) != known:
                raise ConfigError(
                    f"the data set was begun with {name}={known!r}, not {_name_of(value)!r}: leave it out, "
                    "or give another folder"
                )
            if value is None:
                asked[name] = known
        return asked


class Capturing:
    """One `capture` call.

    Args:
        session: The session.
        topic: The topic.
        folder: The folder of the data set, which is held.
        options: How to capture.
    """

    def __init__(
        self, session: BrokerSession, topic: str, folder: CaptureFolder, options: CaptureOptions
    ) -> None:
        self._session = session
        self._inspector = session.inspector
        self._topic = topic
        self._folder = folder
        self._options = options
        known = folder.manifest
        if known is not None and known.topic != topic:
            raise ConfigError(
                f"{folder.path} is the data set of the topic {known.topic!r}: give {topic!r} a folder of its "
                "own"
            )
        self._settings = options.settled(known)
        self._folders = FoldersBy(self._settings["partition_by"])
        reading = ReadOptions(
            decode=self._settings["decode"], decode_key=self._settings["decode_key"], unmask=True
        )
        self._builder = planned(session, [topic], reading).builder(session.schema_source, None)
        self._new = Manifest(topic, session.name) if known is None else known
        self._schema = _schema_of(self._new.schema)
        self._uncommitted = 0
        self._committed_at = time.monotonic()
        self.rows = 0
        self.gaps: list[str] = []
        self.misfits: dict[str, int] = {}
        self._misfits_before = dict(self._new.misfits)
        self._ahead: Begun | None = None

    def run(self) -> Captured:
        """Capture what is new up to the end that the topic has now."""
        bounds = self._inspector.bounds(self._topic)
        identity = self._inspector.identity(self._topic)
        if self._folder.manifest is not None:
            check_same(
                self._inspector, self._new, self._folder.path,
                source=self._session.name, identity=identity, bounds=bounds,
            )  # fmt: skip
        self._new = replace(
            self._new,
            source=self._session.name,
            identity=identity or self._new.identity,
            attributes_read_as=self._session.capabilities.attributes_read_as,
            settings={name: _name_of(value) for name, value in self._settings.items()},
            begun=self._new.begun or _now(),
        )
        slices = [slice_ for each in self._starts(bounds) for slice_ in self._sliced(*each)]
        total, counted = expected(slices)
        whole = False
        try:
            with bar(f"capture {self._topic}", total, counted=counted, show=self._options.progress) as shown:
                for slice_, following in zip_longest(slices, slices[1:]):
                    self._capture(slice_, following, shown)
                    if self._due() and self._begun:
                        self._commit()
            whole = True
        finally:
            if self._ahead is not None:
                self._ahead.give_up()
            # what is whole is kept, also when another slice failed; before that nothing fixes the choices
            if whole or self._begun:
                self._commit()
        if self._schema is not None:
            compact(self._folder, self._schema, self._metadata, self._position, self._options.file_rows)
        return self._result()

    def _result(self) -> Captured:
        manifest = self._folder.manifest
        assert manifest is not None
        return Captured(
            self._folder.path, self._topic, self.rows, manifest.rows, len(manifest.files), manifest.bytes,
            tuple(self.gaps), self.misfits,
        )  # fmt: skip

    def _starts(self, bounds: Sequence[Bounds]) -> Iterator[tuple[Bounds, int]]:
        """Yield each partition with the position where to go on, and record what is missing before it."""
        begins: dict[int | None, int] = {}
        if self._folder.manifest is None:
            span = parse_range(self._options.start, "latest")
            located = range_finder(self._session).locate(self._topic, span)
            begins = {each.bounds.partition: each.start for each in located}
        for each in bounds:
            reached = self._new.reached(each.partition)
            if reached is None:
                start = max(each.start, begins.get(each.partition, each.start))
                self._put(Reached(each.partition, start, start))
            else:
                start = max(each.start, reached.next)
                if start > reached.next and not each.same(reached.next, start):
                    self._note_gap(each, reached.next, start)
                    self._put(replace(reached, next=start))
            yield each, start

    def _sliced(self, bounds: Bounds, start: int) -> Iterator[Slice]:
        if start < bounds.end:
            yield from slices_of(self._topic, Stretch(bounds, start, bounds.end), self._options.file_rows)
        else:
            self._put(replace(self._reached(bounds.partition), next=start))

    def _capture(self, slice_: Slice, following: Slice | None, shown: Any) -> None:
        """Write the rows of one slice to files, which the next commit makes part of the data set."""
        before, misfits = self._reached(slice_.partition), dict(self.misfits)
        rows = SliceRows(self._inspector, self._builder, slice_, before.rows, self._ahead, following)
        writer: SliceWriter | None = None
        writing: Future[None] | None = None
        with ThreadPoolExecutor(1, "brokerkit capture") as pool:
            try:
                for group in row_groups(rows.batches()):
                    table = self._table(group)
                    writer = self._writer(slice_.partition) if writer is None else writer
                    if writing is not None:
                        writing.result()
                    # the next rows are fetched and decoded while these are compressed
                    writing = pool.submit(writer.write, table)
                    shown.update(table.num_rows)
                if writing is not None:
                    writing.result()
                files = [] if writer is None else writer.close()
            except BaseException:
                self.misfits = misfits
                if writing is not None:
                    wait([writing])
                if writer is not None:
                    writer.abandon()
                raise
            finally:
                self._ahead = rows.ahead
        self._note_deleted(slice_.partition, rows.holes)
        count = sum(each.rows for each in files)
        self._put(replace(before, next=slice_.end, rows=before.rows + count, **rows.last), files)
        self.rows += count
        self._uncommitted += count

    def _table(self, group: list[pa.RecordBatch]) -> pa.Table:
        table = pa.Table.from_batches(group)
        if self._settings["expand"]:
            table = as_first(expand(table), self._schema)
        self._note_names(table)
        self._schema = grown(self._schema, table.schema)
        table, misfits = fitted(table, self._schema)
        for name, count in misfits.items():
            self.misfits[name] = self.misfits.get(name, 0) + count
        return table

    def _note_names(self, table: pa.Table) -> None:
        """Note the names that rows have for their topic, unless there are too many."""
        found = {each.as_py() for each in table.column("topic").unique()} - {self._topic, *self._new.names}
        if found and len(self._new.names) + len(found) <= MOST_NAMES:
            self._new = replace(self._new, names=(*self._new.names, *sorted(found)))

    def _writer(self, partition: int | None) -> SliceWriter:
        return SliceWriter(
            self._folder.path, self._topic, partition, self._position, self._folders, self._metadata
        )

    @property
    def _position(self) -> str:
        assert self._schema is not None
        return position_column(NUMBER in self._schema.names)

    @property
    def _metadata(self) -> dict[bytes, bytes]:
        return dict(self._builder.schema.metadata or {})

    def _reached(self, partition: int | None) -> Reached:
        found = self._new.reached(partition)
        assert found is not None
        return found

    def _put(self, reached: Reached, files: Sequence[DataFile] = ()) -> None:
        others = [each for each in self._new.partitions if each.partition != reached.partition]
        self._new = replace(self._new, partitions=(*others, reached), files=(*self._new.files, *files))

    def _note_deleted(self, partition: int | None, holes: Sequence[tuple[int, int]]) -> None:
        """Record the parts of holes that the broker deleted while the slice was read."""
        if not holes:
            return
        bounds = {each.partition: each for each in self._inspector.bounds(self._topic)}.get(partition)
        for start, end in [] if bounds is None else bounds.deleted(holes):
            assert bounds is not None
            # the inspector has warned of it
            self._note_gap(bounds, start, end, warn=False)

    def _note_gap(self, bounds: Bounds, start: int, end: int, *, warn: bool = True) -> None:
        shown = bounds.show_ranges([(start, end)])
        gap = Gap(bounds.partition, start, end, shown, _now())
        self._new = replace(self._new, gaps=(*self._new.gaps, gap))
        self.gaps.append(shown)
        if warn:
            note(
                f"{self._topic!r}: the broker deleted the positions {shown} before they were captured",
                RetentionWarning,
            )

    @property
    def _begun(self) -> bool:
        """Whether there is a data set, or rows for one."""
        return self._folder.manifest is not None or bool(self._new.files)

    def _due(self) -> bool:
        waited = time.monotonic() - self._committed_at
        return self._uncommitted >= self._options.file_rows or waited >= COMMIT_SECONDS

    def _commit(self) -> None:
        schema = "" if self._schema is None else base64.b64encode(self._schema.serialize()).decode()
        misfits = dict(self._misfits_before)
        for name, count in self.misfits.items():
            misfits[name] = misfits.get(name, 0) + count
        numbered = self._schema is not None and NUMBER in self._schema.names
        self._folder.commit(
            replace(self._new, schema=schema, numbered=numbered, misfits=misfits, replaced=(), ended=_now())
        )
        self._uncommitted, self._committed_at = 0, time.monotonic()


def _schema_of(text: str) -> pa.Schema | None:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text))) if text else None


def _name_of(value: Any) -> Any:
    """Return a choice as the manifest keeps it: a decoder by the name that its function has."""
    if isinstance(value, OwnSchemas):
        return f"{value.format} {value.reader} {value.message or ''}".rstrip()
    if value is None or isinstance(value, str | bool):
        return value
    # a function that is defined again, as by a cell that is run again, has a number behind its name
    return re.sub(r"#\d+$", "", as_decoder(value).name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
