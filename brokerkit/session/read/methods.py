"""The methods of a session that read and change nothing: topics, peek, scan, reread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.arguments import check_count
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.protocols import PositionLike
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.core.vocabulary.windows import LATENESS, parse_lateness, slices_of
from brokerkit.display.descriptions import Description, topics_frame
from brokerkit.display.sanitize import plain
from brokerkit.frames.auto.explaining import Explanation
from brokerkit.frames.explain import explained_row
from brokerkit.frames.masking.mask import Mask

from ..arguments import MAX_BYTES, MaxBytesWarning, check_bytes, check_topic, slices_in, topic_names
from ..base import BrokerSession
from ..build_frame import frame_of
from ..filters import Header
from ..interrupted import Interrupted
from ..options import ReadOptions
from ..read_report import NotYetReadableWarning
from ..reader_schemas import planned
from .peek import new_peek
from .peek_with_side_effects import peek_with_side_effects
from .plan import Plan
from .ranges import parse_partitions, parse_range, range_finder
from .reread import decoder_of, key_decoder_of, places_of, read_places, times_of
from .scan import Scan

if TYPE_CHECKING:
    import pandas as pd

SLICE_ROWS = 250_000
"""About how many messages one slice of a scan holds: one Parquet file, one dask partition."""


class ReadingSession(BrokerSession):
    """A session that shows topics and reads their messages without side effects."""

    def topics(self, *, internal: bool = False) -> pd.DataFrame:
        """Return all topics as a frame, one row each.

        Args:
            internal: Include the broker's own topics.
        """
        return topics_frame([info for info in self.inspector.topics() if internal or not info.internal])

    def describe(self, topic: str) -> Description:
        """Return the partitions of a topic with their bounds, and its subscriptions or groups with their lag.

        Raises:
            NotFound: There is no such topic.
        """
        check_topic(topic)
        return Description(self.inspector.describe(topic))

    def peek(
        self,
        topic: str,
        limit: int = 100,
        *,
        start: PositionLike = None,
        end: PositionLike = None,
        newest: bool | None = None,
        partitions: Sequence[int] | None = None,
        key: str | bytes | None = None,
        header: Header | None = None,
        where: Any = None,
        decode: Any = "auto",
        decode_key: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        lateness: Any = LATENESS,
        scan_for_time: bool = False,
        side_effects: str | None = None,
        subscription: str | None = None,
        max_bytes: int | None = MAX_BYTES,
        mask: Mask | str | None = None,
        unmask: bool = False,
        validate: bool = False,
    ) -> pd.DataFrame:
        """Return messages of a topic without any side effect: the newest `limit`, or the first from `start`.

        Rows are oldest first. `last_read` says how many messages were read and why the peek stopped.

        Args:
            topic: The name of the topic.
            limit: At most so many rows.
            start: Where the range begins: "earliest", "latest", an offset, a negative offset counted from the
                end, a time, or ``{partition: position}``. None is the earliest message.
            end: Where the range ends, written like `start`; exclusive.
            newest: Return the newest of the range, not the first. None does so unless there is a `start`.
            partitions: Only these partitions.
            key: Only messages with this key: its bytes, or its text as it is shown.
            header: Only messages that have a header of this name, or match ``{name: value}``.
            where: Only messages whose payload contains this text, or for which this function of the value, or
                this Arrow expression over the frame's columns, is true. `counts` and `failures` in
                ``frame.attrs["brokerkit"]`` are of all messages that were decoded to find these, more for a
                function than for a text; `brokerkit.failures` lists those of the frame.
            decode: "auto", "json", "text", "raw", "avro", "protobuf", "msgpack", "cbor", or a decoder:
                `brokerkit.avro`, `brokerkit.protobuf`, or one of your own by `brokerkit.decoder`. "avro" and
                "protobuf" give typed values as the newest schema of the topic has them.
            decode_key: The same for keys. `raw_key` has the bytes of each key whose text is not the key.
            expand: Add a column for each field of JSON values; see `brokerkit.expand`.
            attributes: Read the headers. False leaves them out, which is faster.
            lateness: Where producers set the times, a message may be stored behind later ones. Search past a
                time range for this long: "15min", a timedelta or seconds. None searches everywhere.
            scan_for_time: Where the system cannot find a time by itself, read the topic through to find it.
            side_effects: How to look where side effects cannot be avoided (Pub/Sub). "give back" takes the
                next messages of `subscription` and gives them back, which raises their delivery counts.
                "temporary subscription" reads from `start` through a new subscription, and deletes it.
            subscription: The subscription for ``side_effects="give back"``.
            max_bytes: At most so many bytes of rows, but at least one row; None sets no limit. If more were
                wanted, a `MaxBytesWarning` says so. With several partitions each has a share.
            mask: Personal data to hide, besides what the connection hides: a `brokerkit.Mask` or its text.
                Filters see what is shown.
            unmask: Leave the mask of the connection out.
            validate: Check each payload that names a JSON Schema against it; those that do not fit are
                failures, with `raw` kept. Avro and Protobuf always fit what was decoded.

        Raises:
            ConfigError: An argument cannot be used.
            NotFound: There is no such topic or partition.
            NotSupported: The system cannot do this, for example find a time without `scan_for_time`; or the
                mask of the connection is locked.
            Interrupted: Ctrl-C was pressed; `.frame` has the rows so far.
        """
        limit, max_bytes = check_count(limit, "limit"), check_bytes(max_bytes)
        check_topic(topic)
        reading = ReadOptions(
            key,
            header,
            where,
            decode,
            expand,
            attributes,
            scan_for_time,
            max_bytes,
            decode_key,
            mask,
            unmask,
            validate,
        )
        reading = planned(self, [topic], reading)
        if side_effects is not None:
            if (end, newest, partitions, key, header, where) != (None,) * 6:
                raise ConfigError(
                    "with side_effects=, peek reads the next messages whatever they are: filter the frame"
                )
            return peek_with_side_effects(
                self, topic, limit, reading, side_effects=side_effects, subscription=subscription, start=start
            )
        span, chosen = parse_range(start, end, lateness), parse_partitions(partitions)
        peek = new_peek(self, limit, reading)

        def frame(*, partial: bool) -> pd.DataFrame:
            table = peek.table(partial=partial)
            details = {"peek": topic, "read": peek.report.to_dict()}
            return frame_of(table, peek.builder, source=self.name, expand=expand, details=details)

        self.last_read = peek.report
        try:
            peek.plan(topic, span, newest=start is None if newest is None else newest, partitions=chosen)
            peek.read()
        except KeyboardInterrupt as interrupt:
            peek.report.stopped = "interrupted"
            text = f"peek of {topic!r} was interrupted; the rows so far are in session.last_interrupted.frame"
            self.last_interrupted = Interrupted(text, frame(partial=True))
            raise self.last_interrupted from interrupt
        found = frame(partial=False)
        peek.report.warn_of_filter()
        if peek.hidden:
            note(f"{topic!r}: {peek.hidden}", NotYetReadableWarning)
        if peek.report.stopped == "at max_bytes":
            note(
                f"the peek of {topic!r} ends at max_bytes={max_bytes:,} with {len(found):,} rows: for others "
                "use start= or end=, raise max_bytes=, or scan the topic to a file with to_parquet",
                MaxBytesWarning,
            )
        return found

    def scan(
        self,
        topic: str | Slice | Sequence[str | Slice],
        *,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        partitions: Sequence[int] | None = None,
        key: str | bytes | None = None,
        header: Header | None = None,
        where: Any = None,
        limit: int | None = None,
        decode: Any = "auto",
        decode_key: Any = "auto",
        expand: bool = False,
        attributes: bool = True,
        slice_rows: int = SLICE_ROWS,
        lateness: Any = LATENESS,
        scan_for_time: bool = False,
        progress: bool = True,
        mask: Mask | str | None = None,
        unmask: bool = False,
        validate: bool = False,
    ) -> Scan:
        """Plan to read a range of one or several topics.

        Nothing is read until you call a method of the scan. The end is fixed now: messages that are published
        later are not part of the scan. Rows are in order within a slice only.

        Args:
            topic: The name of a topic, or several names. Or slices of another scan, perhaps of another
                process, which say themselves what is read.
            start, end: The ends of the range, as in `peek`.
            partitions, key, header, where: Which messages to read, as in `peek`.
            limit: At most so many rows; None reads all.
            decode, decode_key, expand, mask, unmask, validate: As in `peek`.
            attributes: Read the headers. False leaves them out, which is faster.
            slice_rows: About how many messages each slice holds: one Parquet file, one dask partition.
            lateness, scan_for_time: How to find times, as in `peek`.
            progress: Show a progress bar.

        Raises:
            ConfigError: An argument cannot be used.
            NotFound: There is no such topic or partition.
            NotSupported: The system cannot read a range, or cannot find a time without `scan_for_time`.
        """
        slice_rows = check_count(slice_rows, "slice_rows")
        if limit is not None:
            limit = check_count(limit, "limit")
        given = slices_in(topic)
        if given and (start, end, partitions) != ("earliest", "latest", None):
            raise ConfigError(
                "slices say themselves what is read: leave out start=, end= and partitions= (between narrows)"
            )
        topics = topic_names([each.topic for each in given] or topic)
        span = parse_range(start, end, lateness)
        finder = range_finder(self, scan_for_time)
        chosen = parse_partitions(partitions)
        located = {name: finder.locate(name, span, chosen) for name in dict.fromkeys(topics)}
        slices = given or [
            slice_
            for name in topics
            for each in located[name]
            for slice_ in slices_of(name, each, slice_rows)
        ]
        late = "" if span.lateness == parse_lateness(LATENESS) else f", lateness {span.lateness}"
        shown = ", ".join(plain(name, 60) for name in topics[:3]) + (", ..." if len(topics) > 3 else "")
        reading = ReadOptions(
            decode=decode,
            expand=expand,
            attributes=attributes,
            scan_for_time=scan_for_time,
            decode_key=decode_key,
            mask=mask,
            unmask=unmask,
            validate=validate,
        )
        plan = Plan(
            tuple(slices),
            {(name, each.bounds.partition): each.bounds for name in located for each in located[name]},
            title=f"scan of {shown} {span}" if not given else f"scan of slices of {shown}",
            asked=f"{[each.plain[:4] for each in given] or topics!r} from {start!r} to {end!r}{late}",
            doubt=span.doubt([each for stretches in located.values() for each in stretches]),
        )
        scan = Scan(self, planned(self, list(located), reading), plan, progress=progress)
        if any(each is not None for each in (key, header, where)):
            scan = scan.where(*([] if where is None else [where]), key=key, header=header)
        return scan if limit is None else scan.head(limit)

    def explain(self, row: Any) -> Explanation:
        """Return how `decode="auto"` reads the payload and the key of a row, and why::

            s.explain(df.iloc[0])

        It shows each layer with its size and evidence, the schema with its source, and why other readings
        were rejected.

        Args:
            row: A row of a frame of messages: a Series, a dict, or a frame with one row.

        Raises:
            ConfigError: It is not one row of messages.
        """
        return explained_row(row, self.schema_source)

    def reread(
        self,
        df: pd.DataFrame,
        *,
        decode: Any = None,
        decode_key: Any = None,
        expand: bool = False,
        mask: Mask | str | None = None,
        unmask: bool = False,
    ) -> pd.DataFrame:
        """Read the rows of a frame again from the broker, in the order of the frame.

        Rows are found by their topic, partition and offset. Rows that were deleted since are left out, with a
        warning, as are those whose place has a message of another time: the topic was made again.

        Args:
            df: A frame of messages.
            decode, decode_key: How to decode payloads and keys; None decodes as the frame was decoded.
            expand, mask, unmask: As in `peek`.

        Raises:
            NotSupported: The system cannot read messages again.
        """
        if self.capabilities.slices == "never":
            raise NotSupported("this system cannot read messages again; the frame itself has their payloads")
        places = places_of(df, self.inspector)
        reading = ReadOptions(
            decode=decoder_of(df) if decode is None else decode,
            decode_key=key_decoder_of(df) if decode_key is None else decode_key,
            expand=expand,
            mask=mask,
            unmask=unmask,
        )
        reading = planned(self, list(dict.fromkeys(place[0] for place in places)), reading)
        builder = reading.builder(self.schema_source, self.mask)
        table = read_places(self.inspector, places, times_of(df), builder)
        missing = len(places) - table.num_rows
        details = {"reread": len(places), "missing": missing}
        return frame_of(table, builder, source=self.name, expand=expand, details=details)
