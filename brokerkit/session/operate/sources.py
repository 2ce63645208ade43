"""Where the messages come from that are moved, and how the originals are removed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.dead_letters import REDRIVE_ID, DeadLetterPlace
from brokerkit.core.vocabulary.errors import BrokerError, NotFound, Unavailable
from brokerkit.core.vocabulary.settled_offsets import SettledOffsets
from brokerkit.core.vocabulary.topics import Slice

if TYPE_CHECKING:
    from brokerkit.core.runtime.publisher import ConnectedPublisher

    from ..base import BrokerSession


@dataclass(frozen=True)
class Part:
    """Messages that were read together, in the order of their place.

    Attributes:
        columns: The messages, as Python lists.
        seen: The partition, the offset and the row of each message; no row for one that is removed already.
        taken: What the source needs to settle them.
    """

    columns: Columns
    seen: Sequence[tuple[int | None, int, int | None]] = ()
    taken: Any = None

    @property
    def ids(self) -> list[str]:
        """The id of each message."""
        return [str(each) for each in self.columns.values("id")]


class Source(ABC):
    """The messages of one place, and what removes them.

    Attributes:
        locked: The messages that are there, and were not to be had: another consumer holds them.
        awaited: Messages that an earlier call was moving: they are waited for longer.
        shows_all: Whether a message that is in none of the parts, and not locked, is gone.
    """

    shows_all = True

    def __init__(self, session: BrokerSession, place: DeadLetterPlace) -> None:
        self.session = session
        self.place = place
        self.dead_letters = session.connection.dead_letters()
        self.locked: set[str] = set()
        self.awaited: set[str] = set()

    @abstractmethod
    def parts(self, rows: int) -> Iterator[Part]:
        """Yield the messages that are there now, at most `rows` at a time."""

    @abstractmethod
    def remove(self, part: Part, rows: Sequence[int]) -> dict[int, BrokerError]:
        """Remove rows of a part, leave the others, and return the errors by row."""

    def returning(self, part: Part, rows: Sequence[int]) -> dict[int, BrokerError]:
        """Return which of these rows would be redelivered although they are removed, if the others stay."""
        return {}

    def leave(self, part: Part, going: Sequence[int]) -> None:
        """Note that the messages of a part stay, but for these rows."""
        return

    @property
    def undo(self) -> str:
        """How messages that were moved are brought back, in words."""
        name, through = self.place.name, self.place.through
        if self.place.removal == "delete" or self.session.capabilities.slices != "repeatable":
            return (
                f"the originals in {name!r} are gone: move() takes a frame of their copies, found by the "
                f"header {REDRIVE_ID!r}, to a topic"
            )
        if self.place.removal == "position":
            return f"undo(receipts, confirm=...) lists them in {name!r} again, and the copies stay"
        return (
            f"reset({name!r}, {through!r}, 'earliest', confirm={through!r}) lists them again, with those of "
            "earlier calls, as long as the log keeps them; the copies stay"
        )

    def close(self) -> None:
        """Let go of what was taken and not removed."""
        return


class ReadSource(Source):
    """A place that is read without side effects, and whose messages are deleted by their ids."""

    def parts(self, rows: int) -> Iterator[Part]:
        inspector = self.session.inspector
        for slice_ in self._slices():
            for columns in inspector.read(slice_, removing=True):
                for begin in range(0, columns.length, rows):
                    some = columns.slice(begin, min(begin + rows, columns.length))
                    part = self._part(self.dead_letters.restored(self.place, some).as_lists())
                    if part.columns.length or part.seen:
                        yield part

    def _slices(self) -> list[Slice]:
        return [each for each in self.session.inspector.plan(self.place.name) if not each.empty]

    def _part(self, columns: Columns) -> Part:
        return Part(columns)

    def remove(self, part: Part, rows: Sequence[int]) -> dict[int, BrokerError]:
        ids = part.ids
        errors = self.dead_letters.remove(self.place, [ids[row] for row in rows]) if rows else []
        return {row: error for row, error in zip(rows, errors, strict=True) if error is not None}


class RememberedSource(ReadSource):
    """A log, which keeps its messages: a subscription remembers which of them were removed.

    Args:
        publisher: Remembers in transactions, so that it fails once another call fences it. None for a look.
    """

    def __init__(
        self, session: BrokerSession, place: DeadLetterPlace, publisher: ConnectedPublisher | None = None
    ) -> None:
        super().__init__(session, place)
        self._publisher = publisher
        self._settled = dict(self.dead_letters.remembered(place))
        self._left: set[int | None] = set()

    def _slices(self) -> list[Slice]:
        found = []
        for slice_ in super()._slices():
            known = self._settled.get(slice_.partition)
            start = slice_.start if known is None else max(slice_.start, known.next)
            if start < slice_.end:
                found.append(replace(slice_, start=start, estimate=slice_.end - start))
        return found

    def _part(self, columns: Columns) -> Part:
        places = zip(columns.values("partition"), columns.positions(), strict=True)
        rows: list[int] = []
        seen: list[tuple[int | None, int, int | None]] = []
        for row, (number, offset) in enumerate(places):
            known = self._settled.get(number)
            if known is not None and offset in known:
                seen.append((number, offset, None))
            else:
                seen.append((number, offset, len(rows)))
                rows.append(row)
        return Part(columns if len(rows) == columns.length else columns.take(rows), seen)

    def settled(self, part: Part, rows: Sequence[int]) -> dict[int | None, SettledOffsets]:
        """Return the state of each partition once these rows of a part are removed."""
        removed = set(rows)
        by_partition: dict[int | None, list[tuple[int, bool]]] = {}
        for number, offset, row in part.seen:
            by_partition.setdefault(number, []).append((offset, row is None or row in removed))
        return {
            number: self._settled.get(number, SettledOffsets(seen[0][0])).after(
                seen, left=number in self._left
            )
            for number, seen in by_partition.items()
        }

    def keep(self, part: Part, rows: Sequence[int], settled: Mapping[int | None, SettledOffsets]) -> None:
        """Take over the state that the broker has remembered."""
        removed = set(rows)
        self._settled.update(settled)
        self._left |= {number for number, _, row in part.seen if row is not None and row not in removed}

    def remove(self, part: Part, rows: Sequence[int]) -> dict[int, BrokerError]:
        settled = self.settled(part, rows)
        try:
            if rows:
                self._remember(settled)
        except BrokerError as error:
            self.keep(part, [], {})
            return dict.fromkeys(rows, error)
        self.keep(part, rows, settled)
        return {}

    def _remember(self, settled: Mapping[int | None, SettledOffsets]) -> None:
        if self._publisher is None:
            self.dead_letters.remember(self.place, settled)
            return
        with self._publisher.transaction():
            self._publisher.send_positions(self.place.name, str(self.place.through), settled)


def why_missing(sources: Iterable[Source], place: str, identity: str) -> BrokerError:
    """Return why a message did not come that was asked for: NotFound if it is gone."""
    own = [each for each in sources if each.place.name == place]
    if any(f"{place} {identity}" in each.locked for each in own):
        return Unavailable("another consumer holds it: it was left where it is")
    if any(each.shows_all for each in own):
        return NotFound(f"it is not in {place!r} any more")
    return Unavailable(
        "it did not come in time: it is gone, or another consumer holds it, or the broker is slow. "
        "The same call asks for it again"
    )


def all_opened(stack: ExitStack, sources: Iterable[Source]) -> list[Source]:
    """Return sources, each of which is closed also if opening a later one fails."""
    found = []
    for each in sources:
        stack.callback(each.close)
        found.append(each)
    return found
