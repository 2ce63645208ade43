"""JSON texts of the same shape, which are masked by one plan: only their values differ."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..json_exact import read
from .actions import HIDDEN, Action, Writer
from .documents import DocumentMask, masked_by
from .places import Place, Rules
from .searching import Searching

MOST_SHAPES = 2_000
"""How many plans are kept. Where shapes hardly repeat, as with ids for names, no more plans are made."""
MOST_VALUES = 100_000
"""How many values the texts of all plans have together."""
LONGEST = 16_384
"""Longer texts, which would make large plans, are masked one by one."""

_STRING = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_NUMBER = r"-?(?:0|[1-9]\d*+)(?:\.\d++)?+(?:[eE][+-]?\d++)?+(?![\w.+-])"
_VALUES = rf"{_STRING}|{_NUMBER}|true\b|false\b|null\b"
_VALUE = re.compile(_VALUES, re.ASCII)
_PART = re.compile(
    rf"((?:[ \t\r\n{{}}\[\],]++|{_STRING}[ \t\r\n]*+:)*+)({_VALUES}|\Z|(?s:.+))",
    re.ASCII,
)
"""What is around a value, with the names in front of it, and then the value.

Where no value follows, it takes the rest of the text, so that none is searched further on.
"""
_MOST_SEEN = 10_000
_HIDDEN_TEXT = f'"{HIDDEN}"'


class _Slot(str):
    """What stands for a value in a plan."""

    number: int
    place: Place


class _Plan(NamedTuple):
    """How texts of one shape are written.

    Attributes:
        pieces: The text, with empty texts where values are.
        kept, hidden: Where values are that stay, and that are hidden: the piece and the number of the value.
        judged: Where the others are, with their places.
    """

    pieces: list[str]
    kept: list[tuple[int, int]]
    hidden: list[tuple[int, int]]
    judged: list[tuple[int, int, Place]]


class ShapedMask:
    """What a mask does to JSON, as `DocumentMask` does it, and faster where texts have the same shape.

    Args:
        document: The mask.
    """

    def __init__(self, document: DocumentMask) -> None:
        self._document = document
        self._with_nulls = document.rules.has_lists
        self._plans: dict[tuple[object, ...], _Plan | None] = {}
        self._seen: set[int] = set()
        self._values = 0

    def masked(self, text: str) -> str:
        """Return a JSON text as the mask shows it.

        Raises:
            ValueError: It is not JSON.
        """
        if len(text) > LONGEST:
            return self._document.masked_if_json(text)
        around, values = zip(*_PART.findall(text), strict=True)
        # at its end a text has one or two empty values
        if _VALUE.fullmatch(next(filter(None, reversed(values)), "")) is None:
            return self._document.masked_if_json(text)
        # at its end a text has no value, or one more than another
        shape: tuple[object, ...] = around, values.count("")
        if self._with_nulls:
            # whether something is shown decides what is around it
            shape = *shape, tuple([value == "null" for value in values])
        plan = self._plans.get(shape)
        if plan is None:
            return self._first(text, shape, around, values)
        return self._filled(plan, values)

    def _first(self, text: str, shape: object, around: tuple[str, ...], values: tuple[str, ...]) -> str:
        """Mask a text of a shape that has no plan, and make one when the shape is there the second time."""
        full = len(self._plans) >= MOST_SHAPES or self._values + len(values) > MOST_VALUES
        if full or shape in self._plans or not self._recurs(shape):
            return self._document.masked_if_json(text)
        read(text)
        self._values += len(values)
        recorder = _Recorder(self._document, around, values)
        edits = masked_by(recorder, text)
        assert isinstance(shape, tuple)
        if recorder.depends_on_values:
            self._plans[shape] = None
            return self._document.masked(text)
        plan = self._plans[shape] = self._plan(text, edits)
        return self._filled(plan, values)

    def _recurs(self, shape: object) -> bool:
        """Return whether a shape was seen before, by its hash: it only says that a plan is worthwhile."""
        number = hash(shape)
        if number in self._seen:
            return True
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen.add(number)
        return False

    def _plan(self, text: str, edits: list[tuple[int, int, str]]) -> _Plan:
        plan = _Plan([], [], [], [])
        at = 0
        for start, end, new in edits:
            plan.pieces.append(text[at:start])
            if isinstance(new, _Slot):
                where = len(plan.pieces), new.number
                action = self._document.action_at(new.place)
                if action == "hide":
                    plan.hidden.append(where)
                elif action is None and not self._document.searching:
                    plan.kept.append(where)
                else:
                    plan.judged.append((*where, new.place))
                plan.pieces.append("")
            else:
                plan.pieces.append(new)
            at = end
        plan.pieces.append(text[at:])
        return plan

    def _filled(self, plan: _Plan, values: tuple[str, ...]) -> str:
        pieces = plan.pieces.copy()
        for piece, number in plan.kept:
            pieces[piece] = values[number]
        for piece, number in plan.hidden:
            value = values[number]
            pieces[piece] = value if value == "null" else _HIDDEN_TEXT
        leaf = self._document.leaf
        for piece, number, place in plan.judged:
            value = values[number]
            new, _ = leaf(place, value, value[0] == '"')
            pieces[piece] = value if new is None else new
        return "".join(pieces)


class _Recorder:
    """A mask that puts slots in the place of all values."""

    def __init__(self, document: DocumentMask, around: tuple[str, ...], values: tuple[str, ...]) -> None:
        self._document = document
        self.rules: Rules = document.rules
        self.searching: Searching = document.searching
        self.writer = _NotingWriter(document.writer)
        self._numbers: dict[int, int] = {}
        at = 0
        for number, (before, value) in enumerate(zip(around, values, strict=True)):
            at += len(before)
            self._numbers[at] = number
            at += len(value)

    @property
    def depends_on_values(self) -> bool:
        """Whether the place of something was taken by a hash of values."""
        return self.writer.hashed

    def leaf(self, place: Place, token: str, is_text: bool, start: int) -> tuple[str | None, bool]:
        found = _Slot()
        found.number, found.place = self._numbers[start], place
        return found, self._document.leaf(place, token, is_text)[1]


class _NotingWriter:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.hashed = False

    def written(self, action: Action, value: str | bytes) -> str:
        self.hashed = self.hashed or action == "hash"
        return self._writer.written(action, value)
