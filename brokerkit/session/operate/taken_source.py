"""A queue whose messages are taken, and acknowledged once their copies are stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from brokerkit.core.contract.consumer import Outcome
from brokerkit.core.runtime.message_consumer import MessageConsumer
from brokerkit.core.runtime.received import Fetch, ReceivedBatch
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.core.vocabulary.errors import AckFailed, BrokerError, ConfigError, LockLost, NotSupported
from brokerkit.core.vocabulary.interrupts import check_interrupt

from .sources import Part, Source

if TYPE_CHECKING:
    from ..base import BrokerSession

HOLD_SECONDS = 6 * 3600.0
ATTACH_SECONDS = 30.0
STEP_SECONDS = 0.5
IDLE_SECONDS = 3.0
"""How long to wait for another message of a subscription, which does not show what it has."""
NAMED_SECONDS = 15.0
"""The same where messages are missing that were named: they may be on their way back from a look."""
LOCK_MARGIN = 5.0
MAX_BYTES = 32_000_000

Taken = tuple[Fetch, int]


class TakenSource(Source):
    """A queue that is taken from. What is not removed is held, and returned at the end.

    Where the queue can be looked at, its messages are handed over in its order: those that a killed call left
    locked are waited for, so that nothing overtakes them.

    Args:
        options: Options of the consumer.
        wanted: The ids of the messages that are asked for. None for all.
    """

    def __init__(
        self,
        session: BrokerSession,
        place: DeadLetterPlace,
        options: Mapping[str, Any] | None = None,
        wanted: Set[str] | None = None,
    ) -> None:
        super().__init__(session, place)
        self._wanted = wanted
        # a key that a killed call holds is free when its lock has ended
        attaching = ATTACH_SECONDS if place.key_option is None else self._patience
        consumer = session.connection.consumer(
            place.name,
            place.through,
            model="message",
            hold=HOLD_SECONDS,
            connect_timeout=attaching,
            **(options or {}),
        )
        assert isinstance(consumer, MessageConsumer)
        self._consumer = consumer
        # what another consumer holds is not shown by a subscription
        self.shows_all = session.capabilities.slices == "while it lasts"
        self._waiting: dict[str, tuple[Columns, int, Taken]] = {}
        self._staying: set[bytes] = set()

    @property
    def _patience(self) -> float:
        """Seconds after which the lock of a process that was killed has ended."""
        return (self.place.lock_seconds or 0.0) + LOCK_MARGIN

    def parts(self, rows: int) -> Iterator[Part]:
        if not self.shows_all:
            yield from self._as_they_come(rows)
            return
        for ids in self._ids(rows):
            yield from self.those(ids)

    def those(self, ids: Sequence[str]) -> Iterator[Part]:
        """Yield these messages as one part, without those that another consumer holds."""
        found = self._awaited(ids)
        self.locked.update(f"{self.place.name} {each}" for each in ids if each not in found)
        if found:
            yield self._part([self._waiting.pop(each) for each in found])

    def _ids(self, rows: int) -> Iterator[list[str]]:
        """Yield the ids of the messages that are there now, in order."""
        inspector = self.session.inspector
        for slice_ in inspector.plan(self.place.name):
            waiting: list[str] = []
            for columns in inspector.read(slice_):
                waiting += [str(each) for each in columns.values("id")]
                while len(waiting) >= rows:
                    yield waiting[:rows]
                    del waiting[:rows]
            if waiting:
                yield waiting

    def _awaited(self, ids: Sequence[str]) -> list[str]:
        """Take until these messages came, and return those that did before a lock would have expired."""
        missing = set(ids) - self._waiting.keys()
        deadline = Deadline(self._patience)
        while missing and not deadline.passed:
            check_interrupt()
            found = self._take(max(len(missing), 1))
            if missing & found:
                missing -= found
                deadline = Deadline(self._patience)
        return [each for each in ids if each in self._waiting]

    def _take(self, count: int) -> set[str]:
        return self._received(self._consumer.fetch_many(count, STEP_SECONDS, max_bytes=MAX_BYTES))

    def _received(self, batches: Sequence[ReceivedBatch]) -> set[str]:
        found: set[str] = set()
        for batch in batches:
            columns = batch.columns.as_lists()
            fetch_rows = batch.pending_rows()
            for row, (identity, fetch_row) in enumerate(zip(columns.values("id"), fetch_rows, strict=True)):
                self._waiting[str(identity)] = (columns, row, (batch.fetch, fetch_row))
                found.add(str(identity))
        return found

    def _as_they_come(self, rows: int) -> Iterator[Part]:
        """Take until no more come for a while, and the broker says that none are left, where it does.

        Messages that are named are waited for longer, and no others once they came.
        """
        missing = {*(self._wanted or ()), *self.awaited}
        quiet = Deadline(NAMED_SECONDS)
        while missing or self._wanted is None:
            check_interrupt()
            batches = self._consumer.fetch_many(
                rows, IDLE_SECONDS, window=IDLE_SECONDS, thorough=True, max_bytes=MAX_BYTES
            )
            if found := self._received(batches):
                missing -= found
                quiet = Deadline(NAMED_SECONDS)
                yield self._part([self._waiting.pop(each) for each in list(self._waiting)])
            elif not missing or quiet.passed:
                return

    def _part(self, taken: Sequence[tuple[Columns, int, Taken]]) -> Part:
        """Return messages as a part, in this order."""
        columns = Columns.concat([columns.slice(row, row + 1) for columns, row, _ in taken]).as_lists()
        restored = self.dead_letters.restored(self.place, columns).as_lists()
        return Part(restored, taken=[each for _, _, each in taken])

    def remove(self, part: Part, rows: Sequence[int]) -> dict[int, BrokerError]:
        errors = _acknowledged({row: part.taken[row] for row in rows})
        ids = part.ids
        lost = {row: ids[row] for row, error in errors.items() if isinstance(error, LockLost)}
        if lost:
            # they are delivered again
            self._awaited(list(lost.values()))
            taken = {row: self._waiting.pop(each)[2] for row, each in lost.items() if each in self._waiting}
            errors = {row: error for row, error in errors.items() if row not in taken}
            errors |= _acknowledged(taken)
        removed = [row for row in rows if row not in errors]
        errors |= self.returning(part, removed)
        self.leave(part, removed)
        return errors

    def leave(self, part: Part, going: Sequence[int]) -> None:
        if not self._consumer.redelivers_by_key:
            return
        gone = set(going)
        keys = enumerate(part.columns.values("key"))
        self._staying.update(key for row, key in keys if key is not None and row not in gone)

    def returning(self, part: Part, rows: Sequence[int]) -> dict[int, BrokerError]:
        found: dict[int, BrokerError] = {}
        if not self._consumer.redelivers_by_key:
            return found
        going, staying = set(rows), set(self._staying)
        for row, key in enumerate(part.columns.values("key")):
            if row not in going:
                staying.add(key)
            elif key is not None and key in staying:
                found[row] = NotSupported(
                    f"an earlier message of its key stays in {self.place.through!r}, which may keep the "
                    "order of keys and deliver what follows again, also if it is acknowledged: choose the "
                    "earlier ones of the key too, or use a subscription with ordering=False"
                )
        return found

    def close(self) -> None:
        self._consumer.close()


def _acknowledged(taken: Mapping[int, Taken]) -> dict[int, BrokerError]:
    """Acknowledge messages by their rows in a part, and return the errors by row."""
    by_fetch: dict[int, tuple[Fetch, list[int], list[int]]] = {}
    for row, (fetch, fetch_row) in taken.items():
        _, part_rows, fetch_rows = by_fetch.setdefault(id(fetch), (fetch, [], []))
        part_rows.append(row)
        fetch_rows.append(fetch_row)
    errors: dict[int, BrokerError] = {}
    for fetch, part_rows, fetch_rows in by_fetch.values():
        try:
            fetch.settle(fetch_rows, Outcome.ACK, None, None)
        except AckFailed as error:
            failures = error.failures or dict.fromkeys(range(len(part_rows)), error)
            errors |= {part_rows[place]: each for place, each in failures.items()}
        except BrokerError as error:
            errors |= dict.fromkeys(part_rows, error)
    return errors


def check_looking(side_effects: Any, dry_run: bool = True, verb: str = "") -> None:
    """Raise ConfigError if `side_effects` is unknown, or given without `dry_run`."""
    if side_effects not in (None, "give back"):
        raise ConfigError(f"side_effects must be None or 'give back', not {side_effects!r}")
    if side_effects is not None and not dry_run:
        raise ConfigError(f"side_effects= is for dry_run=True: without it, {verb} takes them anyway")


def check_can_take(session: BrokerSession, place: DeadLetterPlace) -> None:
    """Raise NotSupported if messages of a place are taken through a subscription, and none is named."""
    if place.through is None and session.capabilities.subscription_required:
        raise NotSupported(
            f"{place.name!r} has no subscription through which its messages are taken: create one, "
            f"create_subscription({place.name!r}, NAME), and name it, through=NAME"
        )
