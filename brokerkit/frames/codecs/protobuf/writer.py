"""Columns and objects as payloads of one message type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...arrays import from_buffers
from ...arrow import Array
from ...decoded import objects_of
from ..row_failure import RowFailure
from .objects import Objects, leave_unset
from .payload_columns import PayloadColumns, has_unpacked
from .plain_columns import PlainColumns
from .plain_schema import PlainSchema
from .plan import Times, plan_of
from .rewriting import from_plain, is_rewritten

_ROWS = 16_384
"""Rows that are written at once."""


class ProtobufWriter:
    """A writer of payloads of one message type.

    Args:
        descriptor: The descriptor of the message.
        pool: The pool that has the types of `Any`.

    Raises:
        MissingExtra: The libraries for Protobuf are not installed.
    """

    def __init__(self, descriptor: Any, pool: Any) -> None:
        self._descriptor = descriptor
        self._objects = Objects(pool)
        times: Times = "ns"
        self._plan = plan_of(descriptor, times)
        self._plain = PlainSchema(self._plan)
        self._parts = PayloadColumns(self._plan) if has_unpacked(self._plan) else None
        self._rewritten = is_rewritten(self._plan)

    def object(self, value: Any) -> bytes:
        """Return one object, such as parsed JSON, as a payload.

        Raises:
            Misfit: A value does not fit; the text has the path of the field.
        """
        data: bytes = self._objects.message(self._descriptor, value).SerializeToString(deterministic=True)
        return data

    def changed(self, payload: bytes, value: Any) -> bytes:
        """Return a payload with another value, which was read from `payload` and then edited.

        A field that was not set, and has the default that it was read with, stays so.

        Raises:
            Misfit: A value does not fit; the text has the path of the field.
        """
        message = self._objects.message(self._descriptor, value, by_fields=True)
        leave_unset(message, type(message).FromString(payload))
        data: bytes = message.SerializeToString(deterministic=True)
        return data

    def columns(self, values: Array) -> tuple[Array, dict[int, RowFailure]]:
        """Return a struct array as payloads, one for each row.

        Fields go by their names. Null leaves a field out; a field that cannot be left out gets its default.
        A null row is a null payload.

        Args:
            values: A struct array, as `ProtobufColumns.read` returns or with other types that fit exactly.

        Returns:
            A large binary array, null where a row does not fit, and why by row.
        """
        parts: list[Array] = []
        failures: dict[int, RowFailure] = {}
        for start in range(0, max(1, len(values)), _ROWS):
            payloads, wrong = self._portion(values[start : start + _ROWS])
            parts.append(payloads)
            failures.update({start + row: found for row, found in wrong.items()})
        return pa.concat_arrays(parts), failures

    def _portion(self, values: Any) -> tuple[Array, dict[int, RowFailure]]:
        columns = PlainColumns(len(values), self._objects)
        plain: Any = columns.message(self._plan, values, lambda: np.arange(len(values)), "")
        if not plain.type.num_fields:
            written = from_buffers(pa.large_binary(), len(values), np.zeros(len(values) + 1, np.int64), b"")
        elif self._parts is not None:
            written = self._parts.write(plain)
        else:
            batch = pa.RecordBatch.from_struct_array(plain)
            written = self._plain.handler.record_batch_to_array(batch).cast(pa.large_binary())
        failures = dict(sorted(columns.failures.items()))
        if self._rewritten:
            rewritten = [from_plain(data, self._plan) for data in objects_of(written)]
            written = pa.array(rewritten, pa.large_binary())
        if failures or values.null_count:
            keep = values.is_valid().to_numpy(zero_copy_only=False).copy()
            keep[list(failures)] = False
            written = pc.if_else(pa.array(keep), written, pa.scalar(None, pa.large_binary()))
        return written, failures
