"""The readable range of each partition, and the place of a moment in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pulsar

from brokerkit.core.cancellation import Deadline
from brokerkit.core.positions import Earliest, Position, resolve
from brokerkit.core.topics import Bounds

from . import safety
from .columns import offset_of
from .positions import LedgerBounds, pack, parse_id
from .subscribing import leave
from .topics import Topics

READER_PREFIX = "brokerkit-reader"
"""How the subscriptions begin that a reader has while it is open."""
STEP_MILLIS = 1000

T = TypeVar("T")


class Ranges:
    """Answers from the REST endpoint where there is one, else from readers that look at both ends."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._link = topics.link

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        """The range of each partition. Raises NotFound."""
        deadline = Deadline(timeout)
        parts = self._topics.parts(self._topics.full(topic), timeout)
        return [self.part(number, name, deadline) for number, name in parts.items()]

    def part(self, number: int | None, name: str, deadline: Deadline) -> Bounds:
        """The range of one partition."""
        admin = self._topics.admin
        if admin is not None:
            return from_ledgers(number, admin.internal_stats(name, deadline.remaining()))
        return self._looked_at(number, name, deadline)

    def _looked_at(self, number: int | None, name: str, deadline: Deadline) -> Bounds:
        first = self._with_reader(name, pulsar.MessageId.earliest, _next, deadline)
        last = self._with_reader(name, pulsar.MessageId.latest, _next, deadline)
        if first is None or last is None:
            return LedgerBounds(number, 0, 0, 0)
        begin, end = first.message_id(), last.message_id()
        ledgers = [(end.ledger_id(), end.entry_id() + 1)]
        if begin.ledger_id() != end.ledger_id():
            # how many entries the ledgers between have is known to the REST endpoint only
            ledgers.insert(0, (begin.ledger_id(), begin.entry_id() + 1))
        return LedgerBounds(
            number,
            pack(begin.ledger_id(), begin.entry_id()),
            pack(end.ledger_id(), end.entry_id() + 1),
            sum(entries for _, entries in ledgers),
            tuple(ledgers),
        )

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        """The first message published at or after a moment, by partition; left out where none is."""
        deadline = Deadline(timeout)
        millis = max(0, -(-microseconds // 1000))

        def find(reader: Any) -> Any:
            reader.seek(millis)
            while (message := _next(reader)) is not None and message.publish_timestamp() < millis:
                pass
            return message

        found: dict[int | None, int] = {}
        for number, name in self._topics.parts(self._topics.full(topic), timeout).items():
            message = self._with_reader(name, pulsar.MessageId.earliest, find, deadline)
            if message is not None:
                found[number] = offset_of(message.message_id())
        return found

    def locate(self, topic: str, position: Position, timeout: float) -> dict[int | None, tuple[int, Bounds]]:
        """The offset of a position in each partition, with the partition's range."""
        bounds = self.bounds(topic, timeout)
        offsets = resolve(
            position, bounds, lambda at: self.at_time(topic, at, timeout), parse_id, otherwise=Earliest()
        )
        return {each.partition: (offsets[each.partition], each) for each in bounds}

    def _with_reader(self, name: str, start: Any, work: Callable[[Any], T], deadline: Deadline) -> T:
        """The answer of a reader that is open for this alone."""

        def look() -> T:
            reader = safety.watch(
                self._link.client.create_reader(
                    name,
                    start,
                    start_message_id_inclusive=True,
                    receiver_queue_size=1,
                    subscription_role_prefix=READER_PREFIX,
                )
            )
            try:
                return work(reader)
            finally:
                leave(reader)

        return self._link.run(look, deadline.remaining(), f"looking into {name}")


def _next(reader: Any) -> Any:
    """The next message; None at the end."""
    while reader.has_message_available():
        try:
            return reader.read_next(timeout_millis=STEP_MILLIS)
        except pulsar.Timeout:
            continue
    return None


def from_ledgers(number: int | None, internal: dict[str, Any]) -> Bounds:
    """The range that the ledgers of a partition cover."""
    newest, last = map(int, internal["lastConfirmedEntry"].split(":"))
    sizes = [(int(each["ledgerId"]), int(each["entries"])) for each in internal["ledgers"]]
    # of the ledger that is being written the list does not say how much it has
    ledgers = [(ledger, last + 1 if ledger == newest else entries) for ledger, entries in sizes]
    filled = tuple((ledger, entries) for ledger, entries in ledgers if entries > 0 and ledger <= newest)
    end = pack(max(0, newest), last + 1)
    start = pack(filled[0][0], 0) if filled else end
    return LedgerBounds(number, start, max(start, end), sum(entries for _, entries in filled), filled)
