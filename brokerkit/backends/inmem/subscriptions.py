"""The readers of topics: subscriptions with leases, and groups with committed offsets."""

from __future__ import annotations

import time
from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from brokerkit.core.vocabulary.errors import LockLost, StaleAck

from .log import Entry, Partition, Topic

Place = tuple[int, int]
"""A (partition, offset) pair."""


@dataclass(slots=True)
class Lease:
    """A delivery of a message to one consumer.

    Attributes:
        receipt: A number that is unique to the delivery.
        deadline: When the lease ends, on the monotonic clock.
        owner: The consumer.
    """

    receipt: int
    deadline: float
    owner: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A reference to a delivered message, with the number of its lease."""

    partition: int
    offset: int
    lease: int


class Subscription:
    """A subscription, which delivers each message of a topic to one of its consumers.

    A message is redelivered when its lease expires or it is returned.

    Args:
        topic: The topic.
        name: The name of the subscription.
        begins: Returns the offset at which to start in a partition.
        ack_deadline: How long a lease lasts, in seconds.
        ordered: Whether a message waits until the one before with the same key is acknowledged.
        dead_letter_topic: The topic that gets the messages that are rejected. None keeps them nowhere.
    """

    def __init__(
        self,
        topic: Topic,
        name: str,
        begins: Callable[[Partition], int],
        ack_deadline: float,
        ordered: bool,
        dead_letter_topic: str | None = None,
    ) -> None:
        self.topic = topic
        self.name = name
        self.ack_deadline = ack_deadline
        self.ordered = ordered
        self.dead_letter_topic = dead_letter_topic
        self.counts: dict[Place, int] = {}
        self.leases: dict[Place, Lease] = {}
        self.rejected: list[Place] = []
        self._next = {each.number: begins(each) for each in topic.partitions}
        self._again: list[Place] = []
        self._delayed: list[tuple[float, Place]] = []
        self._receipts = count(1)

    @property
    def waiting(self) -> int:
        """The number of messages that are to be delivered, for the first time or again."""
        fresh = sum(len(each.range(self._next[each.number], each.end)) for each in self.topic.partitions)
        return fresh + len(self._again) + len(self._delayed)

    @property
    def owners(self) -> set[int]:
        """The consumers that hold messages."""
        return {lease.owner for lease in self.leases.values()}

    @property
    def settled(self) -> dict[int, int]:
        """The offset in each partition before which everything is settled."""
        return {number: min(self._taken(number), default=position) for number, position in self._next.items()}

    def unsettled(self, number: int) -> int:
        """Return how many messages of a partition are not settled."""
        partition = self.topic.partitions[number]
        return len(self._taken(number)) + len(partition.range(self._next[number], partition.end))

    def _taken(self, number: int) -> set[int]:
        """Return the offsets before the next one that are not settled."""
        places = {*self.leases, *self._again, *(place for _, place in self._delayed)}
        return {offset for partition, offset in places if partition == number}

    def seek(self, positions: Mapping[int, int]) -> None:
        """Go to positions, and give up what is in flight in their partitions."""
        for number, position in positions.items():
            for place in [place for place in self.leases if place[0] == number]:
                del self.leases[place]
            for place in [place for place in self.counts if place[0] == number]:
                del self.counts[place]
            self._again = [place for place in self._again if place[0] != number]
            self._delayed = [item for item in self._delayed if item[1][0] != number]
            self._next[number] = position

    def forget(self, gone: Callable[[Place], bool]) -> None:
        """Give up messages that were removed from the topic."""
        for place in [place for place in self.leases if gone(place)]:
            del self.leases[place]
        for place in [place for place in self.counts if gone(place)]:
            del self.counts[place]
        self._again = [place for place in self._again if not gone(place)]
        self._delayed = [item for item in self._delayed if not gone(item[1])]

    def due(self, ends: Mapping[int, int]) -> bool:
        """Return whether a message before the end offset of its partition can be delivered now."""
        self._lapse()
        if self.ordered:
            # a message that waits for an earlier acknowledgement is not due
            busy = self._busy_keys()
            places = [
                *self._again,
                *(
                    (each.number, entry.offset)
                    for each in self.topic.partitions
                    for entry in each.range(self._next[each.number], ends.get(each.number, 0))
                ),
            ]
            entries = (self.topic.partitions[number].get(offset) for number, offset in places)
            return any(each is not None and (each.key is None or each.key not in busy) for each in entries)
        fresh = any(
            each.range(self._next[each.number], ends.get(each.number, 0)) for each in self.topic.partitions
        )
        return fresh or any(self.topic.partitions[number].get(offset) for number, offset in self._again)

    def fetch(self, limit: int, owner: int) -> tuple[list[tuple[int, Entry]], list[Receipt], list[int]]:
        """Lease up to `limit` messages.

        Returns:
            The (partition, entry) pairs, the receipts, and the delivery counts.
        """
        self._lapse()
        busy = self._busy_keys() if self.ordered else set()
        entries: list[tuple[int, Entry]] = []
        receipts: list[Receipt] = []
        counts: list[int] = []
        deadline = time.monotonic() + self.ack_deadline
        for place, entry in self._candidates(limit, busy):
            number = self.counts[place] = self.counts.get(place, 0) + 1
            lease = self.leases[place] = Lease(next(self._receipts), deadline, owner)
            entries.append((place[0], entry))
            receipts.append(Receipt(*place, lease.receipt))
            counts.append(number)
        return entries, receipts, counts

    def _candidates(self, limit: int, busy: set[bytes]) -> Iterator[tuple[Place, Entry]]:
        taken = 0
        kept: list[Place] = []
        again, self._again = self._again, []
        for index, place in enumerate(again):
            entry = self.topic.partitions[place[0]].get(place[1])
            if entry is None:
                continue
            if taken == limit or (entry.key is not None and entry.key in busy):
                kept.append(place)
                if taken == limit:
                    kept.extend(again[index + 1 :])
                    break
                continue
            taken += 1
            if self.ordered and entry.key is not None:
                busy.add(entry.key)
            yield place, entry
        self._again = kept
        if self.ordered:
            busy.update(self._keys(kept))
        for partition in self.topic.partitions:
            position = self._next[partition.number]
            while taken < limit and position < partition.end:
                entry = partition.get(position)
                place = (partition.number, position)
                position += 1
                if entry is None:
                    continue
                if self.ordered and entry.key is not None:
                    if entry.key in busy:
                        insort(self._again, place)
                        continue
                    busy.add(entry.key)
                taken += 1
                yield place, entry
            self._next[partition.number] = max(position, partition.start)

    def _keys(self, places: list[Place]) -> set[bytes]:
        entries = (self.topic.partitions[number].get(offset) for number, offset in places)
        return {entry.key for entry in entries if entry is not None and entry.key is not None}

    def _busy_keys(self) -> set[bytes]:
        return self._keys([*self.leases, *(place for _, place in self._delayed)])

    def _lapse(self) -> None:
        now = time.monotonic()
        for place in [place for place, lease in self.leases.items() if lease.deadline <= now]:
            self._return(place)
        due = [item for item in self._delayed if item[0] <= now]
        for item in due:
            self._delayed.remove(item)
            insort(self._again, item[1])

    def _return(self, place: Place, delay: float = 0.0) -> None:
        del self.leases[place]
        if delay:
            insort(self._delayed, (time.monotonic() + delay, place))
        else:
            insort(self._again, place)

    def next_event(self) -> float:
        """Return when the next lease expires or delay ends, on the monotonic clock; infinity for never."""
        times = [lease.deadline for lease in self.leases.values()]
        times += [at for at, _ in self._delayed[:1]]
        return min(times, default=float("inf"))

    def _lease(self, receipt: Receipt) -> Place:
        place = (receipt.partition, receipt.offset)
        lease = self.leases.get(place)
        if lease is not None and lease.deadline <= time.monotonic():
            self._return(place)
            lease = None
        if lease is None or lease.receipt != receipt.lease:
            raise LockLost(f"the ack deadline of message {place[0]}-{place[1]} had passed")
        return place

    def check(self, receipt: Receipt) -> None:
        """Raise LockLost if the lease of a message has expired."""
        self._lease(receipt)

    def ack(self, receipt: Receipt) -> None:
        """Acknowledge a message.

        Raises:
            LockLost: Its lease has expired.
        """
        place = self._lease(receipt)
        del self.leases[place]
        self.counts.pop(place, None)

    def nack(self, receipt: Receipt, delay: float | None) -> None:
        """Return a message, to be redelivered after `delay` seconds.

        Raises:
            LockLost: Its lease has expired.
        """
        self._return(self._lease(receipt), delay or 0.0)

    def reject(self, receipt: Receipt) -> None:
        """Settle a message as rejected.

        Raises:
            LockLost: Its lease has expired.
        """
        self.ack(receipt)
        self.rejected.append((receipt.partition, receipt.offset))

    def extend(self, receipt: Receipt) -> None:
        """Begin the ack deadline of a message again.

        Raises:
            LockLost: Its lease has expired.
        """
        self.leases[self._lease(receipt)].deadline = time.monotonic() + self.ack_deadline

    def lose_connections(self) -> None:
        """End every lease, as when the broker restarts."""
        for place in list(self.leases):
            self._return(place)


class Group:
    """A group: the committed offsets of a topic, and the members that share its partitions."""

    def __init__(self, topic: Topic, name: str, committed: dict[int, int]) -> None:
        self.topic = topic
        self.name = name
        self.committed = committed
        self.assigned: dict[int, set[int]] = {}
        self._members = count(1)

    def join(self) -> int:
        """Add a member, assign the partitions again, and return the number of the member."""
        member = next(self._members)
        self.assigned[member] = set()
        self._divide()
        return member

    def leave(self, member: int) -> None:
        """Remove a member and assign the partitions again."""
        if self.assigned.pop(member, None) is not None:
            self._divide()

    def _divide(self) -> None:
        members = sorted(self.assigned)
        for each in self.assigned.values():
            each.clear()
        for index, partition in enumerate(self.topic.partitions):
            if members:
                self.assigned[members[index % len(members)]].add(partition.number)

    def commit(self, member: int, partition: int, position: int) -> None:
        """Commit the next offset to be read of a partition.

        Raises:
            StaleAck: The partition is not assigned to the member.
        """
        if partition not in self.assigned.get(member, ()):
            raise StaleAck(f"partition {partition} of {self.topic.name!r} belongs to another member")
        self.committed[partition] = position

    def lag(self) -> int:
        """Return the number of messages after the committed offsets."""
        return sum(
            len(each.range(self.committed.get(each.number, each.start), each.end))
            for each in self.topic.partitions
        )
