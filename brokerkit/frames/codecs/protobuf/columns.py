"""Payloads of one message type as Arrow columns, or as JSON text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...arrays import Field, bytes_of, choose, from_buffers, taken
from ...arrow import Array, ArrowType, fill_null, nulls
from ...decoded import objects_of
from ...json_columns import json_texts
from ..row_failure import RowFailure
from .check import Checked, Checker
from .locate import fault
from .message_json import MessageJson
from .plain_schema import PlainSchema
from .plan import Times, Value, plan_of
from .present import PresentFields
from .rewriting import is_rewritten, to_plain
from .values import Columns, no_fields

LARGEST_BATCH = 2**30
"""Bytes that are read at once; the columnar reader counts them with 32 bits."""

_NO_TEXT, _NO_BYTES = pa.scalar(None, pa.large_string()), pa.scalar(None, pa.large_binary())
_FEW = 16
"""Rows that are looked at one by one when one of them is refused."""

Index = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Reading(NamedTuple):
    """What was read of a batch.

    Attributes:
        values: One value for each row; null where the payload is null or the row failed.
        failures: Why a row failed, by row.
        unknown: The rows with fields that the schema does not have. They are not in the values.
    """

    values: Array
    failures: dict[int, RowFailure]
    unknown: list[int]


class ProtobufColumns:
    """A reader of payloads of one message type.

    A field that tells "not set" from its default is null where it is not set, or has the default that the
    schema declares; any other field has its default. An enum is its name, or the digits of a number without
    one; `Timestamp` is a timestamp in UTC, `Duration` a duration, a wrapper its value, a map an Arrow map.
    `Any`, `Struct`, `Value`, `ListValue`, a message that can contain itself and one without fields are JSON
    text. Each row is as the reference library reads it, or a failure.

    Args:
        descriptor: The descriptor of the message.
        pool: The pool that has the types of `Any`.
        times: The unit of timestamps and durations: "ns" (years 1677 to 2262) or "us". A row that does not
            fit is a failure.

    Raises:
        MissingExtra: The libraries for Protobuf are not installed.
    """

    def __init__(self, descriptor: Any, pool: Any, times: Times = "ns") -> None:
        self._descriptor = descriptor
        self._pool = pool
        self._plan = plan_of(descriptor, times)
        self._plain = PlainSchema(self._plan, own_times=times == "ns")
        self._present = PresentFields(self._plan, own_times=times == "ns")
        self._json = MessageJson(pool)
        self._rewritten = is_rewritten(self._plan)
        self._checker = Checker(descriptor, self._plain.message_class)
        self._texts: ProtobufColumns | None = None
        self.field: Field = self._plan.field("value")
        """The Arrow field of the values; metadata within says what is JSON text."""

    @property
    def type(self) -> ArrowType:
        """The Arrow type of the values."""
        return self._plan.type

    def texts(self, payloads: Array, starts: Any = None) -> Reading:
        """Read a batch as JSON text; see `read`.

        64-bit numbers are plain numbers, bytes are base64, times are ISO 8601 with ``Z``, durations seconds
        (``1.5s``), and NaN and infinity are written as such.
        """
        if self._texts is None:
            self._texts = ProtobufColumns(self._descriptor, self._pool, "text")
        values, failures, unknown = self._texts.read(payloads, starts)
        texts = choose(values.is_valid(), json_texts(values, self._texts.field), _NO_TEXT)
        return Reading(texts, failures, unknown)

    def read(self, payloads: Array, starts: Any = None) -> Reading:
        """Read a batch.

        Args:
            payloads: A large binary array; a null payload is a null value.
            starts: Where the message begins in each payload; None is at its first byte.
        """
        begins = np.zeros(len(payloads), np.int64) if starts is None else np.asarray(starts, np.int64)
        bodies = _bodies(payloads, begins)
        parts: list[Reading] = []
        done = 0
        for part in _portions(bodies):
            values, failures, unknown = self._read(part)
            shifted = {
                done + row: found._replace(
                    offset=None if found.offset is None else found.offset + int(begins[done + row])
                )
                for row, found in failures.items()
            }
            parts.append(Reading(values, shifted, [done + row for row in unknown]))
            done += len(part)
        if len(parts) == 1:
            return parts[0]
        values = pa.concat_arrays([part.values for part in parts]) if parts else nulls(0, self.type)
        failures = {row: found for part in parts for row, found in part.failures.items()}
        return Reading(values, failures, [row for part in parts for row in part.unknown])

    def _read(self, payloads: Array) -> Reading:
        """Read a batch: all rows at once, then those again that need another look."""
        null = _nulls(payloads)
        checked: dict[int, Checked] = {}
        unknown: list[int] = []
        if self._rewritten:
            values, doubtful = nulls(len(payloads), self.type), ~null
        else:
            values, doubtful = self._at_once(payloads, checked, unknown)
        rows = np.flatnonzero(doubtful & ~null)
        if not len(rows) and not payloads.null_count:
            return Reading(values, {}, unknown)
        index = np.where(null, -1, np.arange(len(payloads), dtype=np.int64))
        failures: dict[int, RowFailure] = {}
        again: list[int] = []
        for row, body in zip(rows.tolist(), _objects(payloads, rows), strict=True):
            found = checked.get(row) or self._checker.check(body)
            if found.unknown:
                unknown.append(row)
            if not found.complete:
                failures[row] = fault(body, self._plan, found.missing, found.error or "")
            elif found.again:
                again.append(row)
                checked[row] = found
        read, wrong = self._one_by_one([checked[row].canonical for row in again])
        for place, row in enumerate(again):
            if place in wrong:
                body = payloads[row].as_py()
                failures[row] = fault(body, self._plan, (), wrong[place])
        if again:
            index[again] = len(values) + np.arange(len(again))
            values = pa.concat_arrays([values, read])
        index[list(failures)] = -1
        if again or failures or null.any():
            values = taken(values, index)
        return Reading(values, dict(sorted(failures.items())), sorted(unknown))

    def _at_once(
        self, payloads: Array, checked: dict[int, Checked], unknown: list[int]
    ) -> tuple[Array, Flags]:
        """Read all rows. Returns the values, and which rows need another look.

        Args:
            checked: Takes what was found of rows that were already looked at.
            unknown: Takes the rows that are right but for fields that the schema does not have.
        """
        filled: Any = fill_null(payloads, b"").cast(pa.binary())
        kept = filled
        refused = differing = np.zeros(len(filled), np.bool_)
        narrow = self._present.read(filled)
        batch, plan = narrow or (None, self._plan)
        if batch is None:
            batch, refused = self._batch(filled)
            if batch is None:
                return nulls(len(payloads), self.type), refused
            self._present.learn(batch)
            kept = filled.filter(pa.array(~refused)) if refused.any() else filled
            differing = self._plain.differing(batch, kept)
        rows = np.flatnonzero(~refused)
        seen: dict[int, Checked] = {}

        def allowed(places: Index) -> Flags:
            for place in set(places.tolist()) - seen.keys():
                seen[place] = self._checker.check(kept[place].as_py())
            return np.array([seen[place].complete for place in places.tolist()], np.bool_)

        values, odd = self._columns(batch, len(kept), allowed, plan)
        if narrow is not None:
            values = self._present.widened(values, plan, self._unset)
        places = np.flatnonzero(differing & ~odd)
        bodies: list[bytes] = []
        rewritten: list[bytes] = []
        if len(places):
            written = self._plain.handler.record_batch_to_array(batch)
            bodies, rewritten = _objects(kept, places), _objects(written, places)
        for place, body, other in zip(places.tolist(), bodies, rewritten, strict=True):
            if place not in seen and self._checker.goes_on(body, other):
                unknown.append(int(rows[place]))
            else:
                seen[place] = self._checker.check(body, other)
        doubtful = refused.copy()
        doubtful[rows[odd]] = True
        for place, found in seen.items():
            row = int(rows[place])
            again = found.again and bool(differing[place] or odd[place])
            if again or found.unknown or not found.complete:
                checked[row] = found._replace(again=again)
                doubtful[row] = True
        if refused.any():
            index = np.full(len(payloads), -1, np.int64)
            index[rows] = np.arange(len(rows))
            values = taken(values, index)
        return values, doubtful

    def _columns(
        self, batch: Any, length: int, allowed: Callable[[Index], Flags], plan: Value
    ) -> tuple[Array, Flags]:
        """Return the rows of the plain schema as values, and which of them are not right."""
        columns = Columns(length, allowed, self._json)
        array: Any = batch.to_struct_array() if batch.num_columns else no_fields(pa.struct([]), length)
        values = columns.message(plan, array, lambda: np.arange(length, dtype=np.int64))
        return values, columns.odd

    def _unset(self, length: int) -> Array:
        """Return the values of messages in which no field is set."""
        empty: Any = from_buffers(pa.binary(), length, np.zeros(length + 1, np.int32), b"")
        return self._columns(self._plain.handler.array_to_record_batch(empty), length, _all, self._plan)[0]

    def _batch(self, payloads: Any, few: int = _FEW) -> tuple[Any, Flags]:
        """Return what the columnar library reads, None if it reads no row, and which rows it refuses.

        A row may be refused because of others, but not of more than `few`.
        """
        batches, refused = self._halved(payloads, few)
        if len(batches) < 2:
            return batches[0] if batches else None, refused
        arrays = [each.to_struct_array() for each in batches]
        return pa.RecordBatch.from_struct_array(pa.concat_arrays(arrays)), refused

    def _halved(self, payloads: Any, few: int) -> tuple[list[Any], Flags]:
        """Read payloads. Halving finds few rows that are refused among many good ones in few calls."""
        try:
            return [self._plain.handler.array_to_record_batch(payloads)], np.zeros(len(payloads), np.bool_)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException:  # a panic of the library is not an Exception
            if len(payloads) <= few:
                return [], np.ones(len(payloads), np.bool_)
        half = len(payloads) // 2
        left, refused_left = self._halved(payloads[:half], few)
        right, refused_right = self._halved(payloads[half:], few)
        return left + right, np.concatenate([refused_left, refused_right])

    def _one_by_one(self, bodies: list[bytes]) -> tuple[Array, dict[int, str]]:
        """Read messages in their canonical form. Returns the values, and why some are wrong."""
        wrong: dict[int, str] = {}
        if not bodies:
            return nulls(0, self.type), wrong
        if self._rewritten:
            bodies = [to_plain(body, self._plan) for body in bodies]
        payloads: Any = pa.array(bodies, pa.binary())
        batch, refused = self._batch(payloads, few=1)
        for place in np.flatnonzero(refused).tolist():
            wrong[place] = "the message cannot be read"
        if batch is None:
            return nulls(len(bodies), self.type), wrong
        rows = np.flatnonzero(~refused)
        written: Any = self._plain.handler.record_batch_to_array(batch)
        values, odd = self._columns(batch, len(rows), _all, self._plan)
        for place, row in enumerate(rows.tolist()):
            if odd[place]:
                wrong[row] = "a value does not fit its column"
            elif not self._checker.same(bodies[row], written[place].as_py()):
                wrong[row] = "the message cannot be read exactly"
        index = np.full(len(bodies), -1, np.int64)
        index[rows] = np.arange(len(rows))
        return taken(values, index), wrong


def _nulls(payloads: Array) -> Flags:
    if not payloads.null_count:
        return np.zeros(len(payloads), np.bool_)
    null: Flags = payloads.is_null().to_numpy(zero_copy_only=False)
    return null


def _all(places: Index) -> Flags:
    return np.ones(len(places), np.bool_)


def _objects(payloads: Array, rows: Index) -> list[bytes]:
    if not len(rows):
        return []
    found: list[bytes] = objects_of(taken(payloads, rows))
    return found


def _bodies(payloads: Array, begins: Index) -> Array:
    """Return payloads without the bytes in front of the message."""
    if not begins.any():
        return payloads
    offsets, data = bytes_of(payloads)
    sizes = np.diff(offsets)
    cut = np.minimum(begins, sizes)
    keep = np.zeros(int(offsets[-1] - offsets[0]) + 1, np.int8)
    first = offsets[:-1] - offsets[0]
    np.add.at(keep, first, -1)
    np.add.at(keep, first + cut, 1)
    left = np.cumsum(keep[:-1]) >= 0
    body = data[offsets[0] : offsets[-1]][left]
    places = np.concatenate([[0], np.cumsum(sizes - cut)]).astype(np.int64)
    made = from_buffers(pa.large_binary(), len(payloads), places, np.ascontiguousarray(body))
    return choose(payloads.is_valid(), made, _NO_BYTES) if payloads.null_count else made


def _portions(payloads: Array) -> list[Array]:
    """Return payloads in parts of which each is at most `LARGEST_BATCH` bytes, or one row."""
    offsets, _ = bytes_of(payloads)
    if len(payloads) < 2 or int(offsets[-1] - offsets[0]) <= LARGEST_BATCH:
        return [payloads]
    half = len(payloads) // 2
    return _portions(payloads[:half]) + _portions(payloads[half:])
