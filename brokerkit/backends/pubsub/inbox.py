"""Pulling: one request at the service at a time, whose answer waits here until somebody takes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from grpc import StatusCode

from .connection import Call, PubSubConnection
from .errors import code_of
from .methods import PULL

PULL_SECONDS = 60.0
"""How long a request may wait at the service for a message."""
LOOK_SECONDS = 0.18
"""A request that has just been sent is given the time of a round trip, even by who does not wait."""
MAX_MESSAGES = 1000
EMPTY_PAUSE = 0.02
"""Seconds before asking again where the service says at once that there is nothing."""

Received = Any
"""A message with the id under which it is acknowledged."""


@dataclass(frozen=True)
class _Answer:
    call: Call
    arrived_at: float


class Inbox:
    """Pulls from one subscription. All but `wake` is for one thread."""

    def __init__(self, link: PubSubConnection, path: str) -> None:
        self._link = link
        self._path = path
        self._call: Call | None = None
        self._asked_at = 0.0
        self._watcher: Callable[[], object] | None = None
        # a lock-free queue: `wake` may be interrupted by a signal at any point
        self._events: SimpleQueue[_Answer | None] = SimpleQueue()

    def take(self, max_messages: int, wait: float) -> tuple[Sequence[Received], float]:
        """What is there, else the first that comes within `wait` seconds; and for how long it was here."""
        until = time.monotonic() + wait
        self._forget_wakes()
        while True:
            if self._call is None:
                self._ask(max_messages)
            answer = self._next(max(until, self._asked_at + LOOK_SECONDS))
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
        call = self._link.begin(
            PULL,
            PULL_SECONDS,
            long=True,
            subscription=self._path,
            max_messages=min(max_messages, MAX_MESSAGES),
        )
        self._call = call
        call.add_done_callback(self._arrived)

    def _arrived(self, call: Call) -> None:
        """Called by a thread of grpc."""
        self._events.put(_Answer(call, time.monotonic()))
        watcher = self._watcher
        if watcher is not None:
            watcher()

    def _next(self, until: float) -> _Answer | None:
        """The answer to the request under way; None when there is none in time, or `wake` was called."""
        while True:
            try:
                event = self._events.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return None
            if event is None or event.call is self._call:
                return event

    def _forget_wakes(self) -> None:
        """A call of `wake` that nobody was waiting for is over."""
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
        """Have a waiting `take` come back. May be called from any thread."""
        self._events.put(None)

    def unwanted(self) -> Sequence[Received]:
        """What came though nobody waits for it; the request under way goes on."""
        self._forget_wakes()
        answer = self._next(0.0) if self._call is not None else None
        if answer is None:
            return ()
        self._call = None
        return _messages(answer.call)

    @property
    def asking(self) -> bool:
        """Whether there is a request under way, or an answer that was not taken."""
        return self._call is not None

    @property
    def failed(self) -> bool:
        """Whether the request under way has ended with an error."""
        return self._call is not None and self._call.done() and self._call.exception() is not None

    def watch(self, watcher: Callable[[], object] | None) -> None:
        """Call `watcher` once the request under way is answered, at once where it is; None: do not."""
        self._watcher = watcher
        call = self._call
        if watcher is not None and call is not None and call.done():
            watcher()

    def answered(self) -> Sequence[Received]:
        """The messages of the answer that came; none where there is no answer, or an error."""
        call = self._call
        if call is None or not call.done() or call.exception() is not None:
            return ()
        self._call = None
        return _messages(call)


def _messages(call: Call) -> Sequence[Received]:
    """The answer's messages; none where the request was over without one. Raises the error of grpc."""
    error = call.exception()
    if error is None:
        messages: Sequence[Received] = call.result().received_messages
        return messages
    if code_of(error) is StatusCode.DEADLINE_EXCEEDED:
        return ()
    raise error
