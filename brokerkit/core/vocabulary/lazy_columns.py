"""Columns that are kept as the numbers they follow from: a frame computes them for all rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Milliseconds(Sequence["int | None"]):
    """Times in milliseconds, read as the microseconds of `Columns`.

    Attributes:
        counts: Milliseconds since 1970, by row.
        absent: The count that stands for no time, which is read as None.
    """

    counts: Sequence[int]
    absent: int | None = None

    def __len__(self) -> int:
        return len(self.counts)

    def __iter__(self) -> Iterator[int | None]:
        return (None if count == self.absent else count * 1000 for count in self.counts)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return Milliseconds(self.counts[row], self.absent)
        count = self.counts[row]
        return None if count == self.absent else count * 1000


@dataclass(frozen=True, slots=True)
class PartitionOffsetIds(Sequence[str]):
    """Ids ``PARTITION-OFFSET`` of the records of one partition.

    Attributes:
        partition: The number of the partition.
        offsets: By row, the same as the column `offset`.
    """

    partition: int
    offsets: Sequence[int]

    def __len__(self) -> int:
        return len(self.offsets)

    def __iter__(self) -> Iterator[str]:
        return (f"{self.partition}-{offset}" for offset in self.offsets)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return PartitionOffsetIds(self.partition, self.offsets[row])
        return f"{self.partition}-{self.offsets[row]}"
