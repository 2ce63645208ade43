"""The folder of a data set: one writer at a time, and commits that a crash cannot split.

A commit writes new files under hidden names, then the manifest that names them, and only then gives them
their names. Wherever a process is killed, either the manifest before the commit counts or the one after it,
and the next writer ends what that manifest says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from brokerkit.backends.parquet.manifest import MANIFEST, PENDING, Manifest, manifest_of, pending
from brokerkit.core.vocabulary.errors import ConfigError

from ..locking import only_writer
from ..read.export import LOCK
from ..storing import into_place, storing, sync

OWN = re.compile(
    rf"_([0-9a-f]{{32}}|.+-\d{{12,}}-\d{{12,}}\.parquet|{re.escape(MANIFEST)}\.\d+-[0-9a-f]{{8}}){re.escape(PENDING)}"
)
"""The hidden names that captures give: of files that are written or wait, and of manifests."""
GO_ON = "What was committed stays; the same call goes on."


class CaptureFolder:
    """The folder of a data set, held by its only writer.

    Attributes:
        path: The folder.
        manifest: The manifest as it is on the disk; None before the first commit.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = manifest_of(path)
        if self.manifest is None:
            self._refuse_other_files()
        self._recover()

    @classmethod
    @contextmanager
    def held(cls, path: Path) -> Iterator[CaptureFolder]:
        """Make the folder if it is missing, and hold it.

        Raises:
            ConfigError: The folder holds something else, or its data set is damaged.
            InUse: Another capture writes to it.
            StorageError: The disk is full, or writing is not permitted.
        """
        if path.exists() and not path.is_dir():
            raise ConfigError(f"{path} is a file; capture writes a folder: give another name")
        with storing(path, GO_ON):
            path.mkdir(parents=True, exist_ok=True)
            with only_writer(path, path / LOCK, "give another folder"):
                yield cls(path)

    def commit(self, manifest: Manifest) -> None:
        """Make a manifest the state of the data set. Its new files are on the disk under hidden names."""
        known = set() if self.manifest is None else {each.name for each in self.manifest.files}
        added = [each.name for each in manifest.files if each.name not in known]
        for folder in self._folders(added):
            sync(folder)
        into_place(self.path / MANIFEST, lambda new: new.write_text(manifest.text, "utf-8"))
        self.manifest = manifest
        self._finish(added)

    def _finish(self, added: list[str]) -> None:
        """Do what the manifest says: delete what was replaced, and give new files their names.

        In this order no reader of the folder sees a row twice.
        """
        manifest = self.manifest
        assert manifest is not None
        for name in manifest.replaced:
            (self.path / name).unlink(missing_ok=True)
        for name in added:
            hidden = pending(self.path / name)
            if hidden.exists():
                os.replace(hidden, self.path / name)
        for folder in self._folders([*added, *manifest.replaced]):
            sync(folder)

    def _recover(self) -> None:
        """End what a killed process had begun."""
        if self.manifest is not None:
            names = [each.name for each in self.manifest.files]
            waiting = [name for name in names if not (self.path / name).exists()]
            lost = [name for name in waiting if not pending(self.path / name).exists()]
            if lost:
                raise ConfigError(
                    f"{self.path} is damaged: {lost[0]} is missing"
                    + (f", and {len(lost) - 1:,} more" if len(lost) > 1 else "")
                    + ": put it back, or capture into another folder"
                )
            self._finish(waiting)
            self.manifest = replace(self.manifest, replaced=())
            for left in self.path.rglob(f"_*{PENDING}"):
                if OWN.fullmatch(left.name):
                    left.unlink(missing_ok=True)

    def _refuse_other_files(self) -> None:
        other = next(self.path.rglob("*.parquet"), None)
        if other is not None:
            raise ConfigError(
                f"{self.path} holds Parquet files that no capture wrote ({other.relative_to(self.path)}): "
                "give another folder"
            )

    def _folders(self, names: list[str]) -> list[Path]:
        """Return the folders of files, the innermost first, with those that may be new on the way."""
        folders = {(self.path / name).parent for name in names}
        folders |= {parent for each in folders for parent in each.parents if parent.is_relative_to(self.path)}
        return sorted((each for each in folders if each.exists()), key=lambda each: -len(each.parts))
