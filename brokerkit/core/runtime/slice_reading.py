"""Reading slices with readers of the driver, each on a thread of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..contract.inspector import ReaderDriver
from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.columns import Columns
from ..vocabulary.errors import BrokerError, Closed, Unavailable
from ..vocabulary.freed import freed
from ..vocabulary.topics import EXACT, Slice
from .driver_thread import DriverThread

IDLE_READERS = 4
"""How many readers are kept for the next slice. Each may hold a connection."""
READ_SLICE = 0.2
"""Seconds that one fetch may wait."""

LOOKS = 3
"""In how many parts the stall time is waited. A process that was stopped, for example because its computer
slept, has spent one of them, and looks for what came meanwhile in the others."""

T = TypeVar("T")


class Fetching:
    """The next rows of a slice, which the thread of a reader is fetching.

    Attributes:
        slice_: The slice.
        task: The fetch that was asked for last. Its result is that of the driver, or an error.
        failed: Whether a fetch raised an error that is not repeated.
    """

    def __init__(
        self,
        driver: ReaderDriver,
        thread: DriverThread,
        translate: Callable[[BaseException], BrokerError],
        slice_: Slice,
        attributes: bool,
    ) -> None:
        self.slice_ = slice_
        self._driver = driver
        self._thread = thread
        self._translate = translate
        self._attributes = attributes
        self._started = False
        self.failed = False
        self.task = thread.post(self._fetch)

    def again(self) -> None:
        """Fetch the next rows."""
        self.task = self._thread.post(self._fetch)

    def _fetch(self) -> tuple[Columns | None, BrokerError | None]:
        try:
            if not self._started:
                self._driver.start(self.slice_, attributes=self._attributes)
                self._started = True
            return self._driver.fetch(READ_SLICE), None
        except Exception as error:
            problem = self._translate(error)
            if problem.retryable:
                time.sleep(READ_SLICE)
            else:
                self.failed = True
            return None, problem


class SliceReading:
    """A reader with its own thread, used for one slice after the other."""

    def __init__(
        self, driver: ReaderDriver, name: str, translate: Callable[[BaseException], BrokerError]
    ) -> None:
        self._driver = driver
        self._translate = translate
        self._driver_thread = DriverThread(f"reader of {name}")

    def begin(self, slice_: Slice, attributes: bool) -> Fetching:
        """Start to fetch the first rows of a slice, without waiting for them."""
        return Fetching(self._driver, self._driver_thread, self._translate, slice_, attributes)

    def rows(self, fetching: Fetching, cancellation: Cancellation | None, stall: float) -> Iterator[Columns]:
        """Iterate over the rows of a slice, in batches that are not empty. Reads one batch ahead."""
        waited, began = 0.0, time.monotonic()
        while True:
            columns, trouble = _awaited(fetching, stall, cancellation)
            if trouble is not None and not trouble.retryable:
                raise trouble
            if trouble is None and columns is None:
                return
            if columns is None or not columns.length:
                waited += min(time.monotonic() - began, stall / LOOKS)
                if waited >= stall:
                    raise trouble or _stalled(fetching.slice_, stall)
                fetching.again()
                began = time.monotonic()
                continue
            fetching.again()
            yield columns
            waited, began = 0.0, time.monotonic()

    def stop(self) -> None:
        """Let go of the slice, without waiting for it."""
        # if it was closed meanwhile, there is no slice to let go of
        with contextlib.suppress(Closed):
            self._driver_thread.post(self._driver.stop)

    def end(self) -> None:
        """Start to close the reader, without waiting for it."""
        self._driver_thread.shutdown(lambda: self._driver.close(1.0), wake=False)

    def join(self, deadline: Deadline) -> bool:
        """Wait until the reader has closed. Return false when the deadline passed."""
        return self._driver_thread.join(deadline)


class Begun:
    """A slice whose first rows are fetched before it is read. It must be read or given up.

    Attributes:
        reading: Its reader.
        fetching: Its first rows.
    """

    def __init__(self, pool: ReaderPool, reading: SliceReading, fetching: Fetching) -> None:
        self._pool: ReaderPool | None = pool
        self.reading = reading
        self.fetching = fetching

    def put_back(self, usable: bool) -> None:
        """Give the reader back, unless that was done already; see `ReaderPool.put_back`."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.put_back(self.reading, usable)

    def give_up(self) -> None:
        """Give the reader back, whose slice is not read after all. It has no effect on a slice that was."""
        self.put_back(not self.fetching.failed)


class ReaderPool:
    """The readers of an inspector. Idle ones are kept for the next slice. Any thread may use it.

    `_lock` guards `_readers`, `_idle` and `_closed`, so a reader that is made while the pool closes is closed
    by one of both.
    """

    def __init__(self, make_reader: Callable[[], SliceReading], name: str) -> None:
        self._make_reader = make_reader
        self._name = name
        # reentrant: an abandoned generator returns its reader whenever the collector runs
        self._lock = threading.RLock()
        self._idle: list[SliceReading] = []
        self._readers: list[SliceReading] = []
        self._closed = False

    def begin(self, slice_: Slice, attributes: bool) -> Begun:
        """Start to read a slice with an idle reader, or a new one."""
        reading = self._take()
        return Begun(self, reading, reading.begin(slice_, attributes))

    @contextlib.contextmanager
    def reading(self, begun: Begun) -> Iterator[SliceReading]:
        """Return a context manager for the reader of a slice. After an error it is closed."""
        usable = False
        try:
            yield begun.reading
            usable = True
        except GeneratorExit:
            usable = True
            raise
        finally:
            begun.put_back(usable)

    def rows(self, slice_: Slice, stall: float) -> Iterator[Columns]:
        """Iterate over the rows of a slice without their attributes; see `SliceReading.rows`."""
        begun = self.begin(slice_, False)
        with self.reading(begun) as reading:
            yield from reading.rows(begun.fetching, None, stall)

    def _take(self) -> SliceReading:
        with freed(self._lock), self._lock:
            if self._idle and not self._closed:
                return self._idle.pop()
        reading = self._make_reader()
        with freed(self._lock), self._lock:
            self._readers.append(reading)
            closed = self._closed
        if closed:
            self.put_back(reading, False)
            raise Closed(f"the inspector of {self._name} is closed")
        return reading

    def put_back(self, reading: SliceReading, usable: bool) -> None:
        """Keep a reader for the next slice if it is usable and few are kept, else close it."""
        with freed(self._lock), self._lock:
            if usable and not self._closed and len(self._idle) < IDLE_READERS:
                reading.stop()
                self._idle.append(reading)
                return
            if reading in self._readers:
                self._readers.remove(reading)
        reading.end()

    def end(self) -> None:
        """Start to close all readers, without waiting for them."""
        with freed(self._lock), self._lock:
            self._closed = True
            readers = [*self._readers]
        for reading in readers:
            reading.end()

    def join(self, deadline: Deadline) -> None:
        """Wait until the readers have closed."""
        for reading in [*self._readers]:
            reading.join(deadline)


def _awaited(
    fetching: Fetching, stall: float, cancellation: Cancellation | None
) -> tuple[Columns | None, BrokerError | None]:
    """Return the result of a fetch. Raises Unavailable after `stall` seconds."""
    for _ in range(LOOKS):
        with contextlib.suppress(TimeoutError):
            return fetching.task.wait(stall / LOOKS, cancellation)
    raise _stalled(fetching.slice_, stall)


def _stalled(slice_: Slice, stall: float) -> Unavailable:
    """Return the error for a slice of which no row came."""
    where = f" between offsets {slice_.start} and {slice_.end}" if slice_.end < EXACT else ""
    return Unavailable(
        f"no message came for {stall:g} s while reading {slice_.topic!r}{where}; is the broker reachable?"
    )


def ends(columns: Columns) -> tuple[int | None, int | None]:
    """Return the first and the last position, or None where there are none."""
    return columns.position_at(0), columns.position_at(columns.length - 1)
