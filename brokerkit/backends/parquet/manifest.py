"""The manifest of a captured data set: its files, how far it has come, and what is missing.

It is one JSON file in the folder of the data set, replaced as a whole. A file that it does not name is not
part of the data set. A file that it names may still have its hidden name: its process was killed before it
could rename it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import EXACT

MANIFEST = "_brokerkit-capture.json"
VERSION = 1
PENDING = ".new"
"""The end of the names of files that are not in place yet."""
NUMBER = "row"
"""The column with the number of each row in its partition, where the system has no offsets."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a data set. It has rows of one partition, in order.

    Attributes:
        name: Its path in the folder, with slashes.
        partition: The partition of its rows.
        start: The position of its first row: an offset, or the number of the row where there are none.
        end: The position after its last row.
        rows: How many rows it has.
        bytes: Its size.
        first_time: The earliest time of a row, in microseconds since 1970.
        last_time: The latest time of a row.
    """

    name: str
    partition: int | None
    start: int
    end: int
    rows: int
    bytes: int
    first_time: int | None = None
    last_time: int | None = None

    def place(self, folder: Path) -> Path:
        """Return where the file is, under its own or its hidden name."""
        final = folder / self.name
        hidden = pending(final)
        return hidden if hidden.exists() and not final.exists() else final


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a partition was captured. Positions are those of the system that was captured.

    Attributes:
        partition: The number of the partition. None where the system has no partitions.
        start: The position where the first capture began.
        next: The position where the next capture begins.
        rows: How many rows were captured.
        last: The position of the last row that was captured. None before the first.
        last_time: Its time, in microseconds since 1970.
        digest: A digest of its key and payload.
    """

    partition: int | None
    start: int
    next: int
    rows: int = 0
    last: int | None = None
    last_time: int | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Positions of a partition that the broker deleted before they were captured.

    Attributes:
        partition: The number of the partition. None where the system has no partitions.
        start: The first position.
        end: The position after the last.
        shown: The range in words.
        noticed: When it was noticed, as ISO text.
    """

    partition: int | None
    start: int
    end: int
    shown: str
    noticed: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The state of a data set.

    Attributes:
        topic: The topic that was captured.
        source: The name of the broker it was captured from.
        names: Other names that rows have for their topic: its full name, or the subjects of a wildcard.
        identity: What tells the topic from an earlier one of its name; empty where the system does not say.
        settings: The choices of the first capture, by name.
        numbered: Whether rows have the column `NUMBER`, because the system has no offsets.
        attributes_read_as: `Capabilities.attributes_read_as` of the system.
        schema: The Arrow schema of the files, serialized as base64. Older files may lack columns.
        partitions: How far each partition was captured.
        files: The files, in no order.
        replaced: Names of files that others have taken the place of, which are to be deleted.
        gaps: What is missing.
        misfits: How many values did not fit the type of their column, by column.
        begun: When the first capture began, as ISO text.
        ended: When the last capture ended.
    """

    topic: str
    source: str
    names: tuple[str, ...] = ()
    identity: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    numbered: bool = False
    attributes_read_as: str = "string"
    schema: str = ""
    partitions: tuple[Reached, ...] = ()
    files: tuple[DataFile, ...] = ()
    replaced: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    misfits: Mapping[str, int] = field(default_factory=dict)
    begun: str = ""
    ended: str = ""

    def reached(self, partition: int | None) -> Reached | None:
        """Return how far a partition was captured; None if it was not yet."""
        return next((each for each in self.partitions if each.partition == partition), None)

    def takes(self, topic: str) -> bool:
        """Return whether the data set has rows of a topic."""
        return topic == self.topic or topic in self.names

    @property
    def all_names(self) -> list[str]:
        """The names of all files that it has and had."""
        return [*(each.name for each in self.files), *self.replaced]

    @property
    def rows(self) -> int:
        """How many rows the data set has."""
        return sum(each.rows for each in self.files)

    @property
    def bytes(self) -> int:
        """The size of its files."""
        return sum(each.bytes for each in self.files)

    @property
    def text(self) -> str:
        """The manifest as JSON."""
        return json.dumps({"brokerkit": "capture", "version": VERSION, **_written(asdict(self))}, indent=1)


def pending(file: Path) -> Path:
    """Return the hidden name of a file that is not in place yet, which readers of folders skip."""
    return file.with_name(f"_{file.name}{PENDING}")


def manifest_of(folder: Path) -> Manifest | None:
    """Return the manifest of a folder; None if it is not a data set.

    Raises:
        ConfigError: The manifest cannot be read.
    """
    file = folder / MANIFEST
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, NotADirectoryError) as error:
        raise ConfigError(f"{file} is not the manifest of a capture: {error}") from error
    if not isinstance(found, dict) or found.pop("brokerkit", None) != "capture":
        raise ConfigError(f"{file} is not the manifest of a capture")
    version = found.pop("version", None)
    if version != VERSION:
        raise ConfigError(
            f"{file} has version {version!r}, and this brokerkit reads version {VERSION}: use a newer one"
        )
    try:
        made = Manifest(
            **{
                **found,
                "partitions": _rows(Reached, found["partitions"], ("start", "next", "last", "last_time")),
                "files": _rows(DataFile, found["files"], ("start", "end", "first_time", "last_time")),
                "gaps": _rows(Gap, found["gaps"], ("start", "end")),
                "names": tuple(found["names"]),
                "replaced": tuple(found["replaced"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{file} is damaged: {type(error).__name__}: {error}") from error
    outside = next((name for name in made.all_names if not _is_inside(name)), None)
    if outside is not None:
        raise ConfigError(f"{file} names a file that is not one of its folder ({outside!r:.60})")
    return made


def _is_inside(name: str) -> bool:
    """Return whether a name is that of a Parquet file in the folder or one below it."""
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name
    return plain and path.suffix == ".parquet"


def _written(value: Any) -> Any:
    """Return a value for JSON. An integer that many readers of JSON would round becomes text."""
    if isinstance(value, Mapping):
        return {name: _written(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= EXACT:
        return str(value)
    return value


def _rows(kind: Any, rows: Sequence[Mapping[str, Any]], numbers: Sequence[str]) -> tuple[Any, ...]:
    """Return rows of a manifest as objects. A large position or time was written as text."""
    return tuple(
        kind(
            **{
                name: int(value) if name in numbers and value is not None else value
                for name, value in row.items()
            }
        )
        for row in rows
    )
