"""The portable half of browsing: from positions to slices and from slices to rows, without side effects."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from ..contract.at_exit import close_at_exit
from ..contract.consumer import SubscriptionNotFound
from ..contract.inspector import InspectorDriver, ReaderDriver
from ..vocabulary.arguments import check_count, check_name
from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.columns import Columns
from ..vocabulary.errors import AfterTheEndWarning, BrokerError, Closed, NotFound, RetentionWarning
from ..vocabulary.notes import note
from ..vocabulary.positions import (
    AtId,
    AtOffset,
    AtOffsets,
    AtPlace,
    Earliest,
    Latest,
    Position,
    after_the_end,
    parse_all,
    resolve,
)
from ..vocabulary.protocols import PositionLike
from ..vocabulary.schemas import SystemSchema
from ..vocabulary.topics import Bounds, Counted, PublishTerms, Slice, TopicDescription, TopicInfo
from ..vocabulary.windows import (
    LATENESS,
    Stretch,
    TimeOrder,
    has_time,
    inside,
    parse_lateness,
    slices_of,
    stretches,
)
from .closing import Closable
from .counting import COUNTED_SECONDS, counted, last_messages, rest
from .driver_thread import DriverThread
from .slice_reading import Begun, ReaderPool, SliceReading, ends
from .subscribing import line_that_creates

INSPECT_SECONDS = 30.0
STALL_SECONDS = 30.0

T = TypeVar("T")


class ConnectedInspector(Closable):
    """A view of the topics of a connection that also reads slices. It changes nothing on the broker.

    Any thread may use it. Only the driver's thread calls `_driver`, except for `InspectorDriver.at_id`. Each
    reader has a thread of its own, so slices can be read at the same time.

    Args:
        driver: Makes the calls to the client library.
        make_reader: Makes a reader. Called by the thread that reads.
        name: Names the connection in errors.
        translate: Makes a `BrokerError` of any exception of a driver.
    """

    def __init__(
        self,
        driver: InspectorDriver,
        make_reader: Callable[[], ReaderDriver],
        *,
        name: str,
        translate: Callable[[BaseException], BrokerError],
    ) -> None:
        self.name = name
        self._driver = driver
        self._translate = translate
        self._readers = ReaderPool(lambda: SliceReading(make_reader(), name, translate), name)
        self._driver_thread = DriverThread(f"inspector of {name}")
        close_at_exit(self)

    def topics(self, *, timeout: float = INSPECT_SECONDS) -> list[TopicInfo]:
        """Return every topic that may be listed, sorted by name."""
        found = self._ask(lambda: self._driver.topics(timeout), timeout)
        return sorted(found, key=lambda info: info.name)

    def describe(
        self, topic: str, *, count: bool = True, timeout: float = INSPECT_SECONDS
    ) -> TopicDescription:
        """Return the partitions of a topic, and its subscriptions or groups with their lag.

        Args:
            topic: The name of the topic.
            count: Count by reading, for up to two seconds, where the broker cannot and little is there.
            timeout: Seconds to wait for the broker.

        Raises:
            NotFound: The topic does not exist.
        """
        check_name(topic, "topic")
        found = self._ask(lambda: self._driver.describe(topic, timeout), timeout)
        return counted(found, lambda slice_: self._rows(slice_, COUNTED_SECONDS)) if count else found

    def begin_of(self, topic: str, start: Position, *, timeout: float = INSPECT_SECONDS) -> Position:
        """Return where a subscription begins. A negative offset becomes the place so many messages back."""
        if not (isinstance(start, AtOffset) and start.offset < 0):
            return start
        bounds = self.bounds(topic, timeout=timeout)
        count = partial(self._counted, topic, timeout)
        found = resolve(start, bounds, lambda _: {}, otherwise=Earliest(), counted=count)
        return AtPlace(found[None]) if set(found) == {None} else AtOffsets(tuple(found.items()))

    def bounds(self, topic: str, *, timeout: float = INSPECT_SECONDS) -> list[Bounds]:
        """Return the readable range of each partition. Raises NotFound."""
        check_name(topic, "topic")
        return self._ask(lambda: self._driver.bounds(topic, timeout), timeout)

    def identity(self, topic: str, *, timeout: float = INSPECT_SECONDS) -> str:
        """Return what tells a topic from another one of its name; see `InspectorDriver.identity`."""
        check_name(topic, "topic")
        return self._ask(lambda: self._driver.identity(topic, timeout), timeout)

    def terms(self, topic: str, *, timeout: float = INSPECT_SECONDS) -> PublishTerms:
        """Return what a topic does with messages that are published to it. Raises NotFound."""
        check_name(topic, "topic")
        return self._ask(lambda: self._driver.terms(topic, timeout), timeout)

    def topics_within(self, topic: str, *, timeout: float = INSPECT_SECONDS) -> list[str] | None:
        """Return the topics that a topic stands for; see `InspectorDriver.topics_within`."""
        return self._ask(lambda: self._driver.topics_within(topic, timeout), timeout)

    def schema(self, name: str, *, key: bool = False, timeout: float = INSPECT_SECONDS) -> SystemSchema:
        """Return a schema that the system keeps itself; see `InspectorDriver.schema`."""
        return self._ask(lambda: self._driver.schema(name, key=key, timeout=timeout), timeout)

    def schema_names(self, topic: str, *, timeout: float = INSPECT_SECONDS) -> list[str]:
        """Return how messages of a topic would name its schemas; see `InspectorDriver.schema_names`."""
        return self._ask(lambda: self._driver.schema_names(topic, timeout), timeout)

    def at_id(self, message_id: str) -> tuple[int | None, int]:
        """Return partition and position of a message by its id, without asking the broker.

        Raises:
            NotSupported: The ids of this system are not positions.
        """
        return self._driver.at_id(message_id)

    def place(self, offset: int | None, message_id: str | None) -> int:
        """Return the position of a row by its offset, or by its id if it has no offset.

        Raises:
            NotSupported: It has no offset, and the ids of this system are not positions.
        """
        return self.at_id(str(message_id))[1] if offset is None else offset

    def time_order(self, topic: str, *, timeout: float = INSPECT_SECONDS) -> TimeOrder:
        """Return whether the times of the messages are sorted, and how a moment is found if not."""
        return self._ask(lambda: self._driver.time_order(topic, timeout), timeout)

    def locate(
        self,
        topic: str,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        *,
        lateness: Any = LATENESS,
        find_time: Callable[[int], Mapping[int | None, int]] | None = None,
        timeout: float = INSPECT_SECONDS,
    ) -> list[Stretch]:
        """Return the part of each partition that a range covers now; see `plan`.

        Args:
            topic: The name of the topic.
            start: Where the range begins, one position or one per partition.
            end: Where the range ends, exclusive.
            lateness: How far to look beyond a range of time; see `plan`.
            find_time: Returns the offset of the first message at or after a moment, by partition, where
                the broker cannot.
            timeout: Seconds to wait for each answer of the broker.
        """
        now = datetime.now(UTC)
        first, last = parse_all(start, now=now, default=Earliest()), parse_all(end, now=now, default=Latest())
        bounds = self.bounds(topic, timeout=timeout)
        order: TimeOrder = "first"
        if find_time is None and (has_time(first) or has_time(last)):
            order = self.time_order(topic, timeout=timeout)

        def at_time(moment: int) -> Mapping[int | None, int]:
            return self._ask(lambda: self._driver.at_time(topic, moment, timeout), timeout)

        self._note_if_after_the_end(topic, first, bounds)
        return stretches(
            first,
            last,
            bounds,
            at_time if find_time is None else find_time,
            self._driver.at_id,
            order=order,
            lateness=parse_lateness(lateness),
            counted=partial(self._counted, topic, timeout),
        )

    def first_since(
        self, topic: str, moment: int, *, timeout: float = INSPECT_SECONDS
    ) -> Mapping[int | None, int]:
        """Return the offset at which a subscription from a moment on begins, by partition."""
        return self._ask(lambda: self._driver.first_since(topic, moment, timeout), timeout)

    def note_if_after_the_end(self, topic: str, start: Position, *, timeout: float = INSPECT_SECONDS) -> None:
        """Warn with `AfterTheEndWarning` if a subscription begins after the last message that is there now.

        If the broker does not answer, there is no warning.
        """
        if not isinstance(start, AtOffset | AtId):
            return
        try:
            self._note_if_after_the_end(topic, start, self.bounds(topic, timeout=timeout))
        except BrokerError:
            # the subscription is made nevertheless, or its consumer will say what is wrong
            return

    def _note_if_after_the_end(
        self, topic: str, start: Position | Mapping[int, Position], bounds: Sequence[Bounds]
    ) -> None:
        problem = after_the_end(start, bounds, self._driver.at_id)
        if problem is not None:
            note(
                f"{topic}: {problem}, so nothing is there yet. Is it a position of another topic, or of an "
                "earlier one of that name?",
                AfterTheEndWarning,
            )

    def _counted(self, topic: str, timeout: float, bounds: Bounds, position: int, count: int) -> int:
        """Return the position `count` messages after another one, or back from the end if negative."""
        found = self._ask(lambda: self._driver.counted(topic, bounds, position, count, timeout), timeout)
        if found is not None:
            return found
        if count >= 0:
            return bounds.advance(position, count)
        return last_messages(-count, topic, bounds, self._rows)

    def rest(self, topic: str, bounds: Bounds, position: int) -> tuple[int, Counted]:
        """Return how many messages lie from a position to the end, read if few, and how reliable that is."""
        return rest(topic, bounds, position, lambda slice_: self._rows(slice_, COUNTED_SECONDS))

    def plan(
        self,
        topic: str,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        limit: int | None = None,
        *,
        slice_rows: int | None = None,
        lateness: Any = LATENESS,
        timeout: float = INSPECT_SECONDS,
    ) -> list[Slice]:
        """Return slices from `start` up to but excluding `end`.

        The slices are fixed now: messages that are published later are not in them.

        Args:
            topic: The name of the topic.
            start: Where to begin, one position or one per partition.
            end: Where to end, exclusive.
            limit: How many offsets of each partition to take at most, or messages where there are no
                offsets.
            slice_rows: Cut the range into slices of about so many messages.
            lateness: How far to look beyond the end of a range of time, because producers may set the times
                and a message may lie behind later ones: a text such as "1h", a timedelta, seconds, or None
                for everything. Rows with other times are left out.
            timeout: Seconds to wait for each answer of the broker.

        Raises:
            ConfigError: A position or number cannot be used.
            NotFound: The topic does not exist.
        """
        check_name(topic, "topic")
        if limit is not None:
            limit = check_count(limit, "limit")
        if slice_rows is not None:
            slice_rows = check_count(slice_rows, "slice_rows")
        located = self.locate(topic, start, end, lateness=lateness, timeout=timeout)
        if limit is not None:
            filled = [each for each in located if each.start < each.end]
            ends = [self._counted(topic, timeout, each.bounds, each.start, limit) for each in filled]
            located = [replace(each, end=min(each.end, end)) for each, end in zip(filled, ends, strict=True)]
        return [slice_ for each in located for slice_ in slices_of(topic, each, slice_rows)]

    def begin(self, slice_: Slice, *, attributes: bool = True) -> Begun | None:
        """Start to fetch the first rows of a slice that is read next; None if it is empty."""
        return None if slice_.empty else self._readers.begin(slice_, attributes)

    def read(
        self,
        slice_: Slice,
        *,
        attributes: bool = True,
        cancellation: Cancellation | None = None,
        stall: float = STALL_SECONDS,
        on_outside: Callable[[int], object] | None = None,
        removing: bool = False,
        begun: Begun | None = None,
    ) -> Generator[Columns]:
        """Iterate over the rows of a slice, in order, in batches. Reads one batch ahead.

        Warns with a `RetentionWarning`, with the exact range, if the broker deleted rows before that.

        Args:
            slice_: The slice.
            attributes: False if the column of attributes is not needed.
            cancellation: Ends the wait from another thread.
            stall: Seconds without a row after which the broker counts as unavailable.
            on_outside: Called with the number of rows left out because of their times.
            removing: Do not warn of missing rows: the caller removes them.
            begun: What `begin` returned for the same slice.

        Raises:
            Unavailable: No row came for `stall` seconds.
            Cancelled, Closed: `cancellation` was cancelled, or the inspector is closed.
        """
        if slice_.empty:
            return
        self._check_open()
        begun = self._readers.begin(slice_, attributes) if begun is None else begun
        with self._readers.reading(begun) as reading:
            expected: int | None = None if removing else slice_.start
            gaps: list[tuple[int, int]] = []
            for columns in reading.rows(begun.fetching, cancellation, stall):
                first, last = ends(columns)
                if expected is not None and first is not None and first > expected:
                    gaps.append((expected, first))
                    if expected == slice_.start:
                        self._warn_of_retention(slice_, gaps)
                        gaps = []
                expected = None if removing or last is None else last + 1
                kept = inside(columns, slice_.since, slice_.until)
                if on_outside is not None and kept.length < columns.length:
                    on_outside(columns.length - kept.length)
                if kept.length:
                    yield kept
            if expected is not None and expected < slice_.end:
                gaps.append((expected, slice_.end))
            self._warn_of_retention(slice_, gaps)

    def _rows(self, slice_: Slice, stall: float = STALL_SECONDS) -> Iterator[Columns]:
        """Iterate over the rows of a slice that are there now, without a warning about missing ones."""
        self._check_open()
        yield from self._readers.rows(slice_, stall)

    def _warn_of_retention(self, slice_: Slice, gaps: list[tuple[int, int]]) -> None:
        """Warn about the offsets in `gaps` that lie before the beginning of the partition now."""
        if not gaps:
            return
        bounds = {each.partition: each for each in self.bounds(slice_.topic)}.get(slice_.partition)
        if bounds is not None and (gone := bounds.deleted(gaps)):
            warnings.warn(
                f"offsets {bounds.show_ranges(gone)} of {slice_.topic!r} were deleted by the broker's "
                "retention before they were read",
                RetentionWarning,
                stacklevel=4,
            )

    def _ask(self, question: Callable[[], T], timeout: float) -> T:
        """Make a call of the driver on its thread, and wait a second longer than `timeout`."""
        self._check_open()

        def translated() -> T:
            try:
                return question()
            except Exception as error:
                problem = self._translate(error)
                if isinstance(problem, SubscriptionNotFound):
                    text = f"{problem}: create it with {line_that_creates(problem)}"
                    raise NotFound(text) from problem.__cause__
                raise problem from problem.__cause__

        return self._driver_thread.call(translated, timeout=timeout + 1.0)

    def _check_open(self) -> None:
        self._driver_thread.check_process()
        if self._closed:
            raise Closed(f"the inspector of {self.name} is closed")

    def begin_close(self, timeout: float) -> None:
        """Start to stop reading and to leave, without waiting for it."""
        super().begin_close(timeout)
        self._readers.end()

    def _leave(self, timeout: float) -> None:
        deadline = Deadline(timeout)
        self._readers.end()
        try:
            self._driver.close(timeout)
        finally:
            self._readers.join(deadline)
