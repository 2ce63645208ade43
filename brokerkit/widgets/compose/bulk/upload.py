"""A file that comes from the browser in parts."""

from __future__ import annotations

import base64
import binascii

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import plain
from brokerkit.frames.mapped.reading import DroppedFile

from ...row_view import size_text

LARGEST = 64_000_000
"""A larger file is not sent through the notebook."""
LARGEST_PART = 1_000_000


class Upload:
    """A file whose parts come one after the other.

    Raises:
        ConfigError: It is empty or too large.
    """

    def __init__(self, number: int, name: str, size: int) -> None:
        self.number = number
        self.name = plain(name.replace("\\", "/").rpartition("/")[2], 200) or "file"
        if size == 0:
            raise ConfigError(f"{self.name} is empty")
        if not 0 < size <= LARGEST:
            raise ConfigError(
                f"{self.name} has {size_text(max(0, size))}, and {size_text(LARGEST)} are the most that come "
                "through a notebook: bk.read_rows(PATH) reads it where the kernel is"
            )
        self.size = size
        self._data = bytearray()

    @property
    def at(self) -> int:
        """How much has arrived."""
        return len(self._data)

    @property
    def whole(self) -> bool:
        return self.at >= self.size

    def add(self, at: int, data: str) -> None:
        """Add a part; one that has arrived already is dropped.

        Raises:
            ConfigError: It does not belong to the file.
        """
        if at != self.at:
            return
        try:
            part = base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise ConfigError(f"a part of {self.name} is damaged: choose it again") from error
        if not part or len(part) > LARGEST_PART or self.at + len(part) > self.size:
            raise ConfigError(f"a part of {self.name} is not as large as it should be: choose it again")
        self._data += part

    def file(self) -> DroppedFile:
        """Return the whole file."""
        return DroppedFile(self.name, bytes(self._data))

    def __str__(self) -> str:
        return f"{self.name}: {size_text(self.at)} of {size_text(self.size)}"
