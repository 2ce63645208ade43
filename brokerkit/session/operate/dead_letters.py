"""Dead letters as a frame: why each was given up, where it came from, and how often it was tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.dead_letters import DeadLetterFacts, DeadLetterPlace, HeaderRules
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import plain
from brokerkit.frames.arrow import ArrowType
from brokerkit.frames.attributes import pairs_of
from brokerkit.frames.build import FrameBuilder

from ..build_frame import frame_of
from ..filters import Filter
from ..options import ReadOptions
from ..read_report import ReadReport
from .sources import Source

if TYPE_CHECKING:
    from ..base import BrokerSession

READ_ROWS = 5_000
TOLD: dict[str, tuple[str, ArrowType]] = {
    "reason": ("reason", pa.string()),
    "description": ("description", pa.string()),
    "deliveries": ("deliveries", pa.int64()),
    "redriven": ("redriven", pa.int64()),
    "origin_topic": ("topic", pa.string()),
    "origin_partition": ("partition", pa.int64()),
    "origin_offset": ("offset", pa.int64()),
    "origin_subscription": ("subscription", pa.string()),
    "first_time": ("time", pa.timestamp("us", "UTC")),
}
"""The columns about a dead letter, each with the fact that fills it and its type."""
GROUPED = ("reason", "description", "origin_topic", "origin_partition", "origin_subscription", "topic", "key")
COUNTED = ("count", "first_time", "last_time", "example", "row")
"""The columns of counts, by which dead letters cannot be grouped too."""


class DeadLetterRows:
    """Messages of dead letters as rows with what is told about them, and the filter of these rows.

    Attributes:
        report: How many were looked at, and what the filter could not examine.
    """

    def __init__(self, session: BrokerSession, rules: HeaderRules, reading: ReadOptions) -> None:
        self.builder: FrameBuilder = reading.builder(session.schema_source, session.mask)
        self._rules = rules
        self._fields = [pa.field(name, kind) for name, (_, kind) in TOLD.items()]
        self.schema = self.builder.schema
        for each in self._fields:
            self.schema = self.schema.append(each)
        self.wanted: Filter = reading.filter(self.schema)
        self.report = ReadReport()

    def batch(self, place: DeadLetterPlace, columns: Columns) -> pa.RecordBatch:
        """Return the rows that are wanted."""
        overlooked = self.report.overlooked
        wanted = self.wanted.columns(columns, overlooked, self.builder.decoded_keys)
        built = self.builder.batch(wanted)
        attributes = wanted.values("attributes")
        if self.builder.mask is not None:
            # texts of exceptions have personal data too
            attributes = pairs_of(built.column("attributes"))[0]
        facts = [self._rules.facts(each) for each in attributes]
        told = [pa.array([_told(each, fact, place) for each in facts], kind) for fact, kind in TOLD.values()]
        whole = pa.RecordBatch.from_arrays([*built.columns, *told], schema=self.schema)
        kept = self.wanted.batch(whole, overlooked)
        self.report.read += columns.length
        self.report.matched += kept.num_rows
        return kept


def _told(facts: DeadLetterFacts, fact: str, place: DeadLetterPlace) -> Any:
    value = getattr(facts, fact)
    if value is None and fact == "topic":
        return place.origin
    if value is None and fact == "subscription":
        return place.subscription
    if isinstance(value, str):
        # the text of an exception may have anything in it
        return value.encode("utf-8", "replace").decode()
    return value


def letters_of(
    session: BrokerSession, sources: Sequence[Source], rows: DeadLetterRows, limit: int | None
) -> Iterator[pa.RecordBatch]:
    """Yield the dead letters that are wanted, at most `limit`."""
    left = limit
    for source in sources:
        try:
            for part in source.parts(READ_ROWS):
                batch = rows.batch(source.place, part.columns)
                if left is not None:
                    batch = batch.slice(0, left)
                    left -= batch.num_rows
                if batch.num_rows:
                    yield batch
                if left == 0:
                    return
        finally:
            source.close()


def letters_frame(
    session: BrokerSession,
    topic: str,
    sources: Sequence[Source],
    rows: DeadLetterRows,
    limit: int | None,
    *,
    expand: bool,
    naming: str | None = None,
) -> pd.DataFrame:
    """Return the dead letters of a topic as a frame of messages."""
    batches = list(letters_of(session, sources, rows, limit))
    rows.report.warn_of_filter()
    table = pa.Table.from_batches(batches, rows.schema)
    details = {
        "dead_letters": topic,
        "naming": naming,
        "places": [each.place.name for each in sources],
        "kinds": [each.place.kind for each in sources],
    }
    return frame_of(table, rows.builder, source=session.name, expand=expand, details=details)


def _is_nested(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and pa.types.is_nested(dtype.pyarrow_dtype)


def grouped(frame: pd.DataFrame, by: str | Sequence[str]) -> pd.DataFrame:
    """Return how many dead letters there are of each kind, the most frequent first.

    Raises:
        ConfigError: It is no column, or one whose values cannot be counted.
    """
    given = [by] if isinstance(by, str) or not isinstance(by, Sequence) or not by else list(by)
    for name in given:
        known = isinstance(name, str) and name in frame.columns and name not in COUNTED
        if not known or _is_nested(frame[name].dtype):
            raise ConfigError(f"by={name!r} is not a column to group by: such are {', '.join(GROUPED)}")
    names = list(dict.fromkeys(given))
    told = frame[names].copy()
    told["_time"], told["_row"] = frame["publish_time"], range(len(frame))
    found = (
        told.groupby(names, dropna=False, sort=False)
        .agg(
            count=("_row", "size"),
            first_time=("_time", "min"),
            last_time=("_time", "max"),
            row=("_row", "min"),
        )
        .reset_index()
        .sort_values("count", ascending=False, kind="stable", ignore_index=True)
    )
    found["example"] = [plain(str(frame["value"].iloc[row]), 80) for row in found.pop("row")]
    return found
