"""Topics and their descriptions as frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from brokerkit.core.vocabulary.topics import (
    EXACT,
    Bounds,
    Counted,
    Placement,
    TopicDescription,
    TopicInfo,
    count_text,
)
from brokerkit.frames.arrow import ArrowType, schema
from brokerkit.frames.dataframe import to_pandas

from . import markup
from .sanitize import LONGEST, plain, plain_lines
from .units import setting_text, size_words

TOPICS = schema(
    {
        "topic": pa.string(),
        "partitions": pa.int32(),
        "messages": pa.int64(),
        "bytes": pa.int64(),
        "internal": pa.bool_(),
        "exact": pa.bool_(),
    }
)
PARTITIONS = schema(
    {
        "partition": pa.int32(),
        "start": pa.int64(),
        "end": pa.int64(),
        "messages": pa.int64(),
        "exact": pa.bool_(),
    }
)
PLACES = schema(
    {
        "partition": pa.int32(),
        "start": pa.string(),
        "end": pa.string(),
        "messages": pa.int64(),
        "exact": pa.bool_(),
    }
)
SUBSCRIPTIONS = schema(
    {
        "subscription": pa.string(),
        "kind": pa.string(),
        "lag": pa.int64(),
        "in_flight": pa.int64(),
        "members": pa.int32(),
        "position": pa.string(),
        "exact": pa.bool_(),
    }
)
SETTINGS = schema({"setting": pa.string(), "value": pa.string(), "text": pa.string(), "changed": pa.bool_()})
STORED: dict[str, ArrowType] = {
    "leader": pa.string(),
    "replicas": pa.string(),
    "in_sync": pa.string(),
    "bytes": pa.int64(),
}
"""The columns of partitions that are there where the system knows them."""


def topics_frame(infos: Sequence[TopicInfo]) -> pd.DataFrame:
    """Return a frame with one row per topic; counts are NA where the system does not say.

    The column `exact` says whether `messages` is an exact count; otherwise there may be fewer messages, or
    the number is an estimate.
    """
    rows = [
        {
            "topic": info.name,
            "partitions": info.partitions,
            "messages": info.messages,
            "bytes": info.bytes,
            "internal": info.internal,
            "exact": None if info.messages is None else info.counted == "exact" or not info.messages,
        }
        for info in infos
    ]
    return to_pandas(pa.Table.from_pylist(rows, TOPICS))


class Description(markup.Displayed):
    """A topic with its partitions and subscriptions.

    The size is in `bytes`; it is None where the system does not say.

    Attributes:
        name: The name of the topic.
        partitions: A frame of partitions. Offsets run from `start` up to but excluding `end`. Where the
            system says so, it also has `leader`, `replicas`, `in_sync` and `bytes`.
        settings: A frame of the topic's settings: the `value` as the system has it, its `text` in units that
            a person reads, and whether it is `changed`, so that it differs from the default.
        subscriptions: A frame of subscriptions or groups. `lag` counts the messages still to be processed.
        details: The topic's settings as a dict.
        messages: The number of messages; None where the system does not say.
        exact: Whether `messages` is an exact count. The frames have a column of the same name, for
            `messages` and `lag`. Where brokers leave gaps in their offsets, only short ranges are counted;
            for longer ones the number of offsets is shown, as "up to".
        hidden: A sentence about messages that cannot be read yet; empty if there are none.
        not_shown: Sentences about what the user may not see, so that it may be missing here.
    """

    def __init__(self, described: TopicDescription) -> None:
        self.name = described.name
        self.messages = described.messages
        self.exact = described.counted == "exact"
        self.hidden = described.hidden
        self.not_shown = described.not_shown
        self.bytes = described.bytes
        self._counted = described.counted
        self._worth: dict[str, list[Counted]] = {
            "messages": [each.counted for each in described.partitions],
            "lag": [each.counted for each in described.subscriptions],
        }
        self.details = dict(described.details)
        # positions that are not offsets are shown as the system writes them
        shown = any(b.end >= EXACT for b in described.partitions)
        stored = _stored(described)
        self.partitions = to_pandas(
            pa.Table.from_pylist(
                [
                    {
                        "partition": b.partition,
                        "start": b.show(b.start) if shown else b.start,
                        "end": b.show(b.end) if shown else b.end,
                        "messages": b.estimate,
                        "exact": b.exact,
                        **_placed(described.placements.get(b.partition, Placement())),
                    }
                    for b in described.partitions
                ],
                schema({**{each.name: each.type for each in (PLACES if shown else PARTITIONS)}, **stored}),
            )
        )
        self.settings = to_pandas(
            pa.Table.from_pylist(
                [
                    {
                        "setting": each.name,
                        "value": str(each.value),
                        "text": setting_text(each.name, each.value),
                        "changed": each.changed,
                    }
                    for each in described.settings
                ],
                SETTINGS,
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
                        "exact": None if each.lag is None else each.counted == "exact" or not each.lag,
                    }
                    for each in described.subscriptions
                ],
                SUBSCRIPTIONS,
            )
        )

    def _head(self) -> str:
        size = "" if self.bytes is None else f", {size_words(self.bytes)}"
        count = "number of messages not known"
        if self.messages is not None:
            count = count_text(self.messages, self._counted, "message")
        return f"{plain(self.name)}: {count}{size}"

    def _tables(self) -> list[pd.DataFrame]:
        """Return the frames as they are shown, with counts that say how exact they are."""
        pairs = ((self.partitions, "messages"), (self.subscriptions, "lag"))
        return [self._marked(frame, name) for frame, name in pairs if len(frame)]

    def _marked(self, frame: pd.DataFrame, name: str) -> pd.DataFrame:
        shown = frame.drop(columns="exact")
        worth = self._worth[name]
        if not frame["exact"].all():
            texts = [
                None if count is None else count_text(count, counted)
                for count, counted in zip(_values(frame[name]), worth, strict=True)
            ]
            shown[name] = pd.Series(texts, dtype=object)
        return shown

    def _details(self) -> dict[str, str]:
        """Return the details and the settings that differ from their defaults, as they are shown."""
        shown = {name: _short(name, value) for name, value in self.details.items()}
        rows = self.settings.to_dict("records")
        changed = {row["setting"]: f"{row['text']} (changed)" for row in rows if row["changed"] is True}
        if rows:
            changed["settings"] = f"{len(rows)}, in .settings; {len(changed)} differ from the default"
        return shown | changed

    def __repr__(self) -> str:
        parts = [f"{self._head()}\n{self.hidden}".rstrip()]
        parts += [plain_lines(each.to_string(index=False, max_colwidth=LONGEST)) for each in self._tables()]
        details = "\n".join(plain(f"{name}: {text}") for name, text in self._details().items())
        missing = "\n".join(map(plain, self.not_shown))
        return "\n\n".join(part for part in (*parts, details, missing) if part).rstrip()

    def _repr_html_(self) -> str:
        details = self._details()
        return markup.block(
            markup.heading(self._head()),
            markup.paragraph(self.hidden),
            *(markup.table([*each.columns], records(each)) for each in self._tables()),
            markup.pairs(details) if details else "",
            *map(markup.paragraph, self.not_shown),
        )


def _placed(placement: Placement) -> dict[str, Any]:
    return {
        "leader": placement.leader,
        "replicas": None if placement.replicas is None else ", ".join(placement.replicas),
        "in_sync": None if placement.in_sync is None else ", ".join(placement.in_sync),
        "bytes": placement.bytes,
    }


def _stored(described: TopicDescription) -> dict[str, ArrowType]:
    """Return the columns that are known for at least one partition."""
    known = [_placed(each) for each in described.placements.values()]
    return {name: kind for name, kind in STORED.items() if any(row[name] is not None for row in known)}


def records(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a frame as Python values; NA is None."""
    return zip(*(_values(frame[name]) for name in frame.columns), strict=True)


def _values(column: pd.Series[Any]) -> list[Any]:
    return [None if each is pd.NA else each for each in column.tolist()]


def _short(name: str, value: Any) -> str:
    """Return a detail as text; for a mapping, only where to find it."""
    if isinstance(value, Mapping):
        return f"{len(value)} settings, in .details[{name!r}]"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return setting_text(name, value)


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
