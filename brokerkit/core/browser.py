"""The portable half of browsing: positions to slices, and slices to rows, without side effects."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Self, TypeVar

from .arguments import check_count
from .cancellation import Cancellation
from .columns import Columns
from .driver import BrowserDriver, ReaderDriver
from .errors import AbandonedWarning, BrokerError, Closed, RetentionWarning, Unavailable
from .owner import Owner, close_at_exit
from .positions import Earliest, Latest, parse_all, resolve
from .protocols import PositionLike
from .topics import Bounds, Slice, TopicDescription, TopicInfo

ANSWER_SECONDS = 30.0
STALL_SECONDS = 30.0
READ_SLICE = 0.2

T = TypeVar("T")


class ConnectedBrowser:
    """Looks at topics and reads slices; never changes a position, a count or a backlog."""

    def __init__(
        self,
        driver: BrowserDriver,
        make_reader: Callable[[], ReaderDriver],
        *,
        name: str,
        translate: Callable[[BaseException], BrokerError],
    ) -> None:
        self.name = name
        self._driver = driver
        self._make_reader = make_reader
        self._translate = translate
        self._lock = threading.Lock()
        self._idle_readers: list[_Reading] = []
        self._readers: list[_Reading] = []
        self._closed = False
        self._owner = Owner(f"browser of {name}")
        close_at_exit(self)

    def topics(self, *, timeout: float = ANSWER_SECONDS) -> list[TopicInfo]:
        """Every topic, in order of name."""
        found = self._ask(lambda: self._driver.topics(timeout), timeout)
        return sorted(found, key=lambda info: info.name)

    def describe(self, topic: str, *, timeout: float = ANSWER_SECONDS) -> TopicDescription:
        """A topic's partitions, bounds, and subscriptions or groups with their lag."""
        return self._ask(lambda: self._driver.describe(topic, timeout), timeout)

    def bounds(self, topic: str, *, timeout: float = ANSWER_SECONDS) -> list[Bounds]:
        """The readable range of each partition."""
        return self._ask(lambda: self._driver.bounds(topic, timeout), timeout)

    def plan(
        self,
        topic: str,
        start: PositionLike = "earliest",
        end: PositionLike = "latest",
        limit: int | None = None,
        *,
        slice_rows: int | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> list[Slice]:
        """Slices from `start` up to but excluding `end`, fixed now: an end that moves later is not followed.

        limit: at most this many offsets of each partition. slice_rows: cut slices into pieces of
        about so many messages.
        """
        first = parse_all(start, default=Earliest())
        last = parse_all(end, default=Latest())
        if limit is not None:
            check_count(limit, "limit")

        def locate() -> list[Slice]:
            bounds = self._driver.bounds(topic, timeout)

            def at_time(moment: int) -> dict[int | None, int]:
                return self._driver.at_time(topic, moment, timeout)

            begins = resolve(first, bounds, at_time, otherwise=Earliest())
            ends = resolve(last, bounds, at_time, otherwise=Latest())
            return [
                piece
                for each in bounds
                for piece in _cut(
                    topic, each, begins[each.partition], ends[each.partition], limit, slice_rows
                )
            ]

        return self._ask(locate, timeout)

    def read(
        self,
        piece: Slice,
        *,
        attributes: bool = True,
        cancellation: Cancellation | None = None,
        stall: float = STALL_SECONDS,
    ) -> Iterator[Columns]:
        """The rows of a slice, in order, in batches; reads one batch ahead.

        Raises Unavailable when nothing came for `stall` seconds. Rows that retention has deleted
        meanwhile end in a `RetentionWarning` with the exact range.
        """
        if piece.empty:
            return
        reading = self._borrow()
        usable = False
        try:
            first = True
            for columns in reading.rows(piece, attributes, cancellation, stall):
                if first:
                    first = False
                    self._warn_of_retention(piece, columns)
                yield columns
            usable = True
        except GeneratorExit:
            usable = True
            raise
        finally:
            self._give_back(reading, usable)

    def _warn_of_retention(self, piece: Slice, columns: Columns) -> None:
        offset = next(iter(columns.values("offset")), None)
        if offset is None or offset <= piece.start:
            return
        starts = {each.partition: each.start for each in self.bounds(piece.topic)}
        gone = min(starts.get(piece.partition, piece.start), piece.end)
        if gone > piece.start:
            where = "" if piece.partition is None else f" of partition {piece.partition}"
            warnings.warn(
                f"offsets {piece.start} to {gone - 1}{where} of {piece.topic!r} were deleted by the "
                "broker's retention before they were read",
                RetentionWarning,
                stacklevel=4,
            )

    def _borrow(self) -> _Reading:
        self._check_open()
        with self._lock:
            if self._idle_readers:
                return self._idle_readers.pop()
        reading = _Reading(self._make_reader(), self.name, self._translate)
        with self._lock:
            self._readers.append(reading)
        return reading

    def _give_back(self, reading: _Reading, usable: bool) -> None:
        with self._lock:
            if usable and not self._closed:
                self._idle_readers.append(reading)
                return
            if reading in self._readers:
                self._readers.remove(reading)
        reading.end()

    def _ask(self, question: Callable[[], T], timeout: float) -> T:
        self._check_open()

        def translated() -> T:
            try:
                return question()
            except Exception as error:
                raise self._translate(error) from error

        return self._owner.call(translated, timeout=timeout + 1.0)

    def _check_open(self) -> None:
        self._owner.check_process()
        if self._closed:
            raise Closed(f"the browser of {self.name} is closed")

    def close(self, timeout: float = 4.0) -> None:
        """Stop reading and leave. Closing twice is fine."""
        self._owner.check_process()
        self._closed = True
        with self._lock:
            readers, self._readers, self._idle_readers = self._readers, [], []
        for reading in readers:
            reading.end()
        if not self._owner.stop(lambda: self._driver.close(timeout), timeout):
            warnings.warn(
                f"closing the browser of {self.name} took longer than {timeout:g} s and was abandoned",
                AbandonedWarning,
                stacklevel=2,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<browser of {self.name}{', closed' if self._closed else ''}>"


class _Reading:
    """A reader with its thread, used for one slice after the other."""

    def __init__(
        self, driver: ReaderDriver, name: str, translate: Callable[[BaseException], BrokerError]
    ) -> None:
        self._driver = driver
        self._translate = translate
        self._owner = Owner(f"reader of {name}")

    def rows(
        self, piece: Slice, attributes: bool, cancellation: Cancellation | None, stall: float
    ) -> Iterator[Columns]:
        self._owner.post(lambda: self._driver.start(piece, attributes=attributes)).wait(stall, cancellation)
        last_seen = time.monotonic()
        task = self._owner.post(self._fetch)
        while True:
            try:
                columns, trouble = task.wait(stall, cancellation)
            except TimeoutError as error:
                raise _stalled(piece, stall) from error
            if trouble is not None and not trouble.retryable:
                raise trouble
            if trouble is None and columns is None:
                return
            if columns is None or not columns.length:
                if time.monotonic() - last_seen > stall:
                    raise trouble or _stalled(piece, stall)
                task = self._owner.post(self._fetch)
                continue
            task = self._owner.post(self._fetch)
            yield columns
            last_seen = time.monotonic()

    def _fetch(self) -> tuple[Columns | None, BrokerError | None]:
        try:
            return self._driver.fetch(READ_SLICE), None
        except Exception as error:
            problem = self._translate(error)
            if problem.retryable:
                time.sleep(READ_SLICE)
            return None, problem

    def end(self) -> None:
        self._owner.end(lambda: self._driver.close(1.0))


def _stalled(piece: Slice, stall: float) -> Unavailable:
    return Unavailable(
        f"nothing came for {stall:g} s while reading {piece.topic!r} between offsets "
        f"{piece.start} and {piece.end}; is the broker reachable?"
    )


def _cut(
    topic: str, bounds: Bounds, start: int, end: int, limit: int | None, slice_rows: int | None
) -> Iterator[Slice]:
    if limit is not None:
        end = min(end, start + limit)
    if start >= end:
        return
    whole = max(1, bounds.end - bounds.start)
    density = bounds.estimate / whole
    step = end - start if slice_rows is None else max(1, int(slice_rows / max(density, 1e-9)))
    for begin in range(start, end, step):
        stop = min(begin + step, end)
        yield Slice(topic, bounds.partition, begin, stop, round((stop - begin) * density))
