"""The outcomes of publishing a frame, one row per row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from brokerkit.core.vocabulary import errors as kinds
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.outcomes import Places
from brokerkit.core.vocabulary.results import PublishFailed, PublishResult
from brokerkit.core.vocabulary.topics import count_text

from .arrow import Array, ChunkedArray
from .decoded import ERROR_LENGTH, error_text

_STATUSES = ("confirmed", "failed", "unknown")
_COLUMNS = ("row", "status", "id", "error")
_NOTES = 3
"""How many different notes, and how many different errors of confirmed rows, the headline shows."""


class OutcomeFrame(pd.DataFrame):
    """A DataFrame with the outcome of each row that was published.

    Its columns are `row`, `status`, `id` and `error`, and `note` if there are notes. The status is one of:

    - ``confirmed``: the broker confirmed it. If it may be stored twice, its error says so.
    - ``failed``: it was not stored.
    - ``unknown``: it may have been stored.
    - ``duplicate``: it was not stored, because the topic has a message with the id its publisher gave it.
    """

    _metadata = ["_errors"]  # noqa: RUF012  # pandas reads this name, as a list
    _errors: dict[int, BrokerError]

    @property
    def _constructor(self) -> Callable[..., OutcomeFrame]:
        return OutcomeFrame

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows of each status."""
        found = self["status"].value_counts()
        counts = {status: int(found.get(status, 0)) for status in _STATUSES}
        duplicates = int(found.get("duplicate", 0))
        return {**counts, "duplicate": duplicates} if duplicates else counts

    @property
    def failed(self) -> OutcomeFrame:
        """The rows that were not stored: publish these again."""
        return self._with("failed")

    @property
    def unknown(self) -> OutcomeFrame:
        """Rows whose outcome is unknown: published again, they may be stored twice."""
        return self._with("unknown")

    def raise_for_failures(self) -> None:
        """Raise an error unless all rows were confirmed.

        Raises:
            PublishFailed: Some rows were not confirmed; the error has every outcome.
        """
        results = self.results
        wrong = [result for result in results if result.status != "confirmed"]
        if not wrong:
            return
        counts = self.counts
        first = next((str(result.error) for result in wrong if result.error is not None), "no reason known")
        duplicates = counts.get("duplicate", 0)
        raise PublishFailed(
            f"of {len(results)} rows {counts['failed']} failed and {counts['unknown']} are unknown"
            + (f", {duplicates} are duplicates" if duplicates else "")
            + f"; first: {first}",
            results=results,
        )

    def _with(self, status: str) -> OutcomeFrame:
        chosen = self[self["status"] == status]
        assert isinstance(chosen, OutcomeFrame)
        return chosen

    @property
    def results(self) -> list[PublishResult]:
        """The outcome of each row, as a list like that of `publish_batch`."""
        errors: dict[int, BrokerError] = getattr(self, "_errors", None) or {}
        return [
            PublishResult(
                status,
                id=None if pd.isna(id) else id,
                error=errors.get(row) or (None if pd.isna(error) else told_error(error)),
            )
            for row, status, id, error in zip(*(self[name].tolist() for name in _COLUMNS), strict=True)
        ]

    def _headline(self) -> str | None:
        if "status" not in self.columns:
            return None
        counts = ", ".join(f"{count:,} {status}" for status, count in self.counts.items())
        notes = list(self["note"].dropna().unique()) if "note" in self.columns else []
        return "; ".join(
            [f"{count_text(len(self), 'exact', 'row')}: {counts}", *self._doubts(), *notes[:_NOTES]]
        )

    def _doubts(self) -> list[str]:
        """What is said of the rows that were confirmed and have an error still."""
        if "error" not in self.columns:
            return []
        errors = self.loc[self["status"] == "confirmed", "error"].dropna().value_counts()
        return [f"{count:,} of the confirmed: {error}" for error, count in errors.items()][:_NOTES]

    def __repr__(self) -> str:
        headline = self._headline()
        return super().__repr__() if headline is None else f"{headline}\n{super().__repr__()}"

    def _repr_html_(self) -> str | None:
        headline = self._headline()
        with pd.option_context("display.html.use_mathjax", False):  # error texts are not mathematics
            table = super()._repr_html_()  # type: ignore[misc]  # not in the stubs
        return table if headline is None or table is None else f"<p>{escape(headline)}</p>{table}"


def ids_array(ids: Sequence[str | None]) -> Array:
    """Return ids as an Arrow array of texts."""
    if not isinstance(ids, Places):
        return pa.array(ids, pa.string())
    if not len(ids):
        return pa.array([], pa.string())
    offsets = np.frombuffer(ids.offsets, np.int64)
    numbers = pa.array(offsets, pa.int64(), mask=offsets < 0)
    partitions = pa.array(np.frombuffer(ids.partitions, np.int32))
    dash: Any = "-"
    joined: Array = pc.binary_join_element_wise(partitions.cast(pa.string()), numbers.cast(pa.string()), dash)
    return joined


def outcome_frame(results: Iterable[PublishResult], rows: Iterable[int] | None = None) -> OutcomeFrame:
    """Return the outcomes as a frame.

    Args:
        results: The outcome of each row.
        rows: The position of each row, if they are not 0, 1, 2 and so on.
    """
    known = list(results)
    numbers = list(range(len(known)) if rows is None else rows)
    return frame_of_columns(
        pa.array(numbers, pa.int64()),
        pa.array([result.status for result in known], pa.string()),
        pa.array([result.id for result in known], pa.string()),
        dict(enumerate(known)),
    )


def frame_of_columns(
    rows: Array, statuses: Array, ids: Array | ChunkedArray, told: Mapping[int, PublishResult]
) -> OutcomeFrame:
    """Return an outcome frame of these columns.

    Args:
        rows: The position of each row.
        statuses: The status of each row.
        ids: The id of each row.
        told: The outcomes that may have an error or a note, by their place in the columns.
    """
    errors = {place: each.error for place, each in told.items() if each.error is not None}
    notes = {place: each.note for place, each in told.items() if each.note}
    columns: dict[str, Any] = {
        "row": rows,
        "status": statuses,
        "id": ids,
        "error": _sparse({place: _told(error) for place, error in errors.items()}, len(rows)),
    }
    if notes:
        columns["note"] = _sparse(notes, len(rows))
    frame = OutcomeFrame({name: pd.arrays.ArrowExtensionArray(column) for name, column in columns.items()})
    numbers: list[Any] = rows.take(pa.array(errors, pa.int64())).to_pylist()
    frame._errors = dict(zip(numbers, errors.values(), strict=True))
    return frame


def _told(error: BrokerError) -> str:
    """Return the kind and text of an error, as one column says both; what an earlier outcome said stays."""
    text = str(error)
    kind, colon, _ = text.partition(": ")
    known = getattr(kinds, kind, None) if colon else None
    if type(error) is BrokerError and isinstance(known, type) and issubclass(known, BrokerError):
        return text[:ERROR_LENGTH]
    return error_text(error)


def _sparse(texts: Mapping[int, str], length: int) -> Array:
    """Return a column of texts of which most rows have none."""
    if not texts:
        return pa.nulls(length, pa.string())
    values: list[str | None] = [None] * length
    for place, text in texts.items():
        values[place] = text
    return pa.array(values, pa.string())


def told_error(text: str) -> BrokerError:
    """Return an error as an outcome frame has it in words, which begin with its name."""
    return BrokerError(text.removeprefix("BrokerError: "))
