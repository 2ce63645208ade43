"""A plan to read a range of topics, and the methods that read it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.topics import Slice, count_text
from brokerkit.display.markup import Displayed, block, lines
from brokerkit.display.progress import expected
from brokerkit.display.sanitize import plain
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.expand import expand

from ..build_frame import frame_of
from ..filters import Filter
from ..interrupted import Interrupted
from ..options import ReadOptions
from ..read_report import ReadReport
from .export import Export, Exported
from .slice_reader import Part, SliceReader, left_of

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

    from ..base import BrokerSession

SAMPLE_ROWS = 100
SAMPLE_SECONDS = 1.0


class Scan(Displayed):
    """A plan to read a range of topics. Nothing is read until a method is called.

    Each method reads from the beginning.

    Attributes:
        slices: The ranges to read, fixed when the scan was made. Later messages are not part of it.
        title: A description of the range, with relative times resolved.
        asked: The same range as the caller wrote it.
        doubt: A sentence about messages that the plan may miss; empty if there are none.
        report: The `ReadReport` of the last read.
    """

    def __init__(
        self,
        session: BrokerSession,
        slices: Sequence[Slice],
        reading: ReadOptions,
        *,
        title: str,
        asked: str,
        limit: int | None,
        progress: bool,
        doubt: str = "",
    ) -> None:
        self._session = session
        self.slices = list(slices)
        self.title = title
        self.asked = asked
        self.doubt = doubt
        self.report = ReadReport(doubt=doubt)
        self._reading = reading
        self._limit = limit
        self._progress = progress
        self._builder = reading.builder(session.schema_source, session.mask)
        self._selection = ""
        # a wrong filter is an error now, not at the first row
        wanted = self._filter()
        if wanted.active:
            self._selection = f", {wanted}"

    def _new_builder(self) -> FrameBuilder:
        return self._reading.builder(self._session.schema_source, self._session.mask)

    def _filter(self) -> Filter:
        return self._reading.filter(self.schema)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the rows, before `expand`."""
        return self._builder.schema

    @property
    def messages(self) -> int:
        """How many messages to expect at most; the repr says how exact the number is."""
        return sum(slice_.estimate for slice_ in self.slices)

    @cached_property
    def bytes(self) -> int | None:
        """About how many bytes of payload there are, estimated from a few messages of the first slice.

        None if it cannot be estimated within a second.
        """
        first = next((slice_ for slice_ in self.slices if not slice_.empty), None)
        if first is None:
            return 0
        found: list[int] = []
        # the repr uses this, and must neither fail nor wait for a broker that hangs
        sampling = threading.Thread(target=self._sample, args=(first, found), daemon=True)
        sampling.start()
        sampling.join(SAMPLE_SECONDS)
        return found[0] if found else None

    def _sample(self, slice_: Slice, found: list[int]) -> None:
        with suppress(BrokerError, TimeoutError):
            for columns in self._session.inspector.read(slice_, attributes=False, stall=SAMPLE_SECONDS):
                sizes = [len(value or b"") for value in islice(columns.values("value"), SAMPLE_ROWS)]
                found.append(self.messages * sum(sizes) // max(1, len(sizes)))
                return

    def _with_slices(self, slices: Sequence[Slice], limit: int | None) -> Scan:
        return Scan(
            self._session,
            slices,
            self._reading,
            title=self.title,
            asked=self.asked,
            doubt=self.doubt,
            limit=limit,
            progress=self._progress,
        )

    def _reader(self, builder: FrameBuilder) -> SliceReader:
        reader = SliceReader(
            self._session.inspector,
            self.slices,
            builder,
            wanted=self._filter(),
            limit=self._limit,
            attributes=self._reading.attributes,
        )
        reader.report.doubt = self.doubt
        self.report = self._session.last_read = reader.report
        return reader

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Iterate over Arrow record batches as they are read, in bounded memory."""
        reader = self._reader(self._new_builder())
        for part in reader.parts(what=self.title, progress=self._progress):
            yield part.batch
        reader.report.warn_of_filter()

    def _collect(self) -> tuple[pa.Table, FrameBuilder]:
        builder = self._new_builder()
        reader = self._reader(builder)
        parts: list[Part] = []
        try:
            for part in reader.parts(what=self.title, progress=self._progress):
                parts.append(part)
        except KeyboardInterrupt as interrupt:
            raise self._interrupted(parts, builder) from interrupt
        reader.report.warn_of_filter()
        return builder.to_table(part.batch for part in parts), builder

    def _interrupted(self, parts: Sequence[Part], builder: FrameBuilder) -> Interrupted:
        self.report.stopped = "interrupted"
        frame = self._frame(builder.to_table(part.batch for part in parts), builder)
        missing = None if self._limit is None else self._limit - len(frame)
        rest = self._with_slices([] if missing == 0 else left_of(self.slices, parts), missing or self._limit)
        error = Interrupted(
            f"{self.title}: interrupted after {len(frame):,} rows of {count_text(*expected(self.slices))}. "
            "They are in session.last_interrupted.frame; session.last_interrupted.rest.to_pandas() reads on.",
            frame,
            rest,
        )
        self._session.last_interrupted = error
        return error

    def _frame(self, table: pa.Table, builder: FrameBuilder) -> pd.DataFrame:
        details = {"read": self.report.to_dict(), "scan": self.title}
        return frame_of(
            table,
            builder,
            source=self._session.name,
            expand=self._reading.expand,
            details=details,
            slices=self.slices,
        )

    def to_arrow(self) -> pa.Table:
        """Read everything as one Arrow table.

        Raises:
            Interrupted: Ctrl-C was pressed; `.frame` has the rows so far, `.rest` is a scan of the others.
        """
        table, _ = self._collect()
        return expand(table) if self._reading.expand else table

    def to_pandas(self) -> pd.DataFrame:
        """Read everything as one Arrow-backed DataFrame.

        Raises:
            Interrupted: Ctrl-C was pressed; `.frame` has the rows so far, `.rest` is a scan of the others.
        """
        table, builder = self._collect()
        return self._frame(table, builder)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Export the rows by the Arrow C stream protocol.

        It is how other libraries read a scan: ``polars.DataFrame(scan)``, ``duckdb.sql("from scan")``.
        """
        if self._reading.expand:
            return self.to_arrow().__arrow_c_stream__(requested_schema)
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def to_parquet(self, path: str | PathLike[str], *, overwrite: bool = False) -> Exported:
        """Write a folder of Parquet files, one per slice, in bounded memory.

        If an export of the same range and filter to this folder was interrupted, continue it up to the end
        that was fixed then.

        Args:
            path: The folder.
            overwrite: Replace a finished export of another range. A folder with Parquet files of any other
                origin is always refused.

        Returns:
            A summary of the files that were written.

        Raises:
            ConfigError: The scan has `expand` or `limit`, or the folder cannot be used.
            InUse: Another export is writing to the folder.
            StorageError: The disk is full, or writing is not permitted.
            Interrupted: Ctrl-C was pressed. Finished slices stay; call this again to continue.
        """
        if self._reading.expand or self._limit is not None:
            raise ConfigError(
                "to_parquet writes whole slices: leave out expand= and limit= "
                "(bk.expand works on what is read back; start= and end= narrow the range)"
            )
        if not isinstance(path, str | PathLike) or not str(path):
            raise ConfigError(f"to_parquet needs the path of a folder, not {path!r}")
        export = Export(Path(path), self.schema, self._identity(), self.title)
        self.report = ReadReport(doubt=self.doubt)
        try:
            exported = export.run(self.slices, self._quietly, overwrite=overwrite, progress=self._progress)
        except KeyboardInterrupt as interrupt:
            error = Interrupted(
                f"{self.title}: the export was interrupted; finished slices stay in {path}. "
                "Call to_parquet on the same folder again to go on."
            )
            self._session.last_interrupted = error
            raise error from interrupt
        self.report.warn_of_filter()
        return exported

    def _identity(self) -> dict[str, str]:
        keys = self._builder.key_decoder.name
        known = {
            "source": self._session.name,
            "asked": self.asked,
            "decode": self._builder.decoder.name,
            "attributes": str(self._reading.attributes),
            "filter": self._filter().fingerprint,
            **({} if keys == "auto" else {"decode_key": keys}),
        }
        mask = self._builder.mask
        return known if mask is None else {**known, "mask": mask.fingerprint}

    def _quietly(self, slice_: Slice) -> Iterator[pa.RecordBatch]:
        total = self.report
        reader = self._with_slices([slice_], None)._reader(self._new_builder())
        try:
            for part in reader.parts(progress=False):
                yield part.batch
        finally:
            total.add(reader.report)
            self._session.last_read = total

    def to_dask(self) -> dd.DataFrame:
        """Return a dask DataFrame with one partition per slice. Workers connect by themselves.

        No credential is put into the task graph: a worker reads them from its environment, or from its saved
        connection of the same name.

        Raises:
            ConfigError: The scan has a filter, `expand` or `limit`.
        """
        from .dask import to_dask

        if self._reading.expand or self._limit is not None or self._filter().active:
            raise ConfigError("to_dask reads whole slices: leave out expand=, limit=, key= and where=")
        return to_dask(
            self._session,
            self.slices,
            decoder=self._builder.decoder,
            key_decoder=self._builder.key_decoder,
            attributes=self._reading.attributes,
            mask=self._builder.mask,
        )

    def __len__(self) -> int:
        raise TypeError(
            "a scan does not know its exact length before it is read: "
            f"expect {count_text(*expected(self.slices))}"
        )

    def __repr__(self) -> str:
        topics = sorted({slice_.topic for slice_ in self.slices})
        shown = ", ".join(plain(topic, 60) for topic in topics[:5])
        shown += f" and {len(topics) - 5} more" if len(topics) > 5 else ""
        size = "" if self.bytes is None else f", about {_size(self.bytes)}"
        limit = "" if self._limit is None else f", at most {self._limit:,} rows"
        return (
            f"{self.title}\n"
            f"topics: {shown or 'nothing to read'}; {_count(len(self.slices), 'slice')}, "
            f"{count_text(*expected(self.slices), 'message')}{size}{self._selection}{limit}\n"
            f"{self.doubt + chr(10) if self.doubt else ''}"
            "not read yet: .to_pandas() .to_arrow() .to_parquet(path) .to_dask()"
        )

    def _repr_html_(self) -> str:
        return block(lines(repr(self)))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
