"""Pull with one request at a time; its answer waits here until a caller takes it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import grpc
from grpc import StatusCode

from .connection import Call, PubSubConnection
from .errors import code_of
from .limits import MAX_REQUEST_MESSAGES
from .methods import PULL

PULL_SECONDS = 60.0
"""How long a request may wait at the service for a message."""
ROUND_TRIP_SECONDS = 0.18
"""How long a request that was just sent is awaited, even by a caller that does not wait: a round trip."""
EMPTY_PAUSE = 0.02
"""Seconds before the next request if the service answers at once that there is nothing."""

Received = Any
"""A message with the id by which it is acknowledged."""


@dataclass(frozen=True)
class _Answer:
    call: Call
    arrived_at: float


class Inbox:
    """A reader that pulls from one subscription. Only `wake` may be called from other threads."""

    def __init__(self, connection: PubSubConnection, path: str) -> None:
        self._connection = connection
        self._path = path
        self._call: Call | None = None
        self._asked_at = 0.0
        self._watcher: Callable[[], object] | None = None
        # a lock-free queue, since a signal may interrupt `wake` at any point
        self._events: SimpleQueue[_Answer | None] = SimpleQueue()

    def take(self, max_messages: int, wait: float) -> tuple[Sequence[Received], float]:
        """Return the messages that are here, or else the first to arrive within `wait` seconds.

        The second value says how many seconds the messages waited here.
        """
        until = time.monotonic() + wait
        self._forget_wakes()
        while True:
            if self._call is None:
                self._ask(max_messages)
            answer = self._next(max(until, self._asked_at + ROUND_TRIP_SECONDS))
            if answer is None:
                return (), 0.0
            self._call = None
            messages = _messages(answer.call)
            if messages:
                return messages, time.monotonic() - answer.arrived_at
            if time.monotonic() >= until:
                return (), 0.0
            if answer.arrived_at - self._asked_at < EMPTY_PAUSE:
                time.sleep(EMPTY_PAUSE)

    def _ask(self, max_messages: int) -> None:
        self._asked_at = time.monotonic()
        call = self._connection.submit(
            PULL,
            PULL_SECONDS,
            long=True,
            subscription=self._path,
            max_messages=min(max_messages, MAX_REQUEST_MESSAGES),
        )
        self._call = call
        call.add_done_callback(self._arrived)

    def _arrived(self, call: Call) -> None:
        """Note that a request was answered. Called by a thread of grpc."""
        self._events.put(_Answer(call, time.monotonic()))
        watcher = self._watcher
        if watcher is not None:
            watcher()

    def _next(self, until: float) -> _Answer | None:
        """Return the answer to the pending request, or None if it is late or `wake` was called."""
        while True:
            try:
                event = self._events.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return None
            if event is None or event.call is self._call:
                return event

    def _forget_wakes(self) -> None:
        """Drop the calls of `wake` that came while no caller waited."""
        answers = []
        while True:
            try:
                event = self._events.get_nowait()
            except Empty:
                break
            if event is not None:
                answers.append(event)
        for answer in answers:
            self._events.put(answer)

    def wake(self) -> None:
        """Make a waiting `take` return. May be called from any thread."""
        self._events.put(None)

    def unwanted(self) -> Sequence[Received]:
        """Return the messages that arrived while no caller waited. The pending request goes on."""
        self._forget_wakes()
        answer = self._next(0.0) if self._call is not None else None
        if answer is None:
            return ()
        self._call = None
        return _messages(answer.call)

    @property
    def asking(self) -> bool:
        """Whether a request is pending, or its answer was not taken."""
        return self._call is not None

    def wait(self, seconds: float) -> None:
        """Wait until the pending request has ended, `seconds` at most."""
        if self._call is not None:
            with contextlib.suppress(grpc.FutureTimeoutError):
                self._call.exception(timeout=seconds)

    @property
    def failed(self) -> bool:
        """Whether the pending request has ended with an error."""
        return self._call is not None and self._call.done() and self._call.exception() is not None

    def watch(self, watcher: Callable[[], object] | None) -> None:
        """Call `watcher` once the pending request is answered, or at once if it is.

        None removes the watcher.
        """
        self._watcher = watcher
        call = self._call
        if watcher is not None and call is not None and call.done():
            watcher()

    def answered(self) -> Sequence[Received]:
        """Return the messages of the answer, or none if there is no answer or an error."""
        call = self._call
        if call is None or not call.done() or call.exception() is not None:
            return ()
        self._call = None
        return _messages(call)


def _messages(call: Call) -> Sequence[Received]:
    """Return the messages of the answer, or none if the request ended without one.

    Raises the error of grpc.
    """
    error = call.exception()
    if error is None:
        messages: Sequence[Received] = call.result().received_messages
        return messages
    if code_of(error) is StatusCode.DEADLINE_EXCEEDED:
        return ()
    raise error
