"""Topics and their descriptions as frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from brokerkit.core.topics import EXACT, Bounds, TopicDescription, TopicInfo
from brokerkit.frames.dataframe import to_pandas

from . import markup
from .shown import LONGEST, plain, plain_lines

TOPICS = pa.schema(
    [
        ("topic", pa.string()),
        ("partitions", pa.int32()),
        ("messages", pa.int64()),
        ("bytes", pa.int64()),
        ("internal", pa.bool_()),
    ]
)
PARTITIONS = pa.schema(
    [("partition", pa.int32()), ("start", pa.int64()), ("end", pa.int64()), ("messages", pa.int64())]
)
PLACES = pa.schema(
    [("partition", pa.int32()), ("start", pa.string()), ("end", pa.string()), ("messages", pa.int64())]
)
SUBSCRIPTIONS = pa.schema(
    [
        ("subscription", pa.string()),
        ("kind", pa.string()),
        ("lag", pa.int64()),
        ("in_flight", pa.int64()),
        ("members", pa.int32()),
        ("position", pa.string()),
    ]
)


def topics_frame(infos: Sequence[TopicInfo]) -> pd.DataFrame:
    """One row per topic; counts are NA where the system does not say."""
    rows = [
        {
            "topic": info.name,
            "partitions": info.partitions,
            "messages": info.messages,
            "bytes": info.bytes,
            "internal": info.internal,
        }
        for info in infos
    ]
    return to_pandas(pa.Table.from_pylist(rows, TOPICS))


class Description(markup.Displayed):
    """A topic: `partitions` and `subscriptions` as frames, `details` as a dict.

    messages: None where the system does not say. In `partitions` offsets run from `start` up to but
    excluding `end`; `messages` is an upper bound where the broker leaves gaps. In `subscriptions`,
    `lag` is what is still to be processed.
    """

    def __init__(self, described: TopicDescription) -> None:
        self.name = described.name
        self.messages = described.messages
        self.bytes = described.bytes
        self.details = dict(described.details)
        # what is no offset is shown as the system writes it
        shown = any(b.end >= EXACT for b in described.partitions)
        self.partitions = to_pandas(
            pa.Table.from_pylist(
                [
                    {
                        "partition": b.partition,
                        "start": b.show(b.start) if shown else b.start,
                        "end": b.show(b.end) if shown else b.end,
                        "messages": b.estimate,
                    }
                    for b in described.partitions
                ],
                PLACES if shown else PARTITIONS,
            )
        )
        self.subscriptions = to_pandas(
            pa.Table.from_pylist(
                [
                    {
                        "subscription": each.name,
                        "kind": each.kind,
                        "lag": each.lag,
                        "in_flight": each.in_flight,
                        "members": each.members,
                        "position": _positions(dict(each.position), described.partitions),
                    }
                    for each in described.subscriptions
                ],
                SUBSCRIPTIONS,
            )
        )

    def _head(self) -> str:
        size = "" if self.bytes is None else f", {self.bytes:,} bytes"
        count = "number of messages not known" if self.messages is None else f"{self.messages:,} messages"
        return f"{plain(self.name)}: {count}{size}"

    def _details(self) -> str:
        return "\n".join(plain(f"{name}: {_short(name, value)}") for name, value in self.details.items())

    def __repr__(self) -> str:
        parts = [self._head()]
        if len(self.partitions):
            parts.append(self.partitions.to_string(index=False))
        if len(self.subscriptions):
            parts.append(plain_lines(self.subscriptions.to_string(index=False, max_colwidth=LONGEST)))
        return "\n\n".join([*parts, self._details()]).rstrip()

    def _repr_html_(self) -> str:
        tables = [each for each in (self.partitions, self.subscriptions) if len(each)]
        details = {name: _short(name, value) for name, value in self.details.items()}
        return markup.block(
            markup.heading(self._head()),
            *(markup.table([*each.columns], records(each)) for each in tables),
            markup.pairs(details) if details else "",
        )


def records(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """The rows of a frame, as Python's own values; NA is None."""
    return zip(*(_values(frame[name]) for name in frame.columns), strict=True)


def _values(column: pd.Series[Any]) -> list[Any]:
    return [None if each is pd.NA else each for each in column.tolist()]


def _short(name: str, value: Any) -> str:
    """A detail; of what holds many settings only where they are."""
    if isinstance(value, Mapping):
        return f"{len(value)} settings, in .details[{name!r}]"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _positions(positions: dict[Any, Any], partitions: Sequence[Bounds]) -> str | None:
    if not positions:
        return None
    bounds = {each.partition: each for each in partitions}
    texts = {
        number: bounds[number].show(place) if place is not None and place >= EXACT else str(place)
        for number, place in positions.items()
    }
    if set(texts) == {None}:
        return texts[None]
    return ", ".join(f"{partition}: {text}" for partition, text in sorted(texts.items()))
