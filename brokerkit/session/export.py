"""Writing slices into a folder of Parquet files that can be gone on with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from brokerkit.core.errors import ConfigError
from brokerkit.core.topics import Slice

from .progress import bar

MANIFEST = "_brokerkit.json"
GROUP_ROWS = 50_000
GROUP_BYTES = 32_000_000


@dataclass(frozen=True)
class Exported:
    """What an export wrote. resumed: rows that an earlier, interrupted call had written already."""

    path: Path
    files: int
    rows: int
    bytes: int
    resumed: int = 0

    def __repr__(self) -> str:
        resumed = f", {self.resumed:,} of them from before" if self.resumed else ""
        return f"exported {self.rows:,} rows in {self.files} files to {self.path}{resumed}"


def export_parquet(
    path: Path,
    slices: Sequence[Slice],
    schema: pa.Schema,
    read: Callable[[Slice], Iterator[pa.RecordBatch]],
    *,
    source: str,
    title: str,
    settings: Mapping[str, str],
    overwrite: bool,
    progress: bool,
) -> Exported:
    """Write each slice to a file of its own, which gets its name only when it is complete."""
    path.mkdir(parents=True, exist_ok=True)
    identity = {"source": source, "title": title, **settings}
    plan = _plan(path, slices, identity, overwrite)
    rows = resumed = 0
    with bar(title, sum(piece.estimate for piece in plan), show=progress) as shown:
        for piece in plan:
            file = path / _file_name(piece)
            if file.exists():
                count = pq.read_metadata(file).num_rows
                resumed += count
                shown.update(count)
            else:
                count = _write(file, schema, read(piece), shown.update)
            rows += count
    _write_manifest(path, plan, identity, finished=True)
    files = sorted(path.glob("*.parquet"))
    return Exported(path, len(files), rows, sum(file.stat().st_size for file in files), resumed)


def _plan(path: Path, slices: Sequence[Slice], identity: dict[str, str], overwrite: bool) -> list[Slice]:
    """The plan that is in the folder and not finished, else ours."""
    manifest = path / MANIFEST
    if overwrite:
        for old in path.glob("*.parquet"):
            old.unlink()
        manifest.unlink(missing_ok=True)
    if manifest.exists():
        known = json.loads(manifest.read_text("utf-8"))
        planned = [Slice(*each) for each in known["slices"]]
        same = known["identity"] == identity
        if same and (not known["finished"] or planned == list(slices)):
            return planned
        raise ConfigError(
            f"{path} already holds {'a finished' if known['finished'] else 'another'} export "
            f"({known['identity']['title']}); give another folder, or overwrite=True"
        )
    if any(path.glob("*.parquet")):
        raise ConfigError(f"{path} holds Parquet files of something else; give another folder")
    _write_manifest(path, slices, identity, finished=False)
    return list(slices)


def _write_manifest(path: Path, slices: Sequence[Slice], identity: dict[str, str], *, finished: bool) -> None:
    content: dict[str, Any] = {
        "identity": identity,
        "finished": finished,
        "slices": [[s.topic, s.partition, s.start, s.end, s.estimate] for s in slices],
    }
    _into_place(path / MANIFEST, lambda new: new.write_text(json.dumps(content, indent=1), "utf-8"))


def _into_place(file: Path, write: Callable[[Path], object]) -> None:
    new = file.with_name(file.name + ".new")
    write(new)
    os.replace(new, file)


def _file_name(piece: Slice) -> str:
    partition = "" if piece.partition is None else f"-{piece.partition}"
    # a topic's name may be anything, also "../.."
    topic = quote(piece.topic, safe="")[:120].replace(".", "%2E")
    return f"{topic}{partition}-{piece.start:012d}-{piece.end:012d}.parquet"


def _write(
    file: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch], count: Callable[[int], object]
) -> int:
    rows = 0

    def write(new: Path) -> None:
        nonlocal rows
        with pq.ParquetWriter(new, schema, compression="zstd") as writer:
            for group in _groups(batches):
                table = pa.Table.from_batches(group, schema)
                writer.write_table(table, row_group_size=max(1, table.num_rows))
                rows += table.num_rows
                count(table.num_rows)

    _into_place(file, write)
    return rows


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Batches in groups of bounded size: what is in memory at once."""
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        big = sum(b.num_rows for b in group) >= GROUP_ROWS or sum(b.nbytes for b in group) >= GROUP_BYTES
        if big:
            yield group
            group = []
    if group:
        yield group
