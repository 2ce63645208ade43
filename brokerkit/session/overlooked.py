"""Messages that a filter could not examine, counted by the reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from brokerkit.display.sanitize import plain

REASONS = 4
"""How many reasons a text names; the others are counted together."""
FAILED = "failed"
"""The reason if a function raised; all other reasons concern the payload."""
NOT_JSON = "not JSON"
NOT_TEXT = "not UTF-8 text"
NULL = "null payload"
KEY_NOT_DECODED = "key that could not be decoded"
NOT_GIVEN = "key or attributes that the client library cannot read"


@dataclass
class Overlooked:
    """Messages that a filter could not examine, which therefore do not match.

    Attributes:
        counts: How many, by the reason.
        examples: The error of a function for the first message of each reason.
        first: The id of the first message.
        lenient: How many were read as JSON leniently, by the deviation from JSON.
        keyless: Messages without a key, where a key was searched for.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    first: str = ""
    lenient: dict[str, int] = field(default_factory=dict)
    keyless: int = 0

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def note(self, reason: str, count: int = 1, *, example: str = "", first: str | None = None) -> None:
        """Count messages that could not be examined."""
        self.first = self.first or plain(first or "", 80)
        self.counts[reason] = self.counts.get(reason, 0) + count
        if example:
            self.examples.setdefault(reason, plain(example))

    def failed(self, error: Exception, reason: str | None, first: str | None) -> None:
        """Count a message for which a function raised.

        Args:
            error: The exception.
            reason: The problem of the payload, if that explains it.
            first: The id of the message.
        """
        kind = type(error).__name__
        self.note(reason or f"{FAILED} {kind}", example=f"{kind}: {error}", first=first)

    def read_leniently(self, what: str, count: int = 1) -> None:
        """Count messages whose JSON was read leniently because of this deviation."""
        self.lenient[what] = self.lenient.get(what, 0) + count

    def add(self, other: Overlooked) -> None:
        """Add the counts of another read."""
        for reason, count in other.counts.items():
            self.note(reason, count, example=other.examples.get(reason, ""), first=other.first)
        for what, count in other.lenient.items():
            self.read_leniently(what, count)
        self.keyless += other.keyless

    def text(self, read: int | None = None, name: str = "where=") -> str:
        """Return how many messages were overlooked, and why; empty if there were none.

        Args:
            read: How many messages were read in all.
            name: The name of the filter.
        """
        if not self.counts:
            return ""
        of = "" if read is None else f" of {max(read, self.total):,}"
        failed = all(reason.startswith(FAILED) for reason in self.counts)
        about_keys = {NOT_GIVEN, KEY_NOT_DECODED}
        into = not any(reason in self.examples or reason in about_keys for reason in self.counts)
        if name == "where=" and about_keys & self.counts.keys():
            name = "the filter"
        what = "could not look into" if into else "failed on" if failed else "could not look at"
        noun = "payload" if into else "message"
        plural = "" if self.total == 1 and not of else "s"
        return f"{name} {what} {self.total:,}{of} {noun}{plural} ({self._reasons()})"

    def _reasons(self) -> str:
        ranked = sorted(self.counts.items(), key=lambda each: -each[1])
        if len(ranked) == 1:
            return self._label(ranked[0][0])
        texts = [f"{count:,} {self._label(reason)}" for reason, count in ranked[:REASONS]]
        others = sum(count for _, count in ranked[REASONS:])
        return "; ".join([*texts, *([f"{others:,} for other reasons"] if others else [])])

    def _label(self, reason: str) -> str:
        example = self.examples.get(reason, "")
        if reason.startswith(FAILED):
            return example
        return f"{reason}: {example}" if reason == NOT_JSON and example else reason

    def lenient_text(self) -> str:
        """Return how many messages were read leniently; empty if there were none."""
        if not self.lenient:
            return ""
        return f"{sum(self.lenient.values()):,} read leniently ({', '.join(self.lenient)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON, without those that are empty."""
        found: dict[str, Any] = {}
        if self.counts:
            named = {reason.removeprefix(f"{FAILED} "): count for reason, count in self.counts.items()}
            found["overlooked"] = dict(sorted(named.items(), key=lambda each: -each[1])[:REASONS])
        if self.lenient:
            found["lenient"] = sum(self.lenient.values())
        return found
