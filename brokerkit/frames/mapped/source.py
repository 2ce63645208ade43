"""What was read of a file or a frame: columns, the lines that they stand in, and rows that are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..arrow import ChunkedArray
from ..tabular import Column

BROKEN_CHARACTERS = 1_000
"""How much of a line that cannot be read is kept."""


@dataclass(frozen=True)
class Source:
    """Rows before they are messages. A row that could not be read has no value in any column.

    Attributes:
        given: What it was read from, as it was given: a path, bytes or a frame.
        name: What to call it.
        columns: The columns.
        length: How many rows there are.
        lines: The line of the file that each row begins in, counted from 1; None for a frame.
        wrong: Why a row could not be read.
        broken: The text of rows that could not be read, cut where it is long.
        facts: How it was read, in words.
        options: The arguments with which it is read the same way.
        texts: Whether all cells are text, of which a type is to be made.
        whole: The column that has the whole payload where nothing else is said; None if there is none.
        json_texts: For columns of JSON texts, which of their cells are strings: text without its quotes.
        frame: The frame that was read; None if it was text.
        ends: The line that a row ends in, for those of several lines.
    """

    given: Any
    name: str
    columns: dict[str, Column]
    length: int
    lines: list[int] | None = None
    wrong: Mapping[int, str] = field(default_factory=dict)
    broken: Mapping[int, str] = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    texts: bool = False
    whole: str | None = None
    json_texts: Mapping[str, ChunkedArray] = field(default_factory=dict)
    frame: Any = None
    ends: Mapping[int, int] = field(default_factory=dict)

    def place(self, row: int) -> int:
        """Return the line of a row, or its number where there are no lines."""
        return row if self.lines is None else self.lines[row]

    def place_text(self, row: int) -> str:
        """Return the line of a row as text, or its first and last line, or its number."""
        last = self.ends.get(row)
        return f"{self.place(row):,}" + ("" if last is None else f"\N{EN DASH}{last:,}")

    def unit(self, row: int) -> str:
        """Return what `place_text` counts."""
        if self.lines is None:
            return "row"
        return "lines" if row in self.ends else "line"
