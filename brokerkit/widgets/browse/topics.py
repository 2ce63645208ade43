"""The topics of a session: found by name, shown a few at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.topics import TopicDescription, TopicInfo, count_text
from brokerkit.display.sanitize import plain

from ..protocol.browse import TopicLine
from ..row_view import size_text

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

REMEMBERED = 2_000
"""At most so many descriptions are kept."""
SORTS = ("name", "messages", "bytes")
NOT_KNOWN = "?"
"""The backlog of a topic whose subscriptions do not tell it, or that could not be asked."""


class TopicList:
    """Every topic once, numbered; `load` may run in any thread.

    Attributes:
        generation: Increases with each load, when the numbers refer to other topics.
    """

    def __init__(self, session: DataSession) -> None:
        self.session = session
        self.generation = 0
        self.backlogs: OrderedDict[str, str | None] = OrderedDict()
        self._infos: list[TopicInfo] = []
        self._lowered: list[str] = []
        self._chosen: tuple[Any, list[int]] | None = None

    def load(self) -> None:
        """Load the topics from the broker."""
        infos = self.session.inspector.topics()
        lowered = [info.name.lower() for info in infos]
        self._infos, self._lowered, self._chosen = infos, lowered, None
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

    def rows(self, numbers: Sequence[int], chosen: str | None = None) -> list[TopicLine]:
        """Return short texts of these topics; `chosen` is the name of the open one."""
        return [self._row(number, self._infos[number], chosen) for number in numbers]

    def _row(self, number: int, info: TopicInfo, chosen: str | None) -> TopicLine:
        backlog = self.backlogs.get(info.name, "")
        return {
            "n": number,
            "name": plain(info.name, 160),
            "messages": "" if info.messages is None else short(info.messages),
            "exactly": "" if info.messages is None else count_text(info.messages, info.counted, "message"),
            "size": size_text(info.bytes),
            "backlog": "" if backlog == "" else "none" if backlog is None else backlog,
            "internal": info.internal,
            "chosen": info.name == chosen,
        }

    def describe(self, topic: str, *, count: bool = True) -> TopicDescription:
        """Load the description of a topic, and keep its backlog.

        Args:
            topic: The name of the topic.
            count: As in `ConnectedInspector.describe`.
        """
        described = self.session.inspector.describe(topic, count=count)
        lags = [(each.lag, each.counted) for each in described.subscriptions if each.lag is not None]
        unknown = NOT_KNOWN if described.subscriptions else None
        self.backlogs[topic] = short(max(lags)[0]) if lags else unknown
        while len(self.backlogs) > REMEMBERED:
            self.backlogs.popitem(last=False)
        return described


def short(number: int) -> str:
    """Return a number in a few characters: 950, 12.5 k, 7.21 M."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number / unit:.3g} {name}" if number < 999.5 * unit else f"{number // unit:,} {name}"
    return str(number)
