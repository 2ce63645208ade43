"""Writing slices into a folder of Parquet files, so that an interrupted export can be continued.

While an export runs, its plan is a file in the folder. When it is finished, each Parquet file says which
export it belongs to, and the folder holds nothing else, for readers that require it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from brokerkit.core.vocabulary.errors import ConfigError, StorageError
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.display.progress import bar, expected

from ..locking import only_writer
from ..storing import NEW, into_place, storing, sync

PLAN = "_brokerkit.json"
LOCK = "_brokerkit.lock"
GO_ON = "What is finished stays; to_parquet on the same folder goes on."
EXPORT_KEY = b"brokerkit.export"
GROUP_ROWS = 50_000
GROUP_BYTES = 32_000_000
NAME_LENGTH = 100


Read: TypeAlias = Callable[[Slice, int], "Iterator[pa.RecordBatch]"]
"""Returns the rows of a slice; called with it, and how many rows the slices before it have."""


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    Attributes:
        path: The folder.
        files: How many Parquet files it has.
        rows: How many rows they hold.
        bytes: The size of the files.
        resumed: How many of the rows an earlier, interrupted call had written.
    """

    path: Path
    files: int
    rows: int
    bytes: int
    resumed: int = 0

    def __repr__(self) -> str:
        resumed = f", {self.resumed:,} of them from before" if self.resumed else ""
        files = "1 file" if self.files == 1 else f"{self.files:,} files"
        return f"exported {self.rows:,} rows in {files} to {self.path}{resumed}"


@dataclass(frozen=True)
class Export:
    """One export to one folder.

    Args:
        identity: Text by which an export is told from another; it is equal for calls that may continue it.
    """

    path: Path
    schema: pa.Schema
    identity: Mapping[str, str]
    title: str

    def run(
        self,
        slices: Sequence[Slice],
        read: Read,
        *,
        overwrite: bool,
        progress: bool,
    ) -> Exported:
        """Write each slice to a file, which gets its name only when it is complete and on the disk.

        Raises:
            ConfigError: The folder holds something else.
            InUse: Another export is writing to the folder.
            StorageError: The disk is full, or writing is not permitted.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"{self.path} is a file; to_parquet writes a folder: give another name")
        with storing(self.path, GO_ON):
            self.path.mkdir(parents=True, exist_ok=True)
            with only_writer(self.path, self.path / LOCK, "give another folder"):
                return self._run(slices, read, overwrite=overwrite, progress=progress)

    def _run(
        self,
        slices: Sequence[Slice],
        read: Read,
        *,
        overwrite: bool,
        progress: bool,
    ) -> Exported:
        plan = self._plan(slices, overwrite)
        rows = resumed = size = 0
        total, counted = expected(plan)
        with bar(self.title, total, counted=counted, show=progress) as shown:
            for slice_ in plan:
                file = self.path / file_name(slice_)
                done = _rows_of(file)
                if done is not None:
                    count = done
                    resumed += count
                    shown.update(count)
                else:
                    count = self._write(file, read(slice_, rows), shown.update)
                rows += count
                size += file.stat().st_size
        (self.path / PLAN).unlink(missing_ok=True)
        sync(self.path)
        return Exported(self.path, len(plan), rows, size, resumed)

    def _plan(self, slices: Sequence[Slice], overwrite: bool) -> list[Slice]:
        """Return the unfinished plan in the folder, otherwise these slices."""
        known = self._known_plan()
        planned = list(slices) if known is None else [Slice.from_plain(each) for each in known["slices"]]
        names = {file_name(slice_) for slice_ in planned}
        if len(names) < len(planned):
            raise ConfigError("the scan has a slice twice, which would be one file: give each slice once")
        files = sorted(self.path.glob("*.parquet"))
        damaged = [file for file in files if file.name in names and _rows_of(file) is None]
        owners = {file: _owner(file) for file in files if file not in damaged}
        unknown = [file.name for file, owner in owners.items() if owner is None]
        if unknown:
            raise ConfigError(
                f"{self.path} holds Parquet files that are not the export of a topic ({unknown[0]}): "
                "give another folder"
            )
        same = all(owner == dict(self.identity) for owner in owners.values())
        if not overwrite and known is not None and known["identity"] != dict(self.identity):
            raise ConfigError(
                f"{self.path} holds an interrupted export of something else ({known['title']}): "
                "give another folder, or overwrite=True"
            )
        if not overwrite and known is None and files and (not same or {file.name for file in files} != names):
            raise ConfigError(
                f"{self.path} already holds a finished export{'' if same else ' of something else'}: "
                "give another folder, or overwrite=True"
            )
        if not overwrite:
            self._check_columns(list(owners))
        for file in self.path.glob(f"*{NEW}"):  # left by a process that was killed
            file.unlink(missing_ok=True)
        if overwrite:
            for file in [*files, self.path / PLAN]:
                file.unlink(missing_ok=True)
            planned = list(slices)
        if overwrite or (known is None and (damaged or not files)):
            self._keep_plan(planned)
        return planned

    def _check_columns(self, files: Sequence[Path]) -> None:
        """Raise ConfigError if the files have other columns: those of an older version or another decoder."""
        ours = {field.name: field.type for field in self.schema}
        for file in files:
            theirs = {field.name: field.type for field in pq.read_schema(file)}
            differing = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
            if differing:
                told = ", ".join(
                    f"{name} is {theirs.get(name, 'missing')} there and {ours.get(name, 'missing')} here"
                    for name in differing
                )
                raise ConfigError(
                    f"{self.path} holds this export with other columns, as an older version wrote them "
                    f"({told}): give another folder, or overwrite=True"
                )

    def _known_plan(self) -> dict[str, Any] | None:
        file = self.path / PLAN
        if not file.exists():
            return None
        try:
            known = json.loads(file.read_bytes())
            if {"identity", "title", "slices"} <= set(known):
                return dict(known)
        except (ValueError, TypeError):
            known = None
        raise ConfigError(f"{file} is not the plan of an export: give another folder")

    def _keep_plan(self, slices: Sequence[Slice]) -> None:
        content = {
            "identity": dict(self.identity),
            "title": self.title,
            "slices": [slice_.plain for slice_ in slices],
        }
        into_place(self.path / PLAN, lambda new: new.write_text(json.dumps(content, indent=1), "utf-8"))

    def _write(self, file: Path, batches: Iterator[pa.RecordBatch], count: Callable[[int], object]) -> int:
        rows = 0
        mark = {**(self.schema.metadata or {}), EXPORT_KEY: json.dumps(dict(self.identity)).encode()}

        def write(new: Path) -> None:
            nonlocal rows
            with pq.ParquetWriter(new, self.schema.with_metadata(mark), compression="zstd") as writer:
                for group in row_groups(batches):
                    table = pa.Table.from_batches(group, self.schema)
                    writer.write_table(table, row_group_size=max(1, table.num_rows))
                    rows += table.num_rows
                    count(table.num_rows)
            if _rows_of(new) != rows:
                raise StorageError(
                    f"{file} reads back differently from what was written: check the disk. {GO_ON}"
                )

        into_place(file, write)
        return rows


def _rows_of(file: Path) -> int | None:
    """Return the number of rows of a finished file; None if there is no file that can be read."""
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowException, FileNotFoundError):
        return None


def _owner(file: Path) -> dict[str, str] | None:
    """Return the identity of the export that wrote a file; None if no export did."""
    try:
        mark = (pq.read_schema(file).metadata or {}).get(EXPORT_KEY)
        found = None if mark is None else json.loads(mark)
    except (pa.ArrowException, ValueError, OSError):
        return None
    return found if isinstance(found, dict) else None


def file_name(slice_: Slice) -> str:
    """Return a name that is valid on every system, and different for any two slices of a plan."""
    # a topic's name may be anything, even "../.."
    safe = quote(slice_.topic, safe="", errors="surrogatepass")
    if safe[:1] in "._":  # readers of folders skip files that begin with these
        safe = f"%{ord(safe[0]):02X}{safe[1:]}"
    if len(safe) > NAME_LENGTH or slice_.topic != slice_.topic.lower():  # some systems take "a" for "A"
        digest = sha256(slice_.topic.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        safe = f"{safe[:NAME_LENGTH]}-{digest}"
    partition = "" if slice_.partition is None else f"-{slice_.partition}"
    return f"{safe}{partition}-{slice_.start:012d}-{slice_.end:012d}.parquet"


def row_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Yield lists of batches of bounded size, to limit the memory in use."""
    group: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group
