"""Topics grouped by the parts of their names, as a tree of which branches are open or closed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SEPARATORS = "/.-_"
DEPTH = 8
"""Below so many branches, names are listed whole."""
MOST_BRANCHES = 10_000
_CUT, _AFTER = "\0", "\1"


def separator_of(names: Sequence[str]) -> str:
    """Return the separator that stands in most names; empty if none of them has one."""
    counts = {each: sum(each in name for name in names) for each in SEPARATORS}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] else ""


@dataclass(frozen=True, slots=True)
class TreeLine:
    """A line of the tree: a topic, or a branch with several.

    Attributes:
        number: The number of the topic, or of the first topic of the branch.
        begin, end: The part of its name that the line shows.
        depth: In how many branches it lies.
        branch: How much of the name is the beginning that the topics of the branch share; 0 for a topic.
        first, size: Where its topics are in the order of the tree, and how many.
        open: Whether the lines of the branch follow.
        up: How many lines above it the branch is that it lies in; 0 where it lies in none.
    """

    number: int
    begin: int
    end: int
    depth: int = 0
    branch: int = 0
    first: int = 0
    size: int = 1
    open: bool = False
    up: int = 0


class Branches:
    """Which branches were opened and closed by hand, by the beginning of their names."""

    def __init__(self) -> None:
        self.version = 0
        self._opened: set[str] = set()
        self._closed: set[str] = set()

    def turn(self, prefix: str, *, on: bool) -> None:
        """Open a branch, or close it."""
        to, other = (self._opened, self._closed) if on else (self._closed, self._opened)
        if len(to) < MOST_BRANCHES:
            to.add(prefix)
        other.discard(prefix)
        self.version += 1

    def is_open(self, prefix: str, *, finding: bool) -> bool:
        """Return whether a branch is open; while topics are looked for, those are that were not closed."""
        return prefix in self._opened or (finding and prefix not in self._closed)

    def forget_closed(self) -> None:
        """Forget what was closed, for other topics are looked for."""
        self._closed.clear()
        self.version += 1


class TopicTree:
    """Some topics in the order of a tree.

    Args:
        names: The names of all topics.
        numbers: The places of those that the tree has.
        separator: What divides a name into parts; empty for none.
        weights: What branches are ordered by, the largest first, for each name; None for their names.
    """

    def __init__(
        self,
        names: Sequence[str],
        numbers: Sequence[int],
        separator: str,
        weights: Sequence[int] | None = None,
    ) -> None:
        self._names = names
        # the separator sorts before all else, so that what begins alike stands together
        spelled = [(names[each].replace(separator, _CUT) if separator else names[each]) for each in numbers]
        pairs = sorted(zip(spelled, numbers, strict=True))
        self._keys = [key for key, _ in pairs]
        self.order = [number for _, number in pairs]
        self._sums = None if weights is None else running_sums(weights[number] for number in self.order)

    def lines(self, is_open: Callable[[str], bool]) -> list[TreeLine]:
        """Return the lines, where a function says whether the branch with a beginning is open."""
        made: list[TreeLine] = []
        self._draw(made, (0, len(self._keys)), 0, 0, 0, is_open)
        return made

    def _draw(
        self,
        made: list[TreeLine],
        part: tuple[int, int],
        shared: int,
        begin: int,
        depth: int,
        is_open: Callable[[str], bool],
    ) -> None:
        """Add the lines of a part of the order.

        Args:
            made: The lines so far; the last one is the branch around the part.
            part: Where it begins and ends.
            shared: How much all of its names share.
            begin: From where on the branch around it shows its own name.
            depth: In how many branches they lie.
            is_open: As in `lines`.
        """
        around = len(made) - 1
        nodes = list(self._nodes(*part, shared, depth))
        if self._sums is not None:
            sums = self._sums
            nodes.sort(key=lambda node: sums[node[0]] - sums[node[1]])
        for place, after, length in nodes:
            number = self.order[place]
            name = self._names[number]
            up = len(made) - around if depth else 0
            if after - place == 1:
                # a topic that is called as its branch has no part of its own
                own = shared if len(name) > shared else begin
                made.append(TreeLine(number, own, len(name), depth, up=up))
                continue
            on = is_open(name[:length])
            made.append(TreeLine(number, shared, length, depth, length, place, after - place, on, up))
            if on:
                self._draw(made, (place, after), length, shared, depth + 1, is_open)

    def _nodes(self, first: int, stop: int, shared: int, depth: int) -> Iterator[tuple[int, int, int]]:
        """Iterate over where each topic or branch begins and ends in the order, and what its names share."""
        keys, place = self._keys, first
        while place < stop:
            key, after = keys[place], place + 1
            length = self._part(key, shared + 1 if shared else 0)
            if shared < length and depth < DEPTH and after < stop and _within(keys[after], key[:length]):
                after = bisect_left(keys, key[:length] + _AFTER, after, stop)
                length = self._shared(place, after, length)
            yield place, after, length
            place = after

    def _part(self, key: str, base: int) -> int:
        cut = key.find(_CUT, base)
        return len(key) if cut < 0 else cut

    def _shared(self, first: int, stop: int, length: int) -> int:
        """Return how much the names of a branch share, in whole parts."""
        key, last = self._keys[first], self._keys[stop - 1]
        while length < len(key):
            longer = self._part(key, length + 1)
            if not _within(last, key[:longer]):
                break
            length = longer
        return length


def _within(key: str, beginning: str) -> bool:
    """Return whether a name is another one, or goes on after it with another part."""
    return key.startswith(beginning) and key[len(beginning) : len(beginning) + 1] in ("", _CUT)


def running_sums(values: Iterator[int]) -> list[int]:
    """Return the sums of the first none, one, two and so on of some values."""
    sums = [0]
    for value in values:
        sums.append(sums[-1] + value)
    return sums
