"""A queue whose messages are taken one key after the other, such as one with sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.core.vocabulary.errors import BrokerError, Unavailable
from brokerkit.core.vocabulary.interrupts import check_interrupt

from .sources import Part, Source
from .taken_source import TakenSource

if TYPE_CHECKING:
    from ..base import BrokerSession


class KeyedSource(Source):
    """A queue of which a consumer takes one key at a time, in its order.

    Only keys are taken that have a message which is wanted. Those before it stay reserved until it was
    moved, and then go back.

    Args:
        wanted: The ids of the messages that are asked for. None for all.
    """

    def __init__(self, session: BrokerSession, place: DeadLetterPlace, wanted: Set[str] | None) -> None:
        super().__init__(session, place)
        self._wanted = wanted
        self._of_key: TakenSource | None = None

    def parts(self, rows: int) -> Iterator[Part]:
        for key, ids in self._ids().items():
            check_interrupt()
            taken = self._take(key)
            handed = 0
            try:
                while handed < len(ids):
                    yield from taken.those(ids[handed : handed + rows])
                    handed += rows
            except Unavailable:
                # a broker that answers to this refused the key: another consumer has it
                self.session.inspector.plan(self.place.name)
                self.locked.update(f"{self.place.name} {each}" for each in ids[handed:])
            self.locked |= taken.locked
            self.close()

    def _ids(self) -> dict[str, list[str]]:
        """Return the ids of the messages that are wanted, in order, by key."""
        inspector = self.session.inspector
        found: dict[str, list[str]] = {}
        for slice_ in inspector.plan(self.place.name):
            for columns in inspector.read(slice_):
                for key, identity in zip(columns.values("key"), columns.values("id"), strict=True):
                    if key is not None and (self._wanted is None or str(identity) in self._wanted):
                        found.setdefault(bytes(key).decode(), []).append(str(identity))
        return found

    def _take(self, key: str) -> TakenSource:
        assert self.place.key_option is not None
        options = {**self.place.consumer_options, self.place.key_option: key}
        self._of_key = TakenSource(self.session, self.place, options)
        return self._of_key

    def remove(self, part: Part, rows: Sequence[int]) -> dict[int, BrokerError]:
        assert self._of_key is not None
        return self._of_key.remove(part, rows)

    def close(self) -> None:
        taken, self._of_key = self._of_key, None
        if taken is not None:
            taken.close()
