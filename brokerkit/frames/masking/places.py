"""Places in a document, and what the rules say of the values there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from brokerkit.core.vocabulary.errors import ConfigError

from .actions import Action, strongest

ANY_DEPTH = None
"""The segment ``**`` of a path."""

_SEGMENTS = re.compile(r"(?:\\.|[^.\\])+|\.")
_ARRAY = re.compile(r"(\[\*?\])+$")
_KEPT_PLACES = 20_000

Segment = re.Pattern[str] | None
Path = tuple[Segment, ...]
Positions = frozenset[tuple[int, int]]
"""Which paths may still match, and how many of their segments have."""


def name_pattern(text: str, *, any_case: bool = False) -> re.Pattern[str]:
    """Return the pattern of a name, in which ``*`` and ``?`` stand for any characters."""
    found = re.sub(r"\\(.)|([*?])|(.)", _piece, text, flags=re.DOTALL)
    return re.compile(found, re.DOTALL | (re.IGNORECASE if any_case else 0))


def _piece(found: re.Match[str]) -> str:
    if found[2]:
        return {"*": ".*", "?": "."}[found[2]]
    return re.escape(found[1] or found[3])


def parse_path(text: str) -> Path:
    """Return the segments of a path such as ``customer.lines.*.email``.

    Raises:
        ConfigError: It is no path.
    """
    if not isinstance(text, str):
        raise ConfigError(f"a path of a mask is text, such as 'customer.email', not {text!r:.60}")
    plain = text.strip().removeprefix("$.")
    pieces = _SEGMENTS.findall(plain)
    names, dots = [_ARRAY.sub("", piece) for piece in pieces[::2]], pieces[1::2]
    if not pieces or len(names) != len(dots) + 1 or any(dot != "." for dot in dots) or not all(names):
        raise ConfigError(
            f"the path {text!r:.60} of a mask cannot be read: expected names with points between them, such "
            r"as 'customer.email' or 'lines.*.phone'; a point in a name is written \."
        )
    return tuple(ANY_DEPTH if name == "**" else name_pattern(name) for name in names)


class Paths:
    """Paths that are followed together, name by name."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self.start = self._with_skipped({(number, 0) for number in range(len(paths))})

    def follow(self, positions: Positions, name: str) -> Positions:
        """Return the positions after one more name."""
        found: set[tuple[int, int]] = set()
        for number, done in positions:
            path = self._paths[number]
            if done == len(path):
                continue
            segment = path[done]
            if segment is ANY_DEPTH:
                found.add((number, done))
            elif segment.fullmatch(name):
                found.add((number, done + 1))
        return self._with_skipped(found)

    def matching(self, positions: Positions) -> list[int]:
        """Return the numbers of the paths that have matched."""
        return [number for number, done in positions if done == len(self._paths[number])]

    def _with_skipped(self, found: set[tuple[int, int]]) -> Positions:
        """Add what follows a ``**`` that stands for no name."""
        waiting = list(found)
        while waiting:
            number, done = waiting.pop()
            path = self._paths[number]
            if done < len(path) and path[done] is ANY_DEPTH and (number, done + 1) not in found:
                found.add((number, done + 1))
                waiting.append((number, done + 1))
        return frozenset(found)


class _Key(NamedTuple):
    paths: Positions
    lists: tuple[Positions | None, ...]
    action: Action | None
    named: bool


class Place:
    """One place in a document. The elements of an array are at the place of the array.

    Attributes:
        action: What happens to the value here; None if no rule names it.
        allowed: Whether every allow list names the value, or what it is in.
        hopeless: Whether nothing here or below can be on some allow list.
        named: Whether there is a name on the way.
    """

    __slots__ = ("_below", "_key", "_rules", "action", "allowed", "hopeless", "named")

    def __init__(self, rules: Rules, key: _Key) -> None:
        self._rules = rules
        self._key = key
        self._below: dict[str, Place] = {}
        self.action = key.action
        self.named = key.named
        self.allowed = all(each is None for each in key.lists)
        self.hopeless = any(each is not None and not each for each in key.lists)

    def below(self, name: str) -> Place:
        """Return the place of a member."""
        found = self._below.get(name)
        if found is None:
            found = self._rules.place_below(self._key, name)
            if len(self._below) < _KEPT_PLACES:
                self._below[name] = found
        return found

    def within(self, branch: str) -> Place:
        """Return the place of a branch of a union: rules may name it, or leave it out as its JSON does."""
        return self._rules.place_within(self._key, branch)


class Rules:
    """The rules for fields of a mask.

    Args:
        paths: Paths and what happens to the value there.
        names: Patterns of names, likewise.
        lists: Allow lists: a value must be on each.

    Attributes:
        root: The place of the whole document.
    """

    def __init__(
        self,
        paths: Sequence[tuple[Path, Action]],
        names: Sequence[tuple[re.Pattern[str], Action]],
        lists: Sequence[Sequence[Path]],
    ) -> None:
        self._paths = Paths([path for path, _ in paths])
        self._actions = [action for _, action in paths]
        self._names = names
        self._lists = [Paths(each) for each in lists]
        self._places: dict[_Key, Place] = {}
        starts = tuple(self._left(each, each.start) for each in self._lists)
        self.root = self._place(_Key(self._paths.start, starts, self._action(self._paths.start), False))

    def __bool__(self) -> bool:
        return bool(self._actions or self._names or self._lists)

    @property
    def has_lists(self) -> bool:
        """Whether there is an allow list."""
        return bool(self._lists)

    def place_below(self, key: _Key, name: str) -> Place:
        positions = self._paths.follow(key.paths, name)
        lists = tuple(
            None if left is None else self._left(paths, paths.follow(left, name))
            for paths, left in zip(self._lists, key.lists, strict=True)
        )
        return self._place(_Key(positions, lists, self._action(positions, name), True))

    def place_within(self, key: _Key, branch: str) -> Place:
        positions = key.paths | self._paths.follow(key.paths, branch)
        lists = tuple(
            None if left is None else self._left(paths, left | paths.follow(left, branch))
            for paths, left in zip(self._lists, key.lists, strict=True)
        )
        actions = (key.action, self._action(positions, branch))
        action = strongest(each for each in actions if each is not None)
        return self._place(_Key(positions, lists, action, key.named))

    def _action(self, positions: Positions, name: str | None = None) -> Action | None:
        found = [self._actions[number] for number in self._paths.matching(positions)]
        if name is not None:
            found += [action for pattern, action in self._names if pattern.fullmatch(name)]
        return strongest(found)

    @staticmethod
    def _left(paths: Paths, positions: Positions) -> Positions | None:
        """Return the positions on an allow list; None if it names the value here."""
        return None if paths.matching(positions) else positions

    def _place(self, key: _Key) -> Place:
        found = self._places.get(key)
        if found is None:
            found = Place(self, key)
            if len(self._places) < _KEPT_PLACES:
                self._places[key] = found
        return found
