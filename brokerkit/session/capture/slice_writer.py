"""Writing the rows of one slice to files with hidden names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from brokerkit.backends.parquet.manifest import PENDING, DataFile, pending
from brokerkit.core.vocabulary.errors import StorageError
from brokerkit.core.vocabulary.topics import Slice

from ..read.export import file_name
from ..storing import sync
from .folder import GO_ON
from .folders_by import MOST_FOLDERS, FoldersBy


@dataclass
class _Open:
    """A file that is being written."""

    hidden: Path
    writer: pq.ParquetWriter
    start: int
    end: int = 0
    rows: int = 0
    times: list[int] = field(default_factory=list)


class SliceWriter:
    """A writer of rows of one partition, in order. Nothing that it writes is part of the data set yet.

    Args:
        folder: The folder of the data set.
        topic: The topic that is captured.
        partition: The partition of the rows.
        position: The column with their positions.
        folders: What decides the folder of a row.
        metadata: The metadata of each file.
    """

    def __init__(
        self,
        folder: Path,
        topic: str,
        partition: int | None,
        position: str,
        folders: FoldersBy,
        metadata: dict[bytes, bytes],
    ) -> None:
        self._folder = folder
        self._topic = topic
        self._partition = partition
        self._position = position
        self._folders = folders
        self._metadata = metadata
        self._open: dict[str, _Open] = {}
        self._schema: pa.Schema | None = None
        self._files: list[DataFile] = []
        self._made: list[Path] = []

    def write(self, table: pa.Table) -> None:
        """Write some rows, each as a row group of its file. Another schema begins new files.

        Raises:
            ConfigError: There are more than `MOST_FOLDERS` folders.
        """
        if self._schema is not None and table.schema != self._schema:
            self._end()
        self._schema = table.schema
        for folder, rows in self._folders.parts(table):
            positions = rows.column(self._position)
            opened = self._open.get(folder)
            if opened is None:
                if len(self._open) >= MOST_FOLDERS:
                    raise self._folders.too_many()
                opened = self._open[folder] = self._begin(folder, positions[0].as_py())
            opened.writer.write_table(rows, row_group_size=max(1, rows.num_rows))
            opened.end = positions[-1].as_py() + 1
            opened.rows += rows.num_rows
            times: Any = pc.min_max(rows.column("publish_time").cast(pa.int64()))
            opened.times += [each for each in times.as_py().values() if each is not None]

    def close(self) -> list[DataFile]:
        """End all files, which are then on the disk, and return them."""
        self._end()
        return self._files

    def abandon(self) -> None:
        """Delete what was written."""
        for opened in self._open.values():
            opened.writer.close()
            opened.hidden.unlink(missing_ok=True)
        for each in self._files:
            pending(self._folder / each.name).unlink(missing_ok=True)
        for inner in self._made:
            if not any(inner.iterdir()):
                inner.rmdir()

    def _begin(self, folder: str, start: int) -> _Open:
        assert self._schema is not None
        inner = self._folder / folder
        if not inner.exists():
            inner.mkdir()
            self._made.append(inner)
        hidden = inner / f"_{uuid4().hex}{PENDING}"
        schema = self._schema.with_metadata(self._metadata)
        return _Open(hidden, pq.ParquetWriter(hidden, schema, compression="zstd"), start)

    def _end(self) -> None:
        for folder, opened in self._open.items():
            opened.writer.close()
            if pq.read_metadata(opened.hidden).num_rows != opened.rows:
                raise StorageError(
                    f"{opened.hidden} reads back differently from what was written: check the disk. {GO_ON}"
                )
            sync(opened.hidden)
            name = file_name(Slice(self._topic, self._partition, opened.start, opened.end))
            size = opened.hidden.stat().st_size
            opened.hidden.replace(pending(opened.hidden.with_name(name)))
            self._files.append(
                DataFile(
                    str(PurePosixPath(folder) / name),
                    self._partition,
                    opened.start,
                    opened.end,
                    opened.rows,
                    size,
                    min(opened.times, default=None),
                    max(opened.times, default=None),
                )
            )
        self._open = {}
