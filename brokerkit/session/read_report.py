"""The report of a read: how many messages it read, why it stopped, and what it could not examine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from brokerkit.core.vocabulary.notes import note

from .filters import FilterWarning
from .overlooked import Overlooked


class NotYetReadableWarning(UserWarning):
    """Messages are not shown because an earlier transaction is still open; look again later."""


Stopped = Literal["at the end", "at the limit", "at max_bytes", "at the timeout", "interrupted", "not yet"]


@dataclass
class ReadReport:
    """A report of a read.

    Attributes:
        read: How many messages were read.
        matched: How many rows were kept.
        stopped: Why the read ended.
        doubt: A sentence about rows it may have missed; empty if there are none.
        overlooked: The messages that the filter could not examine.
    """

    read: int = 0
    matched: int = 0
    stopped: Stopped = "not yet"
    doubt: str = ""
    overlooked: Overlooked = field(default_factory=Overlooked)

    @property
    def filter_errors(self) -> int:
        """How many messages the filter could not examine."""
        return self.overlooked.total

    def add(self, other: ReadReport) -> None:
        """Add the counts of another read."""
        self.read += other.read
        self.matched += other.matched
        self.stopped = other.stopped
        self.overlooked.add(other.overlooked)

    def __str__(self) -> str:
        text = f"read {self.read:,} messages, kept {self.matched:,}, stopped {self.stopped}"
        lenient = self.overlooked.lenient_text()
        parts = (text, self.overlooked.text(self.read), lenient, self._keyless_text(), self.doubt)
        return "; ".join(filter(None, parts))

    def _keyless_text(self) -> str:
        nowhere = self.read and not self.matched and self.overlooked.keyless == self.read
        return f"none of the {self.read:,} messages has a key" if nowhere else ""

    def warn_of_filter(self) -> None:
        """Warn once with `FilterWarning` if the filter could not examine some messages."""
        if text := self.overlooked.text(self.read):
            begin = "" if self.matched else "nothing was found, but "
            first = f"; the first of them is {self.overlooked.first}" if self.overlooked.first else ""
            note(f"{begin}{text}: what it fails on does not match{first}", FilterWarning)
        if text := self._keyless_text():
            note(f"key= found nothing: {text}", FilterWarning)

    def to_dict(self) -> dict[str, Any]:
        return {
            "read": self.read,
            "matched": self.matched,
            "stopped": self.stopped,
            "filter_errors": self.filter_errors,
            **self.overlooked.to_dict(),
            **({"doubt": self.doubt} if self.doubt else {}),
        }
