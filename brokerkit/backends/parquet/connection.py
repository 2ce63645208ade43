"""The data sets in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from brokerkit.core.vocabulary.errors import ConfigError, NotFound

from .manifest import MANIFEST, DataFile, Manifest, manifest_of


@dataclass(frozen=True, slots=True)
class DataSet:
    """A captured topic, as its manifest says now.

    Attributes:
        folder: Where it is.
        manifest: What it has.
    """

    folder: Path
    manifest: Manifest

    @property
    def partitions(self) -> list[int | None]:
        """The numbers of the partitions, in order."""
        return sorted((each.partition for each in self.manifest.partitions), key=lambda n: (n is not None, n))

    def files(self, partition: int | None) -> list[DataFile]:
        """Return the files of a partition, by their first position."""
        found = [each for each in self.manifest.files if each.partition == partition]
        return sorted(found, key=lambda file: (file.start, file.end, file.name))


class ParquetConnection:
    """A folder that is a data set, or has several. Any thread may ask.

    A manifest is read again once its file was replaced.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Path, tuple[tuple[int, int], Manifest]] = {}

    def data_sets(self) -> dict[str, DataSet]:
        """Return the data sets by topic.

        Raises:
            ConfigError: There is none, or two are of the same topic.
        """
        found: dict[str, DataSet] = {}
        for data_set in self._found():
            other = found.setdefault(data_set.manifest.topic, data_set)
            if other is not data_set:
                raise ConfigError(
                    f"{other.folder} and {data_set.folder} both have the topic {other.manifest.topic!r}: "
                    "open one of them, parquet://PATH"
                )
        if not found:
            raise ConfigError(
                f"{self.folder} is not a folder that capture wrote, nor has it one: expected a folder with "
                "the file _brokerkit-capture.json, as s.capture(topic, path) makes it"
            )
        return found

    def data_set(self, topic: str) -> DataSet:
        """Return the data set of a topic, or the one whose rows have this name for it.

        Raises:
            NotFound: There is none.
        """
        found = self.data_sets()
        named = (each for each in found.values() if each.manifest.takes(topic))
        data_set = found.get(topic) or next(named, None)
        if data_set is None:
            raise NotFound(
                f"{self.folder} has no topic {topic!r}; choose one of: {', '.join(sorted(found)[:20])}"
            )
        return data_set

    def _found(self) -> Iterator[DataSet]:
        own = self._manifest(self.folder)
        if own is not None:
            yield DataSet(self.folder, own)
            return
        inner = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        for folder in inner:
            manifest = self._manifest(folder) if folder.is_dir() else None
            if manifest is not None:
                yield DataSet(folder, manifest)

    def _manifest(self, folder: Path) -> Manifest | None:
        try:
            facts = (folder / MANIFEST).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        state = facts.st_ino, facts.st_mtime_ns
        known = self._known.get(folder)
        if known is not None and known[0] == state:
            return known[1]
        found = manifest_of(folder)
        if found is not None:
            self._known[folder] = state, found
        return found
