"""Use a plain function as a source of messages, or as a place to publish to.

For a stream or a receiver, pass the iterator made here to `message_stream`, `receiver` and the like.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from ..vocabulary.arguments import check_seconds
from ..vocabulary.cancellation import WAIT_SLICE, Cancellation, Deadline
from ..vocabulary.errors import ConfigError, Unavailable
from ..vocabulary.messages import Message, OutboundMessage, Record
from ..vocabulary.protocols import MessageIterator, RecordIterator
from ..vocabulary.results import PublishResult, result_of
from .iterators import BatchedIterator

T = TypeVar("T")

PublishFunction: TypeAlias = Callable[[OutboundMessage], "PublishResult | str | None"]
"""Publishes one message: returns its outcome, or its id, or None; raises when it fails."""


class _Polled(Generic[T]):
    """Call a function until it returns something."""

    def __init__(self, function: Callable[[], T | None], pause: float) -> None:
        self._function = function
        self._pause = _check_pause(pause)

    def next(self, timeout: float | None = None, *, cancellation: Cancellation | None = None) -> T | None:
        deadline = Deadline(check_seconds(timeout, "timeout"))
        while True:
            if cancellation is not None:
                cancellation.raise_if_cancelled()
            item = self._function()
            if item is not None:
                return item
            if deadline.passed:
                return None
            _rest(deadline.slice(self._pause), cancellation)


class _PolledMessages(_Polled[Message]):
    def next_message(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Message | None:
        return self.next(timeout, cancellation=cancellation)


class _PolledRecords(_Polled[Record]):
    def next_record(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Record | None:
        return self.next(timeout, cancellation=cancellation)


def _check_pause(value: float) -> float:
    seconds = check_seconds(value, "pause")
    if not seconds:
        raise ConfigError(f"pause must be a number of seconds above 0, not {value!r}")
    return seconds


def _rest(seconds: float, cancellation: Cancellation | None) -> None:
    if cancellation is None:
        time.sleep(seconds)
        return
    deadline = Deadline(seconds)
    while not deadline.passed and not cancellation.wait(deadline.slice(WAIT_SLICE)):
        continue


def iterator_from_function(function: Callable[[], Message | None], *, pause: float = 0.05) -> MessageIterator:
    """Make a MessageIterator of a function that returns the next message, or None when there is none now.

    pause: seconds until the function is called again. If the function itself waits, cancelling takes that
    much longer.
    """
    return _PolledMessages(function, pause)


def record_iterator_from_function(
    function: Callable[[], Record | None], *, pause: float = 0.05
) -> RecordIterator:
    """Make a RecordIterator of a function that returns the next record, or None when there is none now."""
    return _PolledRecords(function, pause)


class _Unpacked(Generic[T]):
    """Hand out one by one the items of which a function returns several. It uses no thread of its own."""

    def __init__(self, function: Callable[[], Sequence[T] | None]) -> None:
        self._function = function
        self._left: list[T] = []

    def __call__(self) -> T | None:
        if not self._left:
            self._left = list(reversed(self._function() or ()))
        return self._left.pop() if self._left else None


def batched_iterator_from_function(
    function: Callable[[], Sequence[Message] | None], *, pause: float = 0.05
) -> BatchedIterator[Message]:
    """Make a BatchedMessageIterator of a function that returns the next messages, or an empty list.

    It may return any number of messages; those beyond what was asked for wait for the next call.
    """
    return BatchedIterator(_Polled(_Unpacked(function), pause).next)


class _FunctionTopic:
    def __init__(self, name: str, function: PublishFunction) -> None:
        self._name = name
        self._function = function

    @property
    def name(self) -> str:
        return self._name

    def publish(self, message: OutboundMessage, *, timeout: float | None = None) -> PublishResult:
        """Publish one message. Raises the error of the function, or of the outcome that it returns."""
        made = self._function(message)
        result = made if isinstance(made, PublishResult) else PublishResult("confirmed", id=made)
        if result.error is not None:
            raise result.error
        return result

    def publish_batch(
        self, messages: Sequence[OutboundMessage], *, timeout: float | None = None
    ) -> list[PublishResult]:
        """Publish one after the other. Messages that were not begun within `timeout` are `failed`."""
        deadline = Deadline(check_seconds(timeout, "timeout"))
        results = []
        for message in messages:
            if deadline.passed:
                late = Unavailable(f"not sent: the {timeout:g} s of this call were over (timeout=)")
                results.append(PublishResult("failed", error=late))
                continue
            try:
                made = self._function(message)
            except Exception as error:
                results.append(result_of(error))
            else:
                results.append(
                    made if isinstance(made, PublishResult) else PublishResult("confirmed", id=made)
                )
        return results


class _FunctionPublisher:
    def __init__(self, function: Callable[[str, OutboundMessage], PublishResult | str | None]) -> None:
        self._function = function

    def topic(self, name: str) -> _FunctionTopic:
        return _FunctionTopic(name, lambda message: self._function(name, message))


def topic_from_function(function: PublishFunction, *, name: str = "function") -> _FunctionTopic:
    """Make a Topic of a function that publishes one message.

    The function returns a PublishResult, the id of the stored message, or None. The timeout of a call
    cannot interrupt the function; in a batch it is checked between messages.
    """
    return _FunctionTopic(name, function)


def publisher_from_function(
    function: Callable[[str, OutboundMessage], PublishResult | str | None],
) -> _FunctionPublisher:
    """Make a Publisher of a function that publishes one message to a topic."""
    return _FunctionPublisher(function)
