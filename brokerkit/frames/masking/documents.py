"""JSON text with some of its values replaced; every other character stays as it is."""

from __future__ import annotations

import json
import re
from typing import Any, Protocol

from ..json_exact import read
from ..json_kinds import json_text
from .actions import HIDDEN, Action, Writer
from .places import Place, Rules
from .searching import Searching

_TOKEN = re.compile(
    r'[\s\ufeff\x00]*(?:([{}\[\],:])|("(?:[^"\\]|\\.)*")|([^\s{}\[\],:"\ufeff\x00]+))', re.DOTALL
)
_PUNCTUATION, _STRING = 1, 2
_REST = re.compile(r"[\s\ufeff\x00]*")
_HIDDEN_TEXT = f'"{HIDDEN}"'
_HIDDEN_MEMBER = f"{_HIDDEN_TEXT}: {_HIDDEN_TEXT}"


class NotReadable(ValueError):
    """A text is not the JSON that it was taken for."""


class Writing(Protocol):
    """What writes in the place of hidden values: see `Writer`."""

    def written(self, action: Action, value: str | bytes) -> str: ...


class Masking(Protocol):
    """What decides about the values of a JSON text."""

    @property
    def rules(self) -> Rules: ...

    @property
    def searching(self) -> Searching: ...

    @property
    def writer(self) -> Writing: ...

    def leaf(self, place: Place, token: str, is_text: bool, start: int) -> tuple[str | None, bool]:
        """Return the JSON in the place of a single value, None if it stays, and whether it is shown."""


def masked_by(mask: Masking, text: str, place: Place | None = None) -> list[tuple[int, int, str]]:
    """Return what is replaced in a JSON text: from where, to where, and by what.

    Args:
        place: Where in a document the text is; None is the whole document.

    Raises:
        NotReadable: It is not JSON.
    """
    return _Walk(mask, text).result(mask.rules.root if place is None else place)


class DocumentMask:
    """What a mask does to JSON.

    Args:
        rules: The rules for fields.
        searching: The detectors.
        writer: Writes what stands in the place of a value.
    """

    def __init__(self, rules: Rules, searching: Searching, writer: Writer) -> None:
        self.rules = rules
        self.searching = searching
        self.writer = writer
        self.has_rules = bool(rules)

    @property
    def hides_names(self) -> bool:
        """Whether it may hide the names of fields, besides their values."""
        return bool(self.searching) or self.rules.has_lists

    def masked(self, text: str, place: Place | None = None) -> str:
        """Return a JSON text, which is at a place of a document, as the mask shows it.

        Raises:
            NotReadable: It is not JSON.
        """
        edits = masked_by(self, text, place)
        if not edits:
            return text
        pieces: list[str] = []
        at = 0
        for start, end, new in edits:
            pieces += [text[at:start], new]
            at = end
        return "".join([*pieces, text[at:]])

    def masked_if_json(self, text: str, place: Place | None = None) -> str:
        """Return a text as the mask shows it. Raises ValueError if it is not JSON."""
        read(text)
        return self.masked(text, place)

    def action_at(self, place: Place) -> Action | None:
        """Return what happens to a single value at a place; None if the rules say nothing."""
        return "hide" if self._hides(place) else place.action

    def _hides(self, place: Place) -> bool:
        return not place.allowed or (self.has_rules and not place.named)

    def leaf(
        self, place: Place, token: str, is_text: bool, start: int | None = None
    ) -> tuple[str | None, bool]:
        """Return the JSON in the place of a single value, None if it stays, and whether it is shown."""
        if token == "null":
            return None, place.allowed
        hidden = self._hides(place)
        action = "hide" if hidden else place.action
        if action is not None:
            if not is_text and token in ("true", "false"):
                return _HIDDEN_TEXT, not hidden
            return json_text(self.writer.written(action, unquoted(token) if is_text else token)), not hidden
        if not self.searching:
            return None, True
        search = self.searching
        found = search.masked(unquoted(token)) if is_text else search.masked_number(token)
        return None if found is None else json_text(found), True


class _Container:
    """An object or array that is being read.

    Attributes:
        shown: Whether anything in it is shown.
        hiding: Whether a member was left out.
        comma: Where the last comma is.
        member: Where the current member begins.
        edits: How many edits there were before it.
    """

    __slots__ = ("comma", "edits", "hiding", "is_object", "member", "place", "shown", "start", "whole")

    def __init__(self, place: Place, start: int, is_object: bool, edits: int) -> None:
        self.place = place
        self.start = start
        self.is_object = is_object
        self.whole = self.edits = edits
        self.comma = self.member = start
        self.shown = self.hiding = False


class _Walk:
    """One pass over a JSON text, which collects what is replaced."""

    def __init__(self, mask: Masking, text: str) -> None:
        self._mask = mask
        self._text = text
        self._edits: list[tuple[int, int, str]] = []
        self._open: list[_Container] = []
        self._has_lists = mask.rules.has_lists
        self._at = 0

    def result(self, place: Place) -> list[tuple[int, int, str]]:
        shown = self._document(place)
        if not shown and self._has_lists:
            return [(0, len(self._text), _HIDDEN_TEXT)]
        return self._edits

    def _next(self) -> tuple[int, int, int]:
        """Return the kind of the next token, and where it is."""
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastindex is None:
            raise NotReadable
        self._at = found.end()
        return found.lastindex, found.start(found.lastindex), found.end()

    def _document(self, place: Place) -> bool:
        """Read all, and return whether anything is shown."""
        while True:
            kind, start, end = self._next()
            mark = self._text[start] if kind == _PUNCTUATION else ""
            if mark in ("{", "["):
                decided = self._whole(place, start, mark == "{")
                if decided is None:
                    self._open.append(_Container(place, start, mark == "{", len(self._edits)))
                    if not self._closes():
                        place = self._member(place)
                        continue
                    shown = self._closed()
                else:
                    shown = decided
            elif mark:
                raise NotReadable
            else:
                new, shown = self._mask.leaf(place, self._text[start:end], kind == _STRING, start)
                if new is not None:
                    self._edits.append((start, end, new))
            while True:
                if not self._open:
                    if _REST.fullmatch(self._text, self._at) is None:
                        raise NotReadable
                    return shown
                inside = self._open[-1]
                self._ended(inside, shown)
                kind, start, end = self._next()
                mark = self._text[start] if kind == _PUNCTUATION else ""
                if mark == ",":
                    inside.comma = start
                    place = self._member(inside.place)
                    break
                if mark != ("}" if inside.is_object else "]"):
                    raise NotReadable
                shown = self._closed()

    def _whole(self, place: Place, start: int, is_object: bool) -> bool | None:
        """Replace an object or array as a whole if the rules say so; None if its members are to be read."""
        if not place.hopeless and (place.action is None or (place.action != "hide" and not is_object)):
            return None
        depth = 1
        while depth:
            kind, at, _ = self._next()
            if kind == _PUNCTUATION:
                depth += (self._text[at] in "{[") - (self._text[at] in "}]")
        whole = self._text[start : self._at]
        action: Action = "hash" if place.action == "hash" and not place.hopeless else "hide"
        self._edits.append((start, self._at, json_text(self._mask.writer.written(action, whole))))
        return not place.hopeless

    def _closes(self) -> bool:
        """Return whether a container that was just opened is empty, and leave it then."""
        before = self._at
        kind, start, _ = self._next()
        if kind == _PUNCTUATION and self._text[start] == ("}" if self._open[-1].is_object else "]"):
            return True
        self._at = before
        return False

    def _closed(self) -> bool:
        """Leave a container, and return whether anything of it is shown."""
        inside = self._open.pop()
        shown = inside.shown or inside.place.allowed
        if self._has_lists and not shown:
            del self._edits[inside.whole :]
            self._edits.append((inside.start, self._at, _HIDDEN_TEXT))
        return shown

    def _member(self, place: Place) -> Place:
        """Return the place of the next value in a container; of a member, read the name."""
        inside = self._open[-1]
        inside.edits = len(self._edits)
        if not inside.is_object:
            return place
        kind, start, end = self._next()
        if kind != _STRING:
            raise NotReadable
        inside.member = start
        name = unquoted(self._text[start:end])
        if self._mask.searching and (found := self._mask.searching.masked(name)) is not None:
            self._edits.append((start, end, json_text(found)))
        kind, start, _ = self._next()
        if kind != _PUNCTUATION or self._text[start] != ":":
            raise NotReadable
        return place.below(name)

    def _ended(self, inside: _Container, shown: bool) -> None:
        """Take note of a value; the name of a member of which nothing is shown is hidden, too."""
        inside.shown = inside.shown or shown
        if shown or not self._has_lists or not inside.is_object:
            return
        del self._edits[inside.edits :]
        if inside.hiding:
            self._edits.append((inside.comma, self._at, ""))
        else:
            self._edits.append((inside.member, self._at, _HIDDEN_MEMBER))
            inside.hiding = True


def unquoted(token: str) -> str:
    """Return the text of a JSON string."""
    if "\\" not in token:
        return token[1:-1]
    try:
        found: Any = json.loads(token, strict=False)
    except ValueError as error:
        raise NotReadable from error
    return str(found)
