"""A plan to read a range of topics, and the ways to carry it out."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.errors import BrokerError, ConfigError
from brokerkit.core.topics import Slice
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.expand import expand
from brokerkit.frames.provenance import attach, provenance
from brokerkit.frames.schema import schema_for

from .export import Exported, export_parquet
from .filters import Filter
from .interrupted import Interrupted
from .reading import Part, ReadReport, SliceReader, left_of

if TYPE_CHECKING:
    import pandas as pd

    from .session import Session

SAMPLE_ROWS = 100


class Scan:
    """What would be read, not read yet. Every way of reading it starts from the beginning.

    slices: the plan, fixed when it was made: messages that come later are not part of it.
    report: what the last read did.
    """

    def __init__(
        self,
        session: Session,
        slices: Sequence[Slice],
        *,
        title: str,
        decode: Any,
        expand: bool,
        attributes: bool,
        key: str | bytes | None,
        where: Any,
        limit: int | None,
        progress: bool,
    ) -> None:
        self._session = session
        self.slices = list(slices)
        self.title = title
        self.report = ReadReport()
        self._decode = decode
        self._expand = expand
        self._attributes = attributes
        self._key = key
        self._where = where
        self._limit = limit
        self._progress = progress
        self._filter()  # a wrong filter is an error now, not at the first row
        self._builder = self._new_builder()

    def _filter(self) -> Filter:
        return Filter(self._key, self._where)

    def _new_builder(self) -> FrameBuilder:
        return FrameBuilder(self._decode, self._attributes)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of what is read, before `expand`."""
        return schema_for(self._builder.decoder)

    @property
    def messages(self) -> int:
        """How many messages to expect at most."""
        return sum(piece.estimate for piece in self.slices)

    @cached_property
    def bytes(self) -> int | None:
        """About how many bytes of payload, from a few messages of the first slice; None if unknown."""
        first = next((piece for piece in self.slices if not piece.empty), None)
        if first is None:
            return 0
        try:
            for columns in self._session.browser.read(first, attributes=False, stall=5.0):
                sizes = [len(value or b"") for value in islice(columns.values("value"), SAMPLE_ROWS)]
                return self.messages * sum(sizes) // max(1, len(sizes))
        except BrokerError:
            return None
        return 0

    def _with_slices(self, slices: Sequence[Slice], limit: int | None) -> Scan:
        return Scan(
            self._session,
            slices,
            title=self.title,
            decode=self._decode,
            expand=self._expand,
            attributes=self._attributes,
            key=self._key,
            where=self._where,
            limit=limit,
            progress=self._progress,
        )

    def _reader(self, builder: FrameBuilder) -> SliceReader:
        reader = SliceReader(
            self._session.browser,
            self.slices,
            builder,
            wanted=self._filter(),
            limit=self._limit,
            attributes=self._attributes,
        )
        self.report = self._session.last_read = reader.report
        return reader

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Arrow record batches as they are read, in bounded memory."""
        reader = self._reader(self._new_builder())
        return (part.batch for part in reader.parts(what=self.title, progress=self._progress))

    def _collect(self) -> tuple[pa.Table, FrameBuilder]:
        builder = self._new_builder()
        reader = self._reader(builder)
        parts: list[Part] = []
        try:
            for part in reader.parts(what=self.title, progress=self._progress):
                parts.append(part)
        except KeyboardInterrupt as interrupt:
            raise self._interrupted(parts, builder) from interrupt
        return builder.to_table(part.batch for part in parts), builder

    def _interrupted(self, parts: Sequence[Part], builder: FrameBuilder) -> Interrupted:
        frame = self._frame(builder.to_table(part.batch for part in parts), builder)
        limit = None if self._limit is None else self._limit - len(frame)
        rest = self._with_slices(left_of(self.slices, parts), limit)
        error = Interrupted(
            f"{self.title}: interrupted after {len(frame):,} rows of about {self.messages:,}. They are in "
            "session.last_interrupted.frame; session.last_interrupted.rest.to_pandas() reads on.",
            frame,
            rest,
        )
        self._session.last_interrupted = error
        return error

    def _frame(self, table: pa.Table, builder: FrameBuilder) -> pd.DataFrame:
        if self._expand:
            table = expand(table)
        details = {"read": self.report.to_dict(), "scan": self.title}
        content = provenance(builder, source=self._session.name, slices=self.slices, details=details)
        return attach(to_pandas(table), content)

    def to_arrow(self) -> pa.Table:
        """Everything as one Arrow table."""
        table, _ = self._collect()
        return expand(table) if self._expand else table

    def to_pandas(self) -> pd.DataFrame:
        """Everything as one Arrow-backed DataFrame. An interrupt raises `Interrupted` with the part read."""
        table, builder = self._collect()
        return self._frame(table, builder)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The Arrow C stream protocol: ``polars.DataFrame(scan)``, ``duckdb.sql("from scan")``."""
        if self._expand:
            return self.to_arrow().__arrow_c_stream__(requested_schema)
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def to_parquet(self, path: str | Path, *, overwrite: bool = False) -> Exported:
        """Write a folder of Parquet files, one per slice, in bounded memory.

        Called again on a folder whose export was interrupted, it goes on with that export. A folder
        that holds a finished export is refused unless `overwrite`.
        """
        if self._expand or self._limit is not None:
            raise ConfigError(
                "to_parquet writes whole slices: leave out expand= and limit= "
                "(bk.expand works on what is read back; start= and end= narrow the range)"
            )

        def read(piece: Slice) -> Iterator[pa.RecordBatch]:
            return self._with_slices([piece], None)._quietly()

        try:
            return export_parquet(
                Path(path),
                self.slices,
                self.schema,
                read,
                source=self._session.name,
                title=self.title,
                settings={"decode": self._builder.decoder.name, "filter": str(self._filter())},
                overwrite=overwrite,
                progress=self._progress,
            )
        except KeyboardInterrupt as interrupt:
            error = Interrupted(
                f"{self.title}: the export was interrupted; finished slices stay in {path}. "
                "Call to_parquet on the same folder again to go on."
            )
            self._session.last_interrupted = error
            raise error from interrupt

    def _quietly(self) -> Iterator[pa.RecordBatch]:
        reader = self._reader(self._new_builder())
        return (part.batch for part in reader.parts(progress=False))

    def to_dask(self) -> Any:
        """A dask DataFrame with one partition per slice; workers connect by themselves.

        No credential goes into the task graph: a worker takes them from its environment or from
        its saved connection of the same name.
        """
        from .dask import to_dask

        if self._expand or self._limit is not None or self._filter().active:
            raise ConfigError("to_dask reads whole slices: leave out expand=, limit=, key= and where=")
        return to_dask(
            self._session, self.slices, decoder=self._builder.decoder.name, attributes=self._attributes
        )

    def __len__(self) -> int:
        raise TypeError(f"a scan does not know its exact length before it is read; about {self.messages:,}")

    def __repr__(self) -> str:
        topics = sorted({piece.topic for piece in self.slices})
        shown = ", ".join(topics[:5]) + (f" and {len(topics) - 5} more" if len(topics) > 5 else "")
        size = "" if self.bytes is None else f", about {_size(self.bytes)}"
        wanted = f", {self._filter()}" if self._filter().active else ""
        limit = "" if self._limit is None else f", at most {self._limit:,} rows"
        return (
            f"{self.title}\n"
            f"topics: {shown or 'nothing to read'}; {len(self.slices)} slices, "
            f"about {self.messages:,} messages{size}{wanted}{limit}\n"
            "not read yet: .to_pandas() .to_arrow() .to_parquet(path) .to_dask()"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
