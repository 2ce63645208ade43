"""Threads that fill a hand-off while a ``with`` block runs."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Generic, TypeAlias, TypeVar

from ..vocabulary.cancellation import Cancellation
from ..vocabulary.errors import AbandonedWarning, Cancelled
from ..vocabulary.freed import freed
from ..vocabulary.messages import Message
from .background import Background, joined
from .grouping import give_back
from .handoff import EndedError, Handoff, NothingCameError

T = TypeVar("T")

LEAVE_SECONDS = 5.0
"""How long leaving waits for a source that does not notice its cancellation."""
INTERRUPT_SECONDS = 0.4
"""The same after Ctrl-C."""


class Intake(Generic[T]):
    """The side of a pump that a producer holds.

    stop: tripped when the block is left; producers pass it on to what they wait for.
    """

    def __init__(
        self, handoff: Handoff[T], stop: Cancellation, return_items: Callable[[Sequence[T]], None]
    ) -> None:
        self.stop = stop
        self.give_back = return_items
        self._handoff = handoff

    def room(self) -> int:
        """Wait for room; return the number of free places. Raises Cancelled after the end."""
        free = self._handoff.room()
        if not free:
            raise Cancelled("the receiver accepts no more messages")
        return free

    def put(self, *items: T) -> None:
        """Hand items over, waiting for room. After the end, give the rest back and raise Cancelled."""
        for index, item in enumerate(items):
            if not self._handoff.put(item):
                self.give_back(items[index:])
                raise Cancelled("the receiver accepts no more messages; these were returned")


Producer: TypeAlias = Callable[[Intake[T]], None]
"""Puts items until it ends: by returning, by raising its error, or by `Cancelled` after a stop."""


class Feed(Iterator[T]):
    """Iterate over the items of a pump."""

    def __init__(self, handoff: Handoff[T], cancellation: Cancellation | None) -> None:
        self._handoff = handoff
        self._cancellation = cancellation

    def __next__(self) -> T:
        try:
            return self._handoff.get(cancellations=(self._cancellation,))
        except EndedError:
            raise StopIteration from None

    def next_within(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> T | None:
        """Return the next item; None when none came within `timeout`. Raises Closed at the end."""
        try:
            return self._handoff.get(timeout, cancellations=(self._cancellation, cancellation))
        except NothingCameError:
            return None


class Pump(Generic[T]):
    """Run each producer in a thread while the ``with`` block runs. The block gets a `Feed`.

    capacity: how many items wait to be taken at most. messages_of: the messages of an item, which
    are returned when the item was not taken.
    """

    def __init__(
        self,
        producers: Sequence[Producer[T]],
        *,
        capacity: int,
        messages_of: Callable[[T], Sequence[Message]],
        cancellation: Cancellation | None = None,
    ) -> None:
        self.handoff: Handoff[T] = Handoff(capacity)
        self._messages_of = messages_of
        self._cancellation = cancellation
        self._stop = Cancellation()
        intake = Intake(self.handoff, self._stop, self._give_back)
        self._running = len(producers)
        self._counting = threading.RLock()
        self._threads = [self._thread(partial(each, intake)) for each in producers]

    def _thread(self, work: Callable[[], None]) -> Background:
        return Background(lambda: self._run(work), "stream")

    def _run(self, work: Callable[[], None]) -> None:
        try:
            with contextlib.suppress(EndedError):  # a source that is a stream came to its end
                work()
        except BaseException as error:
            if not (isinstance(error, Cancelled) and self._stop.cancelled):
                self.handoff.fail(error)
        finally:
            with freed(self._counting), self._counting:
                self._running -= 1
                last = self._running == 0
            if last:
                self.handoff.finish()

    def _give_back(self, items: Sequence[T]) -> None:
        give_back([message for item in items for message in self._messages_of(item)])

    def __enter__(self) -> Feed[T]:
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:
            self.stop()
            raise
        return Feed(self.handoff, self._cancellation)

    def stop(self) -> None:
        """Tell the producers to end and return what was not taken, without waiting for it."""
        self._stop.cancel()
        left = self.handoff.close()
        if left:
            # not here: a broker that does not answer must not hold up Ctrl-C
            with freed(self._counting), self._counting:
                self._running += 1
            returning = self._thread(lambda: self._give_back(left))
            self._threads.append(returning)
            returning.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        patience = LEAVE_SECONDS if kind is None or issubclass(kind, Exception) else INTERRUPT_SECONDS
        if not joined(self._threads, patience):
            warnings.warn(
                f"a message source did not stop within {patience:g} s of being cancelled and was abandoned; "
                "messages it still yields are returned",
                AbandonedWarning,
                stacklevel=2,
            )
        problem = self.handoff.take_error()
        if problem is None:
            return
        if error is None:
            raise problem
        error.add_note(f"the source of the messages failed too: {type(problem).__name__}: {problem}")


class MessageFeed(Feed[Message]):
    """A feed of messages that is a `MessageIterator` too."""

    def next_message(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Message | None:
        """Return the next message, or None when none came within `timeout` seconds."""
        return self.next_within(timeout, cancellation=cancellation)


class MessagePump(Pump[Message]):
    """A pump of single messages."""

    def __init__(
        self,
        producers: Sequence[Producer[Message]],
        *,
        capacity: int,
        cancellation: Cancellation | None = None,
    ) -> None:
        super().__init__(producers, capacity=capacity, messages_of=_alone, cancellation=cancellation)

    def __enter__(self) -> MessageFeed:
        super().__enter__()
        return MessageFeed(self.handoff, self._cancellation)


class BatchPump(Pump[list[Message]]):
    """A pump of batches."""

    def __init__(
        self,
        producers: Sequence[Producer[list[Message]]],
        *,
        capacity: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        super().__init__(producers, capacity=capacity, messages_of=_all, cancellation=cancellation)


def _alone(message: Message) -> Sequence[Message]:
    return (message,)


def _all(batch: list[Message]) -> Sequence[Message]:
    return batch
