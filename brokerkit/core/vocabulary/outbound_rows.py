"""Messages to be published, kept as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, repeat
from typing import Any, Literal, TypeAlias, overload

from .attributes import NO_ATTRIBUTES, Attributes
from .errors import BrokerError
from .messages import OutboundMessage

Item: TypeAlias = "OutboundMessage | BrokerError"
"""The message of one row, or the error that says why there is none."""


_NONE = {id(NO_ATTRIBUTES)}
_NO_MESSAGE = OutboundMessage(None)


class AttributeFacts:
    """What the attributes of many messages have in common.

    Attributes:
        pairs: All pairs, one message after the other.
        names: The names.
        types: The types of the values.
        most: The largest number of pairs of a message.
    """

    __slots__ = ("most", "names", "pairs", "types")

    def __init__(self, attributes: Sequence[Attributes]) -> None:
        lists = Attributes.lists(attributes)
        self.pairs = [*chain.from_iterable(lists)]
        self.names = {name for name, _ in self.pairs}
        self.types = {type(value) for _, value in self.pairs}
        self.most = max(map(len, lists), default=0)


class OutboundRows(Sequence[Item]):
    """Messages as columns. A message is made of a row only where one is asked for, each time a new one.

    A column that is None has no value in any row.

    Args:
        data: The payloads.
        keys: The keys.
        attributes: The attributes.
        wrong: The errors of rows that are no messages.

    Attributes:
        partitions: The partition of each row.
        times: The publish time of each row, in UTC.
        dedup_ids: The `dedup_id` of each row.
        sent_again: Whether the rows were read and are sent again; see `OutboundMessage`.
        elsewhere: Whether they were read from another broker.
    """

    __slots__ = (
        "_facts", "attributes", "data", "dedup_ids", "elsewhere", "keys", "partitions", "sent_again", "times",
        "wrong",
    )  # fmt: skip

    def __init__(
        self,
        data: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None = None,
        attributes: Sequence[Attributes] | None = None,
        wrong: Mapping[int, BrokerError] | None = None,
    ) -> None:
        self.data = data
        self.keys = keys if keys is None or keys.count(None) < len(keys) else None
        self.attributes = None if attributes is None or {*map(id, attributes)} <= _NONE else attributes
        self.wrong = dict(wrong or {})
        self.partitions: list[int | None] | None = None
        self.times: list[datetime | None] | None = None
        self.dedup_ids: Sequence[str | None] | None = None
        self.sent_again: Literal["new id", "same id"] | None = None
        self.elsewhere = False
        self._facts: AttributeFacts | None = None

    @property
    def facts(self) -> AttributeFacts:
        """What the attributes have in common. They must not be changed after this was asked for."""
        if self._facts is None:
            self._facts = AttributeFacts(self.attributes or ())
        return self._facts

    @classmethod
    def of(cls, items: Iterable[Item]) -> OutboundRows:
        """Return messages as columns. Whether they are sent again is not taken over."""
        given = list(items)
        wrong = {row: each for row, each in enumerate(given) if isinstance(each, BrokerError)}
        known = [_NO_MESSAGE if isinstance(each, BrokerError) else each for each in given]
        made = cls(
            [each.data for each in known],
            [each.key for each in known],
            [each.attributes for each in known],
            wrong,
        )
        made.partitions = _filled([each.partition for each in known])
        made.times = _filled([each.publish_time for each in known])
        made.dedup_ids = _filled([each.dedup_id for each in known])
        return made

    def __len__(self) -> int:
        return len(self.data)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> OutboundRows: ...
    def __getitem__(self, index: int | slice) -> Item | OutboundRows:
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        row = index if index >= 0 else index + len(self)
        return self.wrong[row] if row in self.wrong else self.message(row)

    def __iter__(self) -> Iterator[Item]:
        wrong, message = self.wrong, self.message
        return (wrong[row] if row in wrong else message(row) for row in range(len(self.data)))

    def message(self, row: int) -> OutboundMessage:
        """Return the message of a row."""
        made = OutboundMessage.__new__(OutboundMessage)
        made.data = self.data[row]
        made.key = None if self.keys is None else self.keys[row]
        made.attributes = NO_ATTRIBUTES if self.attributes is None else self.attributes[row]
        made.partition = None if self.partitions is None else self.partitions[row]
        made.publish_time = None if self.times is None else self.times[row]
        made.dedup_id = None if self.dedup_ids is None else self.dedup_ids[row]
        made.sent_again, made.elsewhere = self.sent_again, self.elsewhere
        return made

    def take(self, rows: Sequence[int]) -> OutboundRows:
        """Return some rows, in this order."""
        made = OutboundRows.__new__(OutboundRows)
        for name in ("data", "keys", "attributes", "partitions", "times", "dedup_ids"):
            setattr(made, name, _taken(getattr(self, name), rows))
        numbers = {row: place for place, row in enumerate(rows)} if self.wrong else {}
        made.wrong = {numbers[row]: error for row, error in self.wrong.items() if row in numbers}
        made.sent_again, made.elsewhere = self.sent_again, self.elsewhere
        made._facts = None
        return made


class RowNames(Sequence[str]):
    """The `dedup_id` of each of some rows of a frame, made only where one is asked for.

    Args:
        run: What the names of all rows begin with.
        rows: The number of each row in the frame.
        given: The names that rows have already.
    """

    __slots__ = ("_given", "_rows", "_run")

    def __init__(self, run: str, rows: Sequence[int], given: Sequence[str | None] | None = None) -> None:
        self._run = run
        self._rows = rows
        self._given = given

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> RowNames: ...
    def __getitem__(self, index: int | slice) -> str | RowNames:
        given = self._given
        if isinstance(index, slice):
            return RowNames(self._run, self._rows[index], None if given is None else given[index])
        return (None if given is None else given[index]) or f"{self._run}-{self._rows[index]}"


class TopicRows(Sequence[tuple[str, OutboundMessage]]):
    """(topic, message) pairs of one topic, with the messages as columns.

    Args:
        topic: The name of the topic.
        rows: The messages; none of them is an error.
    """

    __slots__ = ("rows", "topic")

    def __init__(self, topic: str, rows: OutboundRows) -> None:
        self.topic = topic
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> tuple[str, OutboundMessage]: ...
    @overload
    def __getitem__(self, index: slice) -> TopicRows: ...
    def __getitem__(self, index: int | slice) -> tuple[str, OutboundMessage] | TopicRows:
        if isinstance(index, slice):
            return TopicRows(self.topic, self.rows[index])
        return self.topic, self.rows.message(range(len(self))[index])

    def __iter__(self) -> Iterator[tuple[str, OutboundMessage]]:
        return zip(repeat(self.topic), map(self.rows.message, range(len(self))), strict=False)


def _filled(values: list[Any]) -> list[Any] | None:
    return values if values.count(None) < len(values) else None


def _taken(column: Sequence[Any] | None, rows: Sequence[int]) -> Sequence[Any] | None:
    if column is None:
        return None
    if isinstance(rows, range) and rows.step == 1:
        return column[rows.start : rows.stop]
    return [column[row] for row in rows]
