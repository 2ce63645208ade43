"""The method of a session that waits for a message."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.arguments import check_seconds
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import ConfigError, RetentionWarning
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.positions import AtOffset, AtTime, Latest, Position, parse_all
from brokerkit.core.vocabulary.protocols import PositionLike
from brokerkit.core.vocabulary.topics import Bounds
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.masking.mask import Mask

from ..arguments import check_topic
from ..build_frame import frame_of
from ..filters import Header
from ..options import ReadOptions
from ..read_report import ReadReport
from ..reader_schemas import planned
from .following import LookFailed, TopicReader
from .methods import ReadingSession

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

EVERYTHING = 2**62
"""So many messages are never there: none is skipped to keep up."""


class WatchingSession(ReadingSession):
    """A session that waits for messages without side effects."""

    def watch(
        self,
        topic: str,
        *,
        where: Any = None,
        key: str | bytes | None = None,
        header: Header | None = None,
        start: PositionLike = "latest",
        timeout: float | None = 60.0,
        interval: float = 0.2,
        decode: Any = "auto",
        decode_key: Any = "auto",
        expand: bool = False,
        mask: Mask | str | None = None,
        unmask: bool = False,
    ) -> pd.DataFrame:
        """Wait for the first message that matches, without side effects, and return it as a frame of one row.

        It begins with the messages that come from now on, or at `start`. None is skipped, also if many come.
        While the broker cannot be reached, it goes on trying.

        Args:
            topic: The name of the topic.
            where, key, header: Which message to wait for, as in `peek`. Without them, any.
            start: Where to begin. "latest" is now.
            timeout: Seconds to wait; None waits for ever.
            interval: Seconds between two looks.
            decode, decode_key, expand, mask, unmask: As in `peek`.

        Returns:
            The message as a frame of one row; a frame without rows if none came within `timeout`. `last_read`
            says how many messages were read.

        Raises:
            ConfigError: An argument cannot be used, or `start` lies after the end.
            NotFound: There is no such topic.
            NotSupported: The system cannot be looked at without side effects.
            Unavailable: The broker could not be reached when the time was up.
        """
        deadline = Deadline(check_seconds(timeout, "timeout"))
        if check_seconds(interval, "interval") is None:
            raise ConfigError("interval must be a number of seconds, such as 0.2, not None")
        check_topic(topic)
        given = ReadOptions(
            key, header, where, decode, expand, decode_key=decode_key, mask=mask, unmask=unmask
        )
        reading = planned(self, [topic], given)
        builder = reading.builder(self.schema_source, self.mask)
        wanted = reading.filter(builder.schema)
        bounds = self.inspector.bounds(topic)
        _check_begun(parse_all(start), bounds)
        ends = {each.partition: each.end for each in bounds}
        if not isinstance(parse_all(start), Latest):
            earlier = self.scan(
                topic,
                start=start,
                limit=1,
                key=key,
                header=header,
                where=where,
                decode=decode,
                decode_key=decode_key,
                expand=expand,
                mask=mask,
                unmask=unmask,
                progress=False,
            ).to_pandas()
            if len(earlier):
                return earlier
        self.last_read = report = ReadReport()
        reader = TopicReader(self.inspector, topic, builder, wanted, ends)
        first = _first(reader, report, deadline, interval)
        report.matched = first.num_rows
        report.stopped = "at the limit" if first.num_rows else "at the timeout"
        report.warn_of_filter()
        return self._watched(topic, first, builder, report, expand)

    def _watched(
        self, topic: str, row: pa.RecordBatch, builder: FrameBuilder, report: ReadReport, expand: bool
    ) -> pd.DataFrame:
        details = {"watch": topic, "read": report.to_dict()}
        return frame_of(builder.to_table([row]), builder, source=self.name, expand=expand, details=details)


def _check_begun(start: Position | Mapping[int, Position], bounds: Sequence[Bounds]) -> None:
    """Raise ConfigError for a start that has not come: messages before it would be returned."""
    now = time.time_ns() // 1000
    for each in bounds:
        match start.get(each.partition or 0) if isinstance(start, Mapping) else start:
            case AtTime(moment) as wanted if moment > now:
                raise ConfigError(
                    f'start={wanted} is yet to come: leave start= out, or give "latest", to wait from now on'
                )
            case AtOffset(number) if number >= 0 and each.place(number) > each.end:
                where = "" if each.partition is None else f" of partition {each.partition}"
                raise ConfigError(
                    f"start={number:,} lies after {each.show(each.end)}, the end{where}: leave start= out, "
                    'or give "latest", to wait from now on'
                )
            case _:
                continue


def _first(reader: TopicReader, report: ReadReport, deadline: Deadline, interval: float) -> pa.RecordBatch:
    """Return the first row that matches, or none when the time is up."""
    while True:
        try:
            found = reader.look(limit=EVERYTHING)
        except LookFailed as failed:
            found = failed.partial
            if not found.batch.num_rows and (deadline.passed or not failed.error.retryable):
                raise failed.error from failed.error.__cause__
        report.read += found.read
        report.overlooked.add(found.overlooked)
        for text in found.notes:
            note(f"{reader.topic}: {text}", RetentionWarning)
        if found.batch.num_rows or deadline.passed:
            return found.batch.slice(0, 1)
        if not found.more:
            time.sleep(deadline.slice(interval))
