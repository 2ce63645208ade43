"""What a filter could not look at, counted by the reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from brokerkit.display.sanitize import plain

REASONS = 4
"""Reasons that are named in a text; the others are counted together."""
FAILED = "failed"
"""The reason of a function that raised on what it was given; all other reasons are of the payload."""
NOT_JSON = "not JSON"
NOT_TEXT = "not UTF-8 text"
NULL = "null payload"
NOT_GIVEN = "key or attributes that the client library cannot read"


@dataclass
class Overlooked:
    """Messages that a filter could not look at, which therefore do not match.

    counts: how many, by the reason. examples: what a function said of the first of each reason. first: the
    id of the first of all. lenient: how many were read as JSON in a lenient way, by what they had.
    keyless: messages without a key, where one was looked for.
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
        """Count messages that could not be looked at."""
        self.first = self.first or plain(first or "", 80)
        self.counts[reason] = self.counts.get(reason, 0) + count
        if example:
            self.examples.setdefault(reason, plain(example))

    def failed(self, error: Exception, reason: str | None, first: str | None) -> None:
        """Count a message that a function failed on. reason: what its payload was, if that is why."""
        kind = type(error).__name__
        self.note(reason or f"{FAILED} {kind}", example=f"{kind}: {error}", first=first)

    def read_leniently(self, what: str, count: int = 1) -> None:
        """Count messages whose JSON was read in a lenient way, because of what they have."""
        self.lenient[what] = self.lenient.get(what, 0) + count

    def add(self, other: Overlooked) -> None:
        """Count what another read overlooked as well."""
        for reason, count in other.counts.items():
            self.note(reason, count, example=other.examples.get(reason, ""), first=other.first)
        for what, count in other.lenient.items():
            self.read_leniently(what, count)
        self.keyless += other.keyless

    def text(self, read: int | None = None, name: str = "where=") -> str:
        """How many messages were overlooked, and why; empty where there is nothing to say.

        read: of how many. name: of the filter.
        """
        if not self.counts:
            return ""
        of = "" if read is None else f" of {max(read, self.total):,}"
        failed = all(reason.startswith(FAILED) for reason in self.counts)
        into = not any(reason in self.examples or reason == NOT_GIVEN for reason in self.counts)
        if name == "where=" and NOT_GIVEN in self.counts:
            name = "the filter"
        what = "could not look into" if into else "failed on" if failed else "could not look at"
        return f"{name} {what} {self.total:,}{of} {'payloads' if into else 'messages'} ({self._reasons()})"

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
        """How many messages were read leniently; empty where none was."""
        if not self.lenient:
            return ""
        return f"{sum(self.lenient.values()):,} read leniently ({', '.join(self.lenient)})"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without what is empty."""
        found: dict[str, Any] = {}
        if self.counts:
            named = {reason.removeprefix(f"{FAILED} "): count for reason, count in self.counts.items()}
            found["overlooked"] = dict(sorted(named.items(), key=lambda each: -each[1])[:REASONS])
        if self.lenient:
            found["lenient"] = sum(self.lenient.values())
        return found
