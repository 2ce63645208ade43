"""Publish in requests of many messages, in order within a key, with an outcome for each message."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc import StatusCode

from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, TooLarge, Unavailable
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.results import PublishResult

from .admin import no_topic
from .codec import encode, size
from .connection import Call, PubSubConnection
from .errors import code_of, surely_not_stored, translate
from .limits import MAX_REQUEST_BYTES, MAX_REQUEST_MESSAGES
from .methods import PUBLISH

UNDER_WAY = 8
"""How many requests may be pending at a time."""
PATH_BYTES = 512

Key = tuple[str, bytes]


@dataclass
class _Request:
    """Messages of one topic that are sent together.

    Attributes:
        rows: Their places in the batch.
    """

    topic: str
    path: str
    rows: list[int] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    keys: list[Key | None] = field(default_factory=list)
    bytes: int = PATH_BYTES

    def add(self, row: int, message: Any, key: Key | None) -> None:
        self.rows.append(row)
        self.messages.append(message)
        self.keys.append(key)
        self.bytes += size(message)

    def fits(self, message: Any) -> bool:
        return len(self.rows) < MAX_REQUEST_MESSAGES and self.bytes + size(message) <= MAX_REQUEST_BYTES

    def part(self, rows: Sequence[int]) -> _Request:
        """Return a request with only some of the messages, given by their places in this one."""
        made = _Request(self.topic, self.path)
        for each in rows:
            made.add(self.rows[each], self.messages[each], self.keys[each])
        return made


class PubSubPublisher(PublisherDriver):
    """A publisher that sends publish requests. The service stores all messages of a request, or none."""

    def __init__(self, connection: PubSubConnection) -> None:
        self._connection = connection

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        sending = _Sending(self._connection, len(batch), Deadline(timeout))
        sending.fill(batch)
        return sending.run()


class _Sending:
    """A batch that is being sent."""

    def __init__(self, connection: PubSubConnection, length: int, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._results: list[PublishResult | None] = [None] * length
        self._waiting: deque[_Request] = deque()
        self._under_way: deque[tuple[_Request, Call]] = deque()
        self._stopped: dict[Key, BrokerError] = {}

    def fill(self, batch: Sequence[tuple[str, OutboundMessage]]) -> None:
        """Divide the batch into requests as large as the service accepts."""
        filling: dict[str, _Request] = {}
        for row, (topic, message) in enumerate(batch):
            try:
                path = self._connection.path("topics", topic)
                made = encode(message)
            except BrokerError as error:
                self._results[row] = PublishResult("failed", None, error)
                continue
            request = filling.get(topic)
            if request is None or not request.fits(made):
                request = filling[topic] = _Request(topic, path)
                self._waiting.append(request)
            request.add(row, made, None if message.key is None else (topic, message.key))

    def run(self) -> list[PublishResult]:
        while self._waiting or self._under_way:
            while self._waiting and len(self._under_way) < UNDER_WAY and self._may_go(self._waiting[0]):
                self._begin(self._waiting.popleft())
            if self._under_way:
                self._end(*self._under_way.popleft())
        return [result for result in self._results if result is not None]

    def _may_go(self, request: _Request) -> bool:
        """Return whether no pending request has a key of this one.

        Two such requests are stored in any order.
        """
        wanted = {key for key in request.keys if key is not None}
        return not wanted or all(wanted.isdisjoint(other.keys) for other, _ in self._under_way)

    def _begin(self, request: _Request) -> None:
        if self._stopped:
            request = self._without_stopped(request)
        if request.rows:
            seconds = self._deadline.remaining()
            call = self._connection.submit(PUBLISH, seconds, topic=request.path, messages=request.messages)
            self._under_way.append((request, call))

    def _without_stopped(self, request: _Request) -> _Request:
        """Hold back messages whose key has failed; they may be sent once that failure is known."""
        going = []
        for place, key in enumerate(request.keys):
            cause = self._stopped.get(key) if key is not None else None
            if cause is None:
                going.append(place)
                continue
            held = Unavailable("not sent, because an earlier message with the same key failed")
            held.__cause__ = cause
            self._results[request.rows[place]] = PublishResult("failed", None, held)
        return request if len(going) == len(request.rows) else request.part(going)

    def _end(self, request: _Request, call: Call) -> None:
        error = call.exception()
        if error is None:
            for row, message_id in zip(request.rows, call.result().message_ids, strict=True):
                self._results[row] = PublishResult("confirmed", message_id)
            return
        problem = self._problem(error, request.topic)
        if len(request.rows) > 1 and _one_of_many(error, problem):
            # the service refuses all messages because of one: find out which
            middle = len(request.rows) // 2
            self._waiting.appendleft(request.part(range(middle, len(request.rows))))
            self._waiting.appendleft(request.part(range(middle)))
            return
        known = isinstance(error, grpc.RpcError) and surely_not_stored(error)
        for row, key in zip(request.rows, request.keys, strict=True):
            self._results[row] = PublishResult("failed" if known else "unknown", None, problem)
            if key is not None:
                self._stopped[key] = problem

    def _problem(self, error: BaseException, topic: str) -> BrokerError:
        problem: BrokerError
        if code_of(error) is StatusCode.NOT_FOUND:
            problem = no_topic(self._connection, topic)
        elif code_of(error) is StatusCode.DEADLINE_EXCEEDED:
            problem = Unavailable(
                f"the service did not confirm within {self._deadline.seconds:g} s; the messages may be stored"
            )
        else:
            problem = translate(error)
        problem.__cause__ = error
        return problem


def _one_of_many(error: BaseException, problem: BrokerError) -> bool:
    """Return whether a request may have been refused because of only some of its messages."""
    return code_of(error) is StatusCode.INVALID_ARGUMENT or isinstance(problem, TooLarge)
