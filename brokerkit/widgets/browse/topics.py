"""The topics of a session: found by name, shown a few at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.dead_letters import by_their_topics
from brokerkit.core.vocabulary.freed import freed
from brokerkit.core.vocabulary.topics import Counted, TopicDescription, TopicInfo, count_text
from brokerkit.display.sanitize import plain

from ..protocol.browse import TopicLine, Topics
from ..row_view import size_text
from .topic_tree import Branches, TopicTree, TreeLine, running_sums, separator_of

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

REMEMBERED = 2_000
"""At most so many descriptions are kept."""
SORTS = ("name", "messages", "bytes")
_COUNTED: tuple[Counted, ...] = ("exact", "at most", "about")
LONGEST_NAME = 1_000
"""So much of a name is shown where there is room, so that names that begin alike are told apart."""
PARTIAL = "+"
"""Behind a sum to which some do not tell their part."""
NOT_KNOWN = "?"
"""The backlog of a topic whose subscriptions do not tell it, or that could not be asked."""


@dataclass(frozen=True)
class Finding:
    """Which topics are looked for, and how they are listed.

    Attributes:
        text: Words that each name has.
        sort: One of `SORTS`.
        internal: Whether those of the system itself are listed, too.
        tree: Whether they are listed as a tree.
    """

    text: str = ""
    sort: str = "name"
    internal: bool = False
    tree: bool = False

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Finding:
        """Return what a view asks for."""
        return cls(
            str(message.get("text", "")),
            str(message.get("sort", "name")),
            bool(message.get("internal")),
            bool(message.get("tree")),
        )


class TopicList:
    """Every topic once, numbered; `load` may run in any thread.

    Attributes:
        generation: Increases with each load, when the numbers refer to other topics.
        separator: What divides names into parts, where topics are listed as a tree.
        backlogs: The largest lag of the topics that were described; see `NOT_KNOWN`, None for no reader.
    """

    def __init__(self, session: DataSession) -> None:
        self.session = session
        self.generation = 0
        self._lock = RLock()
        self.separator = ""
        self.backlogs: OrderedDict[str, int | str | None] = OrderedDict()
        self._infos: list[TopicInfo] = []
        self._names: list[str] = []
        self._lowered: list[str] = []
        self._places: dict[str, int] = {}
        self._kept: dict[str, list[str]] = {}
        self._dead: dict[str, tuple[int, bool]] = {}
        self._chosen: tuple[Any, list[int]] | None = None
        self._drawn: tuple[Any, _Drawn] | None = None

    def load(self) -> None:
        """Load the topics from the broker."""
        infos = self.session.inspector.topics()
        names = [info.name for info in infos]
        lowered = [name.lower() for name in names]
        places = {name: place for place, name in enumerate(names)}
        kept = by_their_topics(names)
        dead = {info.name: _dead_letters(info, infos, places, kept) for info in infos}
        separator = separator_of([info.name for info in infos if not info.internal])
        # a view that is being shown must not see half of it
        with freed(self._lock), self._lock:
            self._infos, self._names, self._lowered, self._dead = infos, names, lowered, dead
            self._places, self._kept = places, kept
            self._chosen = self._drawn = None
            self.separator = separator
            self.generation += 1

    def __len__(self) -> int:
        return len(self._infos)

    def name(self, number: int) -> str:
        return self._infos[number].name

    def find(self, text: str = "", sort: str = "name", internal: bool = False) -> list[int]:
        """Return the numbers of the topics whose names contain every word of a text."""
        asked = (text, sort, internal, self.generation)
        if self._chosen is not None and self._chosen[0] == asked:
            return self._chosen[1]
        infos, lowered = self._infos, self._lowered
        found: Sequence[int] = range(len(lowered))
        for word in text.lower().split():
            found = [number for number in found if word in lowered[number]]
        if not internal:
            found = [number for number in found if not infos[number].internal]
        numbers = list(found)
        if sort in SORTS[1:]:
            numbers.sort(key=lambda number: -(getattr(infos[number], sort) or 0))
        self._chosen = asked, numbers
        return numbers

    def lines(self, finding: Finding, branches: Branches) -> list[TreeLine]:
        """Return the lines of the list: the topics, or the branches of the tree and what is open in them."""
        numbers = self.find(finding.text, finding.sort, finding.internal)
        asked = (finding, self.generation, branches, branches.version)
        if self._drawn is not None and self._drawn[0] == asked:
            return self._drawn[1].lines
        if not finding.tree:
            made = _Drawn([TreeLine(each, 0, len(self._names[each])) for each in numbers], None)
        else:
            weights = None
            if finding.sort in SORTS[1:]:
                weights = [getattr(info, finding.sort) or 0 for info in self._infos]
            tree = TopicTree(self._names, numbers, self.separator, weights)
            made = _Drawn(
                tree.lines(lambda prefix: branches.is_open(prefix, finding=bool(finding.text.split()))), tree
            )
            made.sum_up(self._infos, self._dead)
        self._drawn = asked, made
        return made.lines

    def part(
        self, finding: Finding, branches: Branches, first: int, count: int, chosen: str | None
    ) -> Topics:
        """Return some lines as a view shows them."""
        with freed(self._lock), self._lock:
            lines = self.lines(finding, branches)
            return {
                "type": "topics",
                "first": first,
                "total": len(lines),
                "found": len(self.find(finding.text, finding.sort, finding.internal)),
                "all": len(self),
                "separator": self.separator,
                "generation": self.generation,
                "rows": self.rows(lines[first : first + count], chosen),
                "asked": None,
            }

    def rows(self, lines: Sequence[TreeLine], chosen: str | None = None) -> list[TopicLine]:
        """Return short texts of lines; `chosen` is the name of the open topic."""
        return [self._branch(line) if line.branch else self._row(line, chosen) for line in lines]

    def _row(self, line: TreeLine, chosen: str | None) -> TopicLine:
        info = self._infos[line.number]
        backlog = self.backlogs.get(info.name, "")
        return {
            "n": line.number,
            "name": plain(info.name, LONGEST_NAME),
            "label": plain(info.name[line.begin : line.end], 160),
            "depth": line.depth,
            "up": line.up,
            "branch": 0,
            "size_of": 1,
            "open": False,
            "messages": "" if info.messages is None else short(info.messages),
            "exactly": "" if info.messages is None else count_text(info.messages, info.counted, "message"),
            "size": size_text(info.bytes),
            "backlog": "none" if backlog is None else short(backlog) if isinstance(backlog, int) else backlog,
            "dead": _sum_text(*self._dead[info.name]),
            "internal": info.internal,
            "chosen": info.name == chosen,
        }

    def _branch(self, line: TreeLine) -> TopicLine:
        name = self._names[line.number]
        drawn = None if self._drawn is None else self._drawn[1]
        tree = None if drawn is None else drawn.tree
        members = () if tree is None else tree.order[line.first : line.first + line.size]
        held = 0 if drawn is None else drawn.of(drawn.messages, line)
        dead = 0 if drawn is None else drawn.of(drawn.dead, line)
        infos = [self._infos[each] for each in members]
        known = [info for info in infos if info.messages is not None]
        least = max((_COUNTED.index(info.counted) for info in known if info.messages), default=0)
        of = f"{len(known):,} of {line.size:,}" if len(known) < line.size else f"{line.size:,}"
        unknown = 0 if drawn is None else drawn.of(drawn.unknown_dead, line)
        return {
            "n": line.number,
            "name": plain(name[: line.branch], LONGEST_NAME),
            "label": plain(name[line.begin : line.end], 160),
            "depth": line.depth,
            "up": line.up,
            "branch": line.branch,
            "size_of": line.size,
            "open": line.open,
            "messages": short(held) + ("" if len(known) == line.size else PARTIAL) if known else "",
            "exactly": (f"{count_text(held, _COUNTED[least], 'message')} in " if known else "")
            + f"{of} topics",
            "size": "",
            "backlog": self._backlog_of(infos),
            "dead": _sum_text(dead, not unknown),
            "internal": False,
            "chosen": False,
        }

    def _backlog_of(self, infos: Sequence[TopicInfo]) -> str:
        """Return the sum of what is known of the backlogs of topics; empty where none was asked for."""
        asked = [self.backlogs[info.name] for info in infos if info.name in self.backlogs]
        lags = [lag for lag in asked if isinstance(lag, int)]
        whole = len(asked) == len(infos) and NOT_KNOWN not in asked
        if lags:
            return short(sum(lags)) + ("" if whole else PARTIAL)
        return "none" if whole else NOT_KNOWN if NOT_KNOWN in asked else ""

    def describe(self, topic: str, *, count: bool = True) -> TopicDescription:
        """Load the description of a topic, and keep its backlog.

        Args:
            topic: The name of the topic.
            count: As in `ConnectedInspector.describe`.
        """
        described = self.session.inspector.describe(topic, count=count)
        lags = [(each.lag, each.counted) for each in described.subscriptions if each.lag is not None]
        unknown = NOT_KNOWN if described.subscriptions else None
        self.backlogs[topic] = max(lags)[0] if lags else unknown
        while len(self.backlogs) > REMEMBERED:
            self.backlogs.popitem(last=False)
        if count:
            self._count_again(described)
        return described

    def _count_again(self, described: TopicDescription) -> None:
        """Show the counts of a topic that was described since the topics were loaded."""
        with freed(self._lock), self._lock:
            place = self._places.get(described.name)
            if place is None:
                return
            info, messages, size = self._infos[place], described.messages, described.bytes
            if messages is not None:
                info = replace(info, messages=messages, counted=described.counted)
            self._infos[place] = info if size is None else replace(info, bytes=size)
            self._count_dead_again(described.name)
            # the lines stay where they are until the topics are loaded again
            if self._drawn is not None:
                self._drawn[1].sum_up(self._infos, self._dead)

    def _count_dead_again(self, name: str) -> None:
        """Count the dead letters of the topics whose dead letters a topic keeps. The lock is held."""
        for topic, named in self._kept.items():
            if name in named:
                origin = self._infos[self._places[topic]]
                self._dead[topic] = _dead_letters(origin, self._infos, self._places, self._kept)


class _Drawn:
    """The lines that were shown last, with the sums of what their topics hold, in the order of the tree."""

    def __init__(self, lines: list[TreeLine], tree: TopicTree | None) -> None:
        self.lines, self.tree = lines, tree
        self.messages, self.dead, self.unknown_dead = [0], [0], [0]

    def sum_up(self, infos: Sequence[TopicInfo], dead: Mapping[str, tuple[int, bool]]) -> None:
        """Make the sums of what the topics hold now."""
        if self.tree is None:
            return
        shown = [infos[number] for number in self.tree.order]
        letters = [dead[info.name] for info in shown]
        self.messages = running_sums(info.messages or 0 for info in shown)
        self.dead = running_sums(count for count, _ in letters)
        self.unknown_dead = running_sums(not known for _, known in letters)

    def of(self, sums: Sequence[int], line: TreeLine) -> int:
        """Return the sum over the topics of a branch."""
        return sums[line.first + line.size] - sums[line.first] if self.tree is not None else 0


def _dead_letters(
    info: TopicInfo, infos: Sequence[TopicInfo], places: Mapping[str, int], kept: Mapping[str, Sequence[str]]
) -> tuple[int, bool]:
    """Return how many dead letters there are of a topic, and whether all of them are known.

    Args:
        info: The topic.
        infos: All topics.
        places: Where each is among them, by name.
        kept: The topics of dead letters, by the topic that they are of.
    """
    held = [infos[places[name]].messages for name in kept.get(info.name, ())]
    return (info.dead_letters or 0) + sum(each or 0 for each in held), None not in held


def _sum_text(count: int, whole: bool) -> str:
    """Return a sum in a few characters, marked where it is only a part; empty for a whole one of nothing."""
    if count:
        return short(count) + ("" if whole else PARTIAL)
    return "" if whole else NOT_KNOWN


def short(number: int) -> str:
    """Return a number in a few characters: 950, 12.5 k, 7.21 M."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number / unit:.3g} {name}" if number < 999.5 * unit else f"{number // unit:,} {name}"
    return str(number)
