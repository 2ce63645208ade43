"""A plan to read a range of topics, and the methods that read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Slice, count_text
from brokerkit.display.progress import expected
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.expand import expand

from ..build_frame import frame_of
from ..interrupted import Interrupted
from ..read_report import ReadReport
from .export import Export, Exported
from .planned_scan import PlannedScan
from .slice_reader import Part

if TYPE_CHECKING:
    import dask.dataframe as dd
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow.compute as pc


class Scan(PlannedScan):
    """A plan to read a range of topics. Nothing is read until a method asks for rows.

    A scan is never changed: `where`, `select`, `head`, `sample` and `between` return a new one. They act in
    the order in which they are called. Each method that reads does so from the beginning.

    Attributes:
        slices: The ranges to read, fixed when the scan was made. Later messages are not part of it.
        title: A description of the range, with relative times resolved.
        asked: The same range as the caller wrote it.
        doubt: A sentence about messages that the plan may miss; empty if there are none.
        report: The `ReadReport` of the last read.
    """

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the rows, before `expand`.

        If fields of JSON are selected without their types, some rows are read to find them.
        """
        return self._reader.schema

    def count(self) -> int:
        """Return how many rows there are.

        If nothing must be looked at and the broker's own count is exact, it is that count when the scan was
        made. Otherwise the messages are read, and nothing is built of them that no filter needs.
        """
        known = self._plan.exact_count()
        if known is not None:
            return known
        counting = self._with(self._plan.counting())
        for _ in counting._parts(counting._reader.builder()):
            pass
        self.report = counting.report
        self.report.warn_of_filter()
        return self.report.matched

    def _parts(self, builder: FrameBuilder, *, progress: bool | None = None) -> Iterator[Part]:
        reader = self._reader.slices(builder)
        reader.report.doubt = self.doubt
        self.report = self._session.last_read = reader.report
        return reader.parts(what=self.title, progress=self._progress if progress is None else progress)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Iterate over Arrow record batches as they are read, in bounded memory."""
        for part in self._parts(self._reader.builder()):
            yield self._reader.shown(part.batch)
        self.report.warn_of_filter()

    def _collect(self) -> tuple[pa.Table, FrameBuilder]:
        builder = self._reader.builder()
        parts: list[Part] = []
        try:
            for part in self._parts(builder):
                parts.append(part)
        except KeyboardInterrupt as interrupt:
            raise self._interrupted(parts, builder) from interrupt
        self.report.warn_of_filter()
        return self._reader.table(parts, builder), builder

    def _interrupted(self, parts: Sequence[Part], builder: FrameBuilder) -> Interrupted:
        self.report.stopped = "interrupted"
        frame = self._frame(self._reader.table(parts, builder), builder)
        rest = self._with(self._plan.rest(parts[-1]) if parts else self._plan)
        error = Interrupted(
            f"{self.title}: interrupted after {len(frame):,} rows of {count_text(*expected(self.slices))}. "
            "They are in session.last_interrupted.frame; session.last_interrupted.rest.to_pandas() reads on.",
            frame,
            rest,
        )
        self._session.last_interrupted = error
        return error

    @property
    def _expands(self) -> bool:
        return self._reading.expand and self._plan.columns is None

    def _frame(self, table: pa.Table, builder: FrameBuilder) -> pd.DataFrame:
        details: dict[str, Any] = {"read": self.report.to_dict(), "scan": self.title}
        if self._plan.columns is not None:
            details["columns"] = list(self._plan.columns)
        return frame_of(
            table,
            builder,
            source=self._session.name,
            expand=self._expands,
            details=details,
            slices=self.slices,
        )

    def to_arrow(self) -> pa.Table:
        """Read everything as one Arrow table.

        Raises:
            Interrupted: Ctrl-C was pressed; `.frame` has the rows so far, `.rest` is a scan of the others.
        """
        table, _ = self._collect()
        return expand(table) if self._expands else table

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
        if self._expands:
            return self.to_arrow().__arrow_c_stream__(requested_schema)
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def to_parquet(self, path: str | PathLike[str], *, overwrite: bool = False) -> Exported:
        """Write a folder of Parquet files, one per slice, in bounded memory.

        Slices behind the last row of `head` have empty files.

        If an export of the same range and filter to this folder was interrupted, continue it up to the end
        that was fixed then.

        Args:
            path: The folder.
            overwrite: Replace a finished export of another range. A folder with Parquet files of any other
                origin is always refused.

        Returns:
            A summary of the files that were written.

        Raises:
            ConfigError: The scan has `expand`, or another step behind `head`; or the folder cannot be used.
            InUse: Another export is writing to the folder.
            StorageError: The disk is full, or writing is not permitted.
            Interrupted: Ctrl-C was pressed. Finished slices stay; call this again to continue.
        """
        self._refuse_expand("to_parquet")
        if self._plan.counts and not self._plan.counts_shown:
            raise ConfigError(
                "to_parquet tells by the rows in its files how many are left, and these steps count others: "
                "put where, sample and between before head, or write the table of to_arrow yourself"
            )
        if not isinstance(path, str | PathLike) or not str(path):
            raise ConfigError(f"to_parquet needs the path of a folder, not {path!r}")
        export = Export(Path(path), self.schema, self._reader.identity(), self.title)
        self.report = ReadReport(doubt=self.doubt)
        try:
            exported = export.run(
                self._plan.slices, self._quietly(self.report), overwrite=overwrite, progress=self._progress
            )
        except KeyboardInterrupt as interrupt:
            error = Interrupted(
                f"{self.title}: the export was interrupted; finished slices stay in {path}. "
                "Call to_parquet on the same folder again to go on."
            )
            self._session.last_interrupted = error
            raise error from interrupt
        self.report.warn_of_filter()
        return exported

    def _quietly(self, total: ReadReport) -> Callable[[Slice, int], Iterator[pa.RecordBatch]]:
        """Return a function that reads one slice behind so many rows, and adds what it read to a report."""

        def read(slice_: Slice, before: int) -> Iterator[pa.RecordBatch]:
            plan = self._plan.of_slice(slice_)
            plan = plan.behind(before) if plan.counts else plan
            if plan.done:
                return
            one = self._with(plan)
            one._reader.typed_fields = self._reader.typed_fields
            try:
                for part in one._parts(one._reader.builder(), progress=False):
                    yield one._reader.shown(part.batch)
            finally:
                total.add(one.report)
                self._session.last_read = total

        return read

    def to_polars(self) -> pl.LazyFrame:
        """Return a lazy frame of Polars that reads this scan for each query, in bounded memory.

        Only the columns of the query are built, and `head` stops reading. Comparisons of whole numbers, texts
        and times with values are given to the scan: those of partition, offset and publish time decide what
        is read of the topic. Everything else is filtered by Polars, batch by batch.

        Raises:
            ConfigError: Polars is not installed, or the scan has `expand`.
        """
        from .polars import lazy_frame

        self._refuse_expand("to_polars")

        typed = self._with(self._reader.with_types())

        def read(
            columns: Sequence[str], rows: int | None, wanted: Sequence[pc.Expression]
        ) -> Iterator[pa.RecordBatch]:
            shown = (typed.where(*wanted) if wanted else typed)._showing(columns)
            return (shown if rows is None else shown.head(rows)).batches()

        return lazy_frame(typed.schema, read)

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """Return a relation of DuckDB that reads this scan for each query, in bounded memory.

        See `brokerkit.sql`, which gives scans names.

        Args:
            connection: The connection that queries it; None opens one in memory.

        Raises:
            ConfigError: DuckDB is not installed, or the scan has `expand`.
        """
        from .duckdb import relation_of

        self._refuse_expand("to_duckdb")
        typed = self._with(self._reader.with_types())

        def read(
            columns: Sequence[str] | None, wanted: pc.Expression | None
        ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
            scan = typed if wanted is None else typed.where(wanted)
            shown = scan._showing(typed.schema.names if columns is None else columns)
            return shown.schema, shown.batches()

        return relation_of(typed.schema, read, connection)

    def _showing(self, columns: Sequence[str]) -> Scan:
        """Return the same scan with some of its columns, for a query that shows no progress."""
        plan = self._plan.showing(columns, self._reader.typed_fields)
        return Scan(self._session, self._reading, plan, progress=False)

    def _refuse_expand(self, method: str) -> None:
        if self._expands:
            raise ConfigError(
                f"{method} must know the columns before it reads: leave out expand=, and name the fields, "
                'such as select("offset", "value.total")'
            )

    def to_dask(self) -> dd.DataFrame:
        """Return a dask DataFrame with one partition per slice. Workers connect by themselves.

        No credential is put into the task graph: a worker reads them from its environment, or from its saved
        connection of the same name. Each worker keeps one connection. A slice is read again as often as Dask
        is told to retry.

        A scan that counts rows (`head`, ``limit=``) has one partition, since the rows of one slice depend on
        those before it.

        Raises:
            ConfigError: Dask is not installed, or the scan has `expand`.
        """
        from .dask import to_dask

        self._refuse_expand("to_dask")
        return to_dask(self._session, self._plan.slices, self._reader.work())
