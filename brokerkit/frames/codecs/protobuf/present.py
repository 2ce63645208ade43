"""The fields that payloads have. Reading those alone takes less than reading all that the schema has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pyarrow as pa

from ...arrays import children, struct
from ...arrow import Array
from .plain_schema import PlainSchema
from .plan import Value

_LEAST_ROWS = 1_024
"""Rows of a batch from which on leaving fields out saves more than it costs."""

_LONGEST_PAUSE = 256
"""Batches that are read with all fields after many that could not be read without some."""


class Narrow(NamedTuple):
    """A batch of the fields that its payloads have, and the plan of a message without others."""

    batch: Any
    plan: Value


class PresentFields:
    """A reader of batches whose payloads have no other fields than those before them.

    A batch is read only if each payload is, byte by byte, what its fields give when they are written again.
    It has no other fields then.

    Args:
        plan: The plan of a message.
        own_times: As for `PlainSchema`.
    """

    def __init__(self, plan: Value, *, own_times: bool) -> None:
        self._plan = plan
        self._own_times = own_times
        self._required = {member.number for member in plan.members if member.required}
        self._present: frozenset[int] = frozenset()
        self._reader: tuple[frozenset[int], Value, PlainSchema] | None = None
        self._unset: Array | None = None
        self._left, self._pause = 0, 1

    def read(self, payloads: Any) -> Narrow | None:
        """Return payloads as a batch; None if they are to be read with all fields."""
        present = self._present
        if len(payloads) < _LEAST_ROWS or not 0 < len(present) < len(self._plan.members):
            return None
        if self._left or not self._required <= present:
            self._left = max(0, self._left - 1)
            return None
        reader = self._reader
        if reader is None or reader[0] != present:
            members = tuple(member for member in self._plan.members if member.number in present)
            type = pa.struct([member.field() for member in members])
            plan = replace(self._plan, type=type, members=members)
            self._reader = reader = (present, plan, PlainSchema(plan, own_times=self._own_times))
        batch = _exact(reader[2], payloads)
        if batch is None:
            self._left, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
            return None
        self._pause = 1
        return Narrow(batch, reader[1])

    def learn(self, batch: Any) -> None:
        """Take note of the fields of a batch that was read with all of them."""
        if batch.num_rows < _LEAST_ROWS:
            return
        members = self._plan.by_number()
        found = {
            member.number for member, column in zip(members, batch.columns, strict=True) if not _empty(column)
        }
        if not found <= self._present:
            self._present |= found
            self._left = 0

    def widened(self, values: Array, plan: Value, read_unset: Callable[[int], Array]) -> Array:
        """Return the values of a narrow batch with the fields that no payload has.

        Args:
            plan: The plan of the batch.
            read_unset: Returns the values of this many messages in which no field is set.
        """
        length = len(values)
        unset = self._unset
        if unset is None or len(unset) < length:
            self._unset = unset = read_unset(length)
        given = dict(zip((member.number for member in plan.members), children(values), strict=True))
        others = children(unset[:length])
        columns = [
            given.get(member.number, other) for member, other in zip(self._plan.members, others, strict=True)
        ]
        return struct(columns, self._plan.type)


def _exact(schema: PlainSchema, payloads: Any) -> Any:
    """Return payloads as a batch; None unless each is what writing it again gives."""
    try:
        batch = schema.handler.array_to_record_batch(payloads)
        differs = schema.differing(batch, payloads).any()
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:  # a panic of the library is not an Exception
        return None
    return None if differs else batch


def _empty(column: Any) -> bool:
    if pa.types.is_list(column.type):
        return not len(column.values)
    return bool(column.null_count == len(column))
