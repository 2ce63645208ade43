"""The bounded hand-off between producing threads and a consumer.

Every adapter with a thread of its own is built on it, so what happens when one side is slow, fails
or leaves is decided here once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar, cast

from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.errors import Closed
from ..vocabulary.freed import freed

T = TypeVar("T")

_NOTHING = object()


class NothingCameError(Exception):
    """Nothing came within the timeout of `Handoff.get`."""


class EndedError(Closed):
    """The source has ended, and everything that came was handed over."""


class Handoff(Generic[T]):
    """A queue of at most `capacity` items that also carries the end and the error of its producers.

    Producers call `room`, `put`, and at last `finish` or `fail`; consumers call `get`. The owner calls
    `close`, and must return the items that `close` returns.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        # entered directly: `with` on a Condition runs Python code that Ctrl-C can break while it is locked
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._items: deque[T] = deque()
        self._error: BaseException | None = None
        self._finished = False
        self._closed = False

    def room(self, timeout: float | None = None) -> int:
        """Wait for room. Return the number of free places; 0 at `timeout` or after the end."""
        deadline = Deadline(timeout)
        with freed(self._lock), self._lock:
            while not (self._finished or self._closed):
                free = self._capacity - len(self._items)
                if free > 0:
                    return free
                if deadline.passed:
                    return 0
                self._changed.wait(deadline.slice())
        return 0

    def put(self, item: T, timeout: float | None = None) -> bool:
        """Wait for room and put an item. Return False at `timeout` or after the end: the item stays yours."""
        with freed(self._lock), self._lock:
            if not self.room(timeout):
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def finish(self) -> None:
        """End the stream: `get` raises `EndedError` after the items that are there."""
        with freed(self._lock), self._lock:
            self._finished = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End the stream with an error: `get` raises it once, after its items. Only the first counts."""
        if isinstance(error, StopIteration):
            # raised as it is, it would look like the end of a loop
            stop, error = error, RuntimeError("the source of a stream raised StopIteration")
            error.__cause__ = stop
        with freed(self._lock), self._lock:
            if self._error is None:
                self._error = error
            self._finished = True
            self._changed.notify_all()

    def take_error(self) -> BaseException | None:
        """Return the error that no `get` has raised yet. The caller must raise it."""
        with freed(self._lock), self._lock:
            error, self._error = self._error, None
            return error

    def get(self, timeout: float | None = None, *, cancellations: Iterable[Cancellation | None] = ()) -> T:
        """Return the next item. An interrupted call loses nothing: the next call gets the same item.

        Raises NothingCameError at `timeout`, Cancelled, the error of the producers after their last item,
        EndedError after that, and Closed after `close`.
        """
        deadline = Deadline(timeout)
        given = [each for each in cancellations if each is not None]
        item: object = _NOTHING
        try:
            with freed(self._lock), self._lock:
                while True:
                    for each in given:
                        each.raise_if_cancelled()
                    if self._items:
                        break
                    self._check_open()
                    if deadline.passed:
                        raise NothingCameError
                    self._changed.wait(deadline.slice())
                # not popleft(): a signal is handled after a call, when the item would be nowhere
                item = self._items[0]
                del self._items[0]
                self._changed.notify_all()
        except BaseException:
            if item is not _NOTHING:
                with freed(self._lock), self._lock:
                    self._items.appendleft(cast(T, item))
            raise
        # no call here, not even a cast(): a signal in it would lose the item
        return item

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("this stream was closed; the messages it had not delivered were returned")
        if self._finished:
            error = self.take_error()
            if error is not None:
                raise error
            raise EndedError("the stream has ended; it yields no more messages")

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> list[T]:
        """Stop everything. Return the items that were put and not taken. Closing twice is fine."""
        with freed(self._lock), self._lock:
            self._closed = True
            left = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return left
