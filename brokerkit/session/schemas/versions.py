"""The versions of one subject."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.markup import Displayed, block, heading, lines, table
from brokerkit.display.sanitize import plain, plain_lines
from brokerkit.frames.arrow import schema
from brokerkit.frames.dataframe import to_pandas
from brokerkit.registry import RegisteredSchema

if TYPE_CHECKING:
    import pandas as pd

VERSIONS = schema(
    {
        "version": pa.int32(),
        "id": pa.int64(),
        "type": pa.string(),
        "references": pa.string(),
        "text": pa.string(),
    }
)


class SchemaVersions(Displayed):
    """The versions of one subject of a schema registry.

    Attributes:
        subject: The subject.
        level: The compatibility that a new version must have, such as ``BACKWARD``; None if it is not known.
        versions: The numbers of the versions, ascending.
    """

    def __init__(self, subject: str, level: str | None, found: Sequence[RegisteredSchema]) -> None:
        self.subject = subject
        self.level = level
        self._found = {each.version: each for each in found if each.version is not None}
        self.versions = list(self._found)

    def text(self, version: int | None = None) -> str:
        """Return the text of a schema as it was registered.

        Args:
            version: The number of the version; None for the newest.

        Raises:
            ConfigError: There is no such version.
        """
        return self._of(version).text

    def difference(self, old: int | None = None, new: int | None = None) -> str:
        """Return what differs between two versions, as a unified diff; an empty text if nothing does.

        Schemas that are JSON are indented alike before.

        Args:
            old: The earlier version; None for the one before `new`.
            new: The later version; None for the newest.

        Raises:
            ConfigError: There is no such version.
        """
        later = self._of(new)
        if old is None:
            before = [each for each in self.versions if each < (later.version or 0)]
            if not before:
                raise ConfigError(f"{later.label} is the first version: there is none before it")
            old = before[-1]
        earlier = self._of(old)
        found = difflib.unified_diff(
            _indented(earlier).splitlines(),
            _indented(later).splitlines(),
            earlier.label,
            later.label,
            lineterm="",
        )
        return "\n".join(found)

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame with one row per version: version, id, type, references and text."""
        rows = [
            {
                "version": each.version,
                "id": each.ref.id if each.ref is not None else None,
                "type": each.type,
                "references": ", ".join(f"{one.name}: {one}" for one in each.references) or None,
                "text": each.text,
            }
            for each in self._found.values()
        ]
        return to_pandas(pa.Table.from_pylist(rows, VERSIONS))

    def _of(self, version: int | None) -> RegisteredSchema:
        found = self._found.get(self.versions[-1] if version is None else version)
        if found is None:
            known = ", ".join(map(str, self.versions))
            raise ConfigError(f"{self.subject!r} has no version {version!r}: it has {known}")
        return found

    @property
    def _heading(self) -> str:
        newest = self._of(None)
        level = "" if self.level is None else f", compatibility {self.level}"
        return f"{self.subject}: {newest.type}, version {newest.version} ({newest.ref}){level}"

    def __repr__(self) -> str:
        return f"{plain(self._heading)}\n{plain_lines(_indented(self._of(None)))}"

    def _repr_html_(self) -> str:
        rows = [(each.version, str(each.ref), each.type) for each in self._found.values()]
        return block(
            heading(self._heading), table(["version", "id", "type"], rows), lines(_indented(self._of(None)))
        )


def _indented(found: RegisteredSchema) -> str:
    """Return the text of a schema with one member in a line, if it is JSON."""
    try:
        return json.dumps(json.loads(found.text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return found.text
