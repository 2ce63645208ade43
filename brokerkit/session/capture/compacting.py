"""Putting small files of a data set together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from brokerkit.backends.parquet.manifest import DataFile, Manifest

from ..read.export import row_groups
from .column_types import fitted
from .folder import CaptureFolder
from .folders_by import FoldersBy
from .slice_writer import SliceWriter

FEWEST = 10
"""Fewer small files than this, one after the other, are left as they are."""


def compact(
    folder: CaptureFolder, schema: pa.Schema, metadata: dict[bytes, bytes], position: str, file_rows: int
) -> None:
    """Put small files together, those of a folder and partition that follow each other, and commit.

    Args:
        folder: The folder of the data set.
        schema: The schema of the data set. Files that lack columns get them.
        metadata: The metadata of each file.
        position: The column with the positions.
        file_rows: About how many rows a file should have. Files with more than half of them are left.
    """
    manifest = folder.manifest
    if manifest is None:
        return
    made: list[DataFile] = []
    gone: list[str] = []
    for files in _small(manifest, file_rows):
        first = files[0]
        inner = str(PurePosixPath(first.name).parent)
        writer = SliceWriter(
            folder.path / inner, manifest.topic, first.partition, position, FoldersBy(None), metadata
        )
        try:
            for group in row_groups(_rows(folder.path, files)):
                # files may differ in their schemas: each batch is fitted on its own
                tables = [fitted(pa.Table.from_batches([batch]), schema)[0] for batch in group]
                writer.write(pa.concat_tables(tables))
            made += [replace(each, name=str(PurePosixPath(inner) / each.name)) for each in writer.close()]
        except BaseException:
            writer.abandon()
            raise
        gone += [each.name for each in files]
    if made:
        kept = [each for each in manifest.files if each.name not in set(gone)]
        folder.commit(replace(manifest, files=(*kept, *made), replaced=tuple(gone)))


def _small(manifest: Manifest, file_rows: int) -> Iterator[list[DataFile]]:
    """Yield small files that follow each other in a folder and partition, about `file_rows` rows at once."""

    def place(file: DataFile) -> tuple[str, int]:
        partition = -1 if file.partition is None else file.partition
        return str(PurePosixPath(file.name).parent), partition

    ordered = sorted(manifest.files, key=lambda file: (*place(file), file.start))
    for _, files in groupby(ordered, key=place):
        run: list[DataFile] = []
        for file in files:
            if file.rows <= file_rows // 2:
                run.append(file)
            else:
                yield from _enough(run)
                run = []
            if sum(each.rows for each in run) >= file_rows:
                yield from _enough(run)
                run = []
        yield from _enough(run)


def _enough(run: list[DataFile]) -> Iterator[list[DataFile]]:
    if len(run) >= FEWEST:
        yield run


def _rows(folder: Path, files: list[DataFile]) -> Iterator[pa.RecordBatch]:
    for file in files:
        with pq.ParquetFile(folder / file.name) as opened:
            for number in range(opened.metadata.num_row_groups):
                yield from opened.read_row_group(number).to_batches()
