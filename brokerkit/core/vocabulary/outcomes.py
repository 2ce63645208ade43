"""The outcomes of many messages, without an object for each."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import overload

from .errors import BrokerError
from .results import PublishResult

NOT_STORED = -(2**63)
"""The offset of a row in `Places` that was not stored, as far as it is known."""
NO_OFFSET = -1
"""The offset of a row in `Places` that was stored where the broker does not say."""


class Places(Sequence[str | None]):
    """Ids that consist of a partition and an offset, as columns.

    Args:
        partitions: The partition of each row, 32-bit integers.
        offsets: The offset of each row, 64-bit integers; `NOT_STORED` or `NO_OFFSET` where there is none.
    """

    __slots__ = ("offsets", "partitions")

    def __init__(self, partitions: array[int], offsets: array[int]) -> None:
        self.partitions = partitions
        self.offsets = offsets

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> Places: ...
    def __getitem__(self, index: int | slice) -> str | Places | None:
        if isinstance(index, slice):
            return Places(self.partitions[index], self.offsets[index])
        offset = self.offsets[index]
        return None if offset < 0 else f"{self.partitions[index]}-{offset}"


class Outcomes(Sequence[PublishResult]):
    """The outcomes of some messages, in order.

    Args:
        ids: The id of each stored message. Of rows in `others` it has no meaning.
        others: The outcome of each row that was not confirmed, or was with more to say.
    """

    __slots__ = ("ids", "others")

    def __init__(self, ids: Sequence[str | None], others: Mapping[int, PublishResult] | None = None) -> None:
        self.ids = ids
        self.others = dict(others or {})

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> PublishResult: ...
    @overload
    def __getitem__(self, index: slice) -> list[PublishResult]: ...
    def __getitem__(self, index: int | slice) -> PublishResult | list[PublishResult]:
        if isinstance(index, slice):
            return [self[row] for row in range(len(self))[index]]
        row = range(len(self))[index]
        return self.others.get(row) or PublishResult("confirmed", self.ids[row])

    def translated(self, translate: Callable[[BaseException], BrokerError]) -> Outcomes:
        """Return the same outcomes with their errors translated."""
        return Outcomes(
            self.ids,
            {
                row: each if each.error is None else replace(each, error=translate(each.error))
                for row, each in self.others.items()
            },
        )


def exceptions(results: Sequence[PublishResult]) -> Sequence[PublishResult]:
    """Return the outcomes that are not plainly confirmed; of a list, all of them."""
    return [*results.others.values()] if isinstance(results, Outcomes) else results


def all_ok(results: Sequence[PublishResult]) -> bool:
    """Tell whether all messages are stored."""
    return all(result.ok for result in exceptions(results))
