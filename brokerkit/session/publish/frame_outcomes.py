"""The outcomes of the rows of a frame, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from brokerkit.core.vocabulary.outcomes import Outcomes
from brokerkit.core.vocabulary.results import PublishResult, PublishStatus
from brokerkit.frames.arrow import Array
from brokerkit.frames.outcome import OutcomeFrame, frame_of_columns, ids_array

from .frame_content import DONE

_STATUSES: tuple[PublishStatus, ...] = ("confirmed", "failed", "unknown", "duplicate")
_CODES = {status: code for code, status in enumerate(_STATUSES, 1)}
_DONE_CODES = [_CODES[status] for status in _STATUSES if status in DONE]


class FrameOutcomes:
    """The outcome of each row of a frame, as far as it is known. ``len()`` is the number of rows.

    Rows that were simply confirmed have no object of their own.
    """

    def __init__(self, rows: int) -> None:
        self._codes = np.zeros(rows, np.uint8)
        self._parts: list[tuple[int, Outcomes]] = []
        self._others: dict[int, PublishResult] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def __setitem__(self, row: int, result: PublishResult) -> None:
        self._codes[row] = _CODES[result.status]
        self._others[row] = result

    def knows(self, row: int) -> bool:
        """Return whether a row has an outcome."""
        return bool(self._codes[row])

    def unknown_to(self, begin: int, end: int) -> list[int]:
        """Return the rows from `begin` to `end` that have no outcome yet."""
        found: list[int] = (np.flatnonzero(self._codes[begin:end] == 0) + begin).tolist()
        return found

    def add(self, rows: Sequence[int], results: Sequence[PublishResult]) -> None:
        """Take in the outcomes of some rows, which ascend.

        An interrupt leaves rows without an outcome, and never one with a wrong outcome.
        """
        if len(rows) != len(results):
            raise ValueError(f"{len(results)} outcomes were given for {len(rows)} rows")
        if isinstance(results, Outcomes) and rows and rows[-1] - rows[0] + 1 == len(rows):
            begin = rows[0]
            codes = np.full(len(rows), _CODES["confirmed"], np.uint8)
            for row, result in results.others.items():
                codes[row] = _CODES[result.status]
            self._others.update({begin + row: result for row, result in results.others.items()})
            self._parts.append((begin, results))
            self._codes[begin : begin + len(rows)] = codes
            return
        for row, result in zip(rows, results, strict=True):
            self[row] = result

    def between(self, begin: int, end: int) -> Iterator[PublishResult]:
        """Yield the outcomes that rows from `begin` to `end` have, in order."""
        parts = {at: part for at, part in self._parts if begin <= at < end}
        known = {at + row: part[row] for at, part in parts.items() for row in range(len(part))}
        for row in range(begin, end):
            result = self._others.get(row) or known.get(row)
            if result is not None:
                yield result

    @property
    def tried(self) -> int:
        """The number of rows that have an outcome."""
        return int(np.count_nonzero(self._codes))

    def unknown(self) -> int:
        """Return how many rows have the status `unknown`."""
        return int(np.count_nonzero(self._codes == _CODES["unknown"]))

    def done(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Return for each row whether it is, or may be, stored."""
        return np.isin(self._codes, _DONE_CODES)

    def frame(self) -> OutcomeFrame:
        """Return the outcome of every row that was tried."""
        rows = np.flatnonzero(self._codes)
        places = np.cumsum(self._codes != 0) - 1
        names = pa.array([None, *_STATUSES], pa.string())
        return frame_of_columns(
            pa.array(rows, pa.int64()),
            names.take(pa.array(self._codes[rows], pa.uint8())),
            self._ids().take(pa.array(rows, pa.int64())),
            {int(places[row]): result for row, result in sorted(self._others.items())},
        )

    def _ids(self) -> Array:
        """Return the id of each row."""
        pieces: list[Array] = []
        end = 0
        for begin, part in sorted(self._parts, key=lambda each: each[0]):
            pieces += [pa.nulls(begin - end, pa.string()), ids_array(part.ids)]
            end = begin + len(part)
        pieces.append(pa.nulls(len(self) - end, pa.string()))
        ids = pa.concat_arrays(pieces)
        if not self._others:
            return ids
        values = ids.to_pylist()
        for row, result in self._others.items():
            values[row] = result.id
        return pa.array(values, pa.string())
