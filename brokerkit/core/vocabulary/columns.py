"""A batch of messages as parallel columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, chain, islice, repeat, takewhile
from typing import Any, TypeAlias

from .attributes import Attributes
from .messages import Delivery, Message, Record, from_microseconds, to_microseconds

Field: TypeAlias = Any
"""One value per row (a sequence, or anything with ``__arrow_c_array__``), or one `str`, `bytes` or `int` for
every row, or None if no row has a value."""

_SCALARS = (str, bytes, int)


def values_of(column: Field, length: int) -> Iterable[Any]:
    """Iterate over the values of a field, one per row."""
    if column is None or isinstance(column, _SCALARS):
        return repeat(column, length)
    to_list = getattr(column, "to_pylist", None)
    values: Iterable[Any] = column if to_list is None else to_list()
    return values


def _same_scalar(parts: Sequence[Field]) -> bool:
    first = parts[0]
    return (first is None or isinstance(first, _SCALARS)) and all(
        type(part) is type(first) and part == first for part in parts
    )


@dataclass(slots=True)
class Columns:
    """A batch of messages as one field per column.

    Attributes:
        length: How many rows there are.
        topic: str.
        partition: int.
        offset: int.
        id: str.
        key: bytes or None.
        value: bytes or None.
        attributes: A sequence of (name, value) pairs, or None.
        publish_time: int, microseconds since 1970 in UTC.
        ingestion_time: int, microseconds since 1970 in UTC.
        delivery_count: int, from 1.
        position: int of any size, where `offset` does not say where in its partition a row lies. It can
            be compared only within a partition of a topic, and with `start` and `end` of a `Slice`.
    """

    length: int
    topic: Field
    partition: Field = None
    offset: Field = None
    id: Field = None
    key: Field = None
    value: Field = None
    attributes: Field = None
    publish_time: Field = None
    ingestion_time: Field = None
    delivery_count: Field = None
    position: Field = None

    def __len__(self) -> int:
        return self.length

    def values(self, name: str) -> Iterable[Any]:
        """Iterate over the values of one column, one per row."""
        return values_of(getattr(self, name), self.length)

    def to_list(self, name: str) -> list[Any]:
        """Return the values of one column as a list."""
        column = getattr(self, name)
        return column if type(column) is list else list(values_of(column, self.length))

    def value_at(self, name: str, row: int) -> Any:
        """Return the value of one column in one row."""
        column = getattr(self, name)
        if column is None or isinstance(column, _SCALARS):
            return column
        (value,) = values_of(column[row : row + 1], 1)
        return value

    def positions(self) -> list[Any]:
        """Return the position of each row in its partition: its `position`, else its `offset`."""
        return self.to_list("offset" if self.position is None else "position")

    def position_at(self, row: int) -> Any:
        """Return the position of one row in its partition."""
        return self.value_at("offset" if self.position is None else "position", row)

    def sizes(self, start: int, stop: int) -> Iterable[int]:
        """Iterate over the bytes of key, payload and attributes of the rows from `start` to before `stop`."""
        columns = [islice(self.values(name), start, stop) for name in ("key", "value", "attributes")]
        for key, value, attributes in zip(*columns, strict=True):
            size = len(key or b"") + len(value or b"")
            yield size if not attributes else size + sum(map(_pair_size, attributes))

    def size(self, start: int, stop: int) -> int:
        """Return the sum of `sizes`, without a step in Python for each row."""
        total = 0
        for name in ("key", "value"):
            column = getattr(self, name)
            if column is not None:
                total += sum(map(len, filter(None, islice(values_of(column, self.length), start, stop))))
        if self.attributes is not None:
            some = filter(None, islice(self.values("attributes"), start, stop))
            total += sum(map(_pair_size, chain.from_iterable(some)))
        return total

    def fitting(self, start: int, stop: int, room: int) -> tuple[int, int]:
        """Return how many rows from `start` to before `stop` have at most `room` bytes together.

        Returns:
            Their number, and their bytes.
        """
        total = self.size(start, stop)
        if total <= room:
            return stop - start, total
        fitting = [*takewhile(room.__ge__, accumulate(self.sizes(start, stop)))]
        return len(fitting), fitting[-1] if fitting else 0

    def _each(self, change: Callable[[Field], Field], length: int) -> Columns:
        changed: dict[str, Field] = {}
        for name in COLUMN_NAMES:
            column = getattr(self, name)
            keep = column is None or isinstance(column, _SCALARS)
            changed[name] = column if keep else change(column)
        return Columns(length, **changed)

    def slice(self, start: int, stop: int) -> Columns:
        """Return the rows from `start` up to but excluding `stop`."""
        start, stop, _ = slice(start, stop).indices(self.length)
        if start == 0 and stop == self.length:
            return self
        return self._each(lambda column: column[start:stop], max(0, stop - start))

    def as_lists(self) -> Columns:
        """Return the same rows with every column a Python list, a scalar or None."""
        return self._each(lambda column: list(values_of(column, self.length)), self.length)

    def take(self, rows: Sequence[int]) -> Columns:
        """Return the rows with these numbers, in this order."""

        def pick(column: Field) -> Field:
            native = getattr(column, "take", None)
            return native(rows) if native is not None else [column[row] for row in rows]

        return self._each(pick, len(rows))

    @classmethod
    def empty(cls) -> Columns:
        """Return columns without rows."""
        return cls(0, topic=[])

    @classmethod
    def concat(cls, parts: Sequence[Columns]) -> Columns:
        """Return all rows of all parts, in order."""
        filled = [part for part in parts if part.length]
        if len(filled) == 1:
            return filled[0]
        if not filled:
            return cls.empty()
        joined: dict[str, Field] = {}
        for name in COLUMN_NAMES:
            columns = [getattr(part, name) for part in filled]
            if _same_scalar(columns):
                joined[name] = columns[0]
            else:
                joined[name] = [value for part in filled for value in part.values(name)]
        return cls(sum(part.length for part in filled), **joined)

    @classmethod
    def from_messages(cls, messages: Sequence[Message]) -> Columns:
        """Return columns made of messages, for backends that have nothing faster."""
        return cls(
            len(messages),
            topic=[m.topic for m in messages],
            id=[m.id for m in messages],
            key=[m.key for m in messages],
            value=[m.data for m in messages],
            attributes=[m.attributes for m in messages],
            publish_time=[_micros(m.publish_time) for m in messages],
            ingestion_time=[_micros(m.ingestion_time) for m in messages],
            delivery_count=[m.delivery_count for m in messages],
        )

    @classmethod
    def from_records(cls, records: Sequence[Record]) -> Columns:
        """Return columns made of records."""
        return cls(
            len(records),
            topic=[r.topic for r in records],
            partition=[r.partition for r in records],
            offset=[r.offset for r in records],
            id=[r.id for r in records],
            key=[r.key for r in records],
            value=[r.value for r in records],
            attributes=[r.attributes for r in records],
            publish_time=[_micros(r.publish_time) for r in records],
            ingestion_time=[_micros(r.ingestion_time) for r in records],
        )

    def to_messages(self, deliveries: Iterable[Delivery | None] | None = None) -> list[Message]:
        """Return one `Message` per row, settled by its item of `deliveries`."""
        return [
            Message(
                id=id,
                data=value,
                key=key,
                attributes=Attributes.trusted(attributes),
                topic=topic,
                publish_time=from_microseconds(published),
                ingestion_time=from_microseconds(ingested),
                delivery_count=count,
                delivery=delivery,
            )
            for id, value, key, attributes, topic, published, ingested, count, delivery in zip(
                self.values("id"),
                self.values("value"),
                self.values("key"),
                self.values("attributes"),
                self.values("topic"),
                self.values("publish_time"),
                self.values("ingestion_time"),
                self.values("delivery_count"),
                deliveries if deliveries is not None else repeat(None, self.length),
                strict=True,
            )
        ]

    def to_records(self, deliveries: Iterable[Delivery | None] | None = None) -> list[Record]:
        """Return one `Record` per row, settled by its item of `deliveries`."""
        return [
            Record(
                topic=topic,
                partition=partition,
                offset=offset,
                value=value,
                key=key,
                attributes=Attributes.trusted(attributes),
                publish_time=from_microseconds(published),
                ingestion_time=from_microseconds(ingested),
                id=id,
                delivery=delivery,
            )
            for topic, partition, offset, value, key, attributes, published, ingested, id, delivery in zip(
                self.values("topic"),
                self.values("partition"),
                self.values("offset"),
                self.values("value"),
                self.values("key"),
                self.values("attributes"),
                self.values("publish_time"),
                self.values("ingestion_time"),
                self.values("id"),
                deliveries if deliveries is not None else repeat(None, self.length),
                strict=True,
            )
        ]


COLUMN_NAMES: tuple[str, ...] = tuple(f.name for f in fields(Columns) if f.name != "length")


def _pair_size(pair: Sequence[Any]) -> int:
    """Return the bytes of a name and a value, about 8 for a number."""
    return sum(len(each) if isinstance(each, str | bytes) else 8 for each in pair)


def _micros(value: Any) -> int | None:
    return None if value is None else to_microseconds(value)
