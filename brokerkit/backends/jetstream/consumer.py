"""A consumer of a durable pull consumer. Each message is settled on its own, and the server confirms it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from brokerkit.core.contract.consumer import (
    Backlog,
    ConsumerRequest,
    Fetched,
    MessageDriver,
    Outcome,
    SubscriptionRequest,
)
from brokerkit.core.vocabulary.errors import AckFailed, BrokerError, NotFound, Unavailable
from brokerkit.core.vocabulary.positions import Position

from .admin import create_subscription
from .client_internals import Arrived
from .codec import sequence_of, to_columns
from .connection import JetStreamConnection, log
from .durable import SUBSCRIPTION_OPTIONS, find_durable, lock_seconds
from .errors import translate
from .loop import LoopThread
from .pull import NotServed, Pull
from .request_multiplexer import NoAnswer, NotSent, RequestMultiplexer
from .source import Source, find_source
from .subjects import check_name

ANSWER_SECONDS = 5.0
"""Seconds that the broker may take to answer one question."""
STATE_SECONDS = 1.0
"""How long to ask for the state of a consumer that has no messages."""
EXTEND_SECONDS = 2.0
SETTLE_SECONDS = 20.0
GIVE_BACK_PATIENCE = 0.5
ENDED_SECONDS = 1.0
UNCLAIMED_SECONDS = 60.0
STALL_CHECK_SECONDS = 3.0

_WORDS = {Outcome.ACK: b"+ACK", Outcome.NACK: b"-NAK", Outcome.REJECT: b"+TERM"}


class JetStreamConsumer(MessageDriver):
    """A consumer of a subscription, which is a durable pull consumer.

    A receipt is the subject on which a message is acknowledged.
    """

    def __init__(self, loop: LoopThread, connection: JetStreamConnection, request: ConsumerRequest) -> None:
        assert request.subscription is not None
        SUBSCRIPTION_OPTIONS.read(request.options)
        self._name = check_name(request.subscription, "consumer (subscription=)")
        self._loop = loop
        self._connection = connection
        self._request = request
        self._source: Source | None = None
        self._pull: Pull | None = None
        self._exchange: RequestMultiplexer | None = None
        self._max_pending = 0
        self._waiting_since = 0.0
        self._extended_at = 0.0
        self._last_arrival = time.monotonic()
        self._stall_said = False

    def attach(self, wait: float) -> bool:
        return self._loop.run(self._attach(wait), wait + 3 * ANSWER_SECONDS)

    async def _attach(self, wait: float) -> bool:
        if not await self._connection.wait_connected(wait):
            return False
        source = await find_source(self._connection, self._request.topic, ANSWER_SECONDS)
        info = await find_durable(self._connection, source, self._name, ANSWER_SECONDS)
        config = info["config"]
        self.lock_seconds = lock_seconds(config)
        self._max_pending = int(config.get("max_ack_pending") or 0)
        self._source = source
        # returned messages are among those that are not acknowledged
        redelivered = int(info.get("num_ack_pending") or 0)
        pull = Pull(self._connection, source.stream, self._name, config, redelivered=redelivered)
        await pull.open()
        self._exchange = RequestMultiplexer(self._connection)
        self._pull = pull
        return True

    def create_subscription(self, start: Position, timeout: float) -> None:
        request = SubscriptionRequest(
            self._request.topic, self._name, self._request.model, start, self._request.options
        )
        self._loop.run(create_subscription(self._connection, request, timeout), timeout)

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        pull = self._attached()
        try:
            # messages taken by a cancelled call would be lost, so it gets ample time
            messages = self._loop.run(pull.take(max_messages, wait), wait + SETTLE_SECONDS)
        except NotServed as error:
            self._loop.run(self._explain(error), ANSWER_SECONDS)
            raise
        now = time.monotonic()
        if messages:
            self._last_arrival, self._stall_said = now, False
        elif now - self._last_arrival > STALL_CHECK_SECONDS and not self._stall_said:
            self._last_arrival = now
            if self._connection.connected:
                self._loop.run(self._look_for_stall(), STATE_SECONDS)
        self._waiting_since = 0.0
        return Fetched(to_columns(messages), [message.reply for message in messages])

    def backlog(self, mark: Any) -> Backlog | None:
        """Return the deliveries that the server owes the subscription, and whether it withholds them.

        It withholds them while `max_ack_pending` messages are not settled.
        """
        pull, source = self._attached(), self._source
        assert source is not None
        asking = self._connection.consumer_info(source.stream, self._name, STATE_SECONDS)
        info = self._loop.run(asking, STATE_SECONDS)
        if info is None:
            return None
        pending, delivered = int(info.get("num_pending") or 0), int(info["delivered"]["consumer_seq"])
        full = 0 < self._max_pending <= int(info.get("num_ack_pending") or 0)
        mark = delivered + pending if mark is None else mark
        left = bool(pull.waiting) or (bool(pending) and delivered < mark)
        return Backlog(mark, left, withheld=left and full and not pull.waiting)

    def _attached(self) -> Pull:
        assert self._pull is not None
        return self._pull

    async def _explain(self, error: NotServed) -> None:
        """Raise NotFound if the consumer or its stream was deleted."""
        assert self._source is not None
        await self._connection.stream_info(self._source.stream, ANSWER_SECONDS)
        if await self._connection.consumer_info(self._source.stream, self._name, ANSWER_SECONDS) is None:
            raise NotFound(
                f"the consumer {self._name!r} of stream {self._source.stream!r} was deleted"
            ) from error

    async def _look_for_stall(self) -> None:
        """Log a warning if max_ack_pending is reached, because the server does not report it."""
        assert self._source is not None
        try:
            info = await self._connection.consumer_info(self._source.stream, self._name, STATE_SECONDS)
        except Exception as error:
            log.info("the state of consumer %s is unknown: %s", self._name, error)
            return
        if info is None or not self._max_pending:
            return
        unsettled = info.get("num_ack_pending", 0)
        if unsettled >= self._max_pending and info.get("num_pending", 0):
            self._stall_said = True
            log.warning(
                "consumer %r delivers nothing more: %d messages are delivered and not settled, which is its "
                "max_ack_pending; acknowledge some, here or wherever they went, or raise max_ack_pending",
                self._name,
                unsettled,
            )

    def wake(self) -> None:
        pull = self._pull
        if pull is not None:
            self._loop.post(pull.wake)

    def idle(self) -> None:
        """Keep messages that arrived too late to be returned; give them back if they are not fetched soon."""
        pull = self._attached()
        if not pull.waiting:
            self._waiting_since = 0.0
            return
        now = time.monotonic()
        if not self._waiting_since:
            self._waiting_since = self._extended_at = now
        elif now - self._waiting_since > UNCLAIMED_SECONDS:
            left = self._loop.run(pull.take(1, 0.0), ANSWER_SECONDS)
            self._waiting_since = 0.0
            problems = self._returned([message.reply for message in left], _WORDS[Outcome.NACK])
            failed = sum(problem is not None for problem in problems)
            if failed:
                log.warning("%d messages could not be returned; they are redelivered after ack_wait", failed)
        elif now - self._extended_at > (self.lock_seconds or 30.0) / 3:
            self._extended_at = now
            self.extend([message.reply for message in list(pull.waiting)])

    def settle(
        self, receipts: Sequence[Any], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> list[BaseException | None]:
        word = _WORDS[outcome]
        if outcome is Outcome.NACK and delay:
            word += b" " + json.dumps({"delay": int(delay * 1_000_000_000)}).encode()
        elif outcome is Outcome.REJECT and reason:
            word += b" " + " ".join(reason.split()).encode("utf-8", "replace")
        if outcome is Outcome.NACK:
            return self._returned(receipts, word)
        # the server redelivers by itself after ack_wait, so do not wait long for a connection
        patience = None if outcome is Outcome.ACK else GIVE_BACK_PATIENCE
        return self._confirmed(receipts, word, SETTLE_SECONDS, patience)

    def _returned(self, receipts: Sequence[str], word: bytes) -> list[BaseException | None]:
        """Return messages in the order of the stream, in which the server then redelivers them."""
        if self._pull is not None:
            self._loop.run(self._pull.prepare_return(len(receipts), ENDED_SECONDS), 2 * ENDED_SECONDS)
        order = sorted(range(len(receipts)), key=lambda index: sequence_of(receipts[index]))
        results: list[BaseException | None] = [None] * len(receipts)
        problems = self._confirmed(
            [receipts[index] for index in order], word, SETTLE_SECONDS, GIVE_BACK_PATIENCE
        )
        for index, problem in zip(order, problems, strict=True):
            results[index] = problem
        return results

    def extend(self, receipts: Sequence[Any]) -> list[BaseException | None]:
        return self._confirmed(receipts, b"+WPI", EXTEND_SECONDS, GIVE_BACK_PATIENCE)

    def _confirmed(
        self, receipts: Sequence[Any], word: bytes, timeout: float, patience: float | None
    ) -> list[BaseException | None]:
        """Send an acknowledgement of each message, and wait until the server confirms it."""
        if not receipts:
            return []
        assert self._exchange is not None
        answers = self._loop.run(
            self._exchange.ask([(receipt, word, None) for receipt in receipts], timeout, patience=patience),
            timeout,
        )
        return [self._problem(answer) for answer in answers]

    def _problem(self, answer: Arrived | BaseException) -> BrokerError | None:
        if isinstance(answer, Arrived) and not answer.headers:
            return None
        if isinstance(answer, NoAnswer):
            return AckFailed(
                "the server did not confirm in time; the acknowledgement may have taken effect",
                retryable=True,
            )
        if isinstance(answer, NotSent):
            return Unavailable(str(answer))
        if isinstance(answer, BaseException):
            return translate(answer)
        if (answer.headers or {}).get("Status") == "503":
            return AckFailed(
                f"no server takes acknowledgements for consumer {self._name!r}: the consumer was "
                "deleted, or its server is starting"
            )
        return None

    def stop(self, timeout: float) -> Sequence[Any]:
        """Stop pulling. Messages are returned only then, since an open request would get them again."""
        pull, self._pull = self._pull, None
        if pull is None:
            return ()
        if not self._connection.connected:
            self._loop.run(pull.abandon(), timeout)
            return ()
        return [message.reply for message in self._loop.run(pull.close(timeout), timeout)]

    def close(self, timeout: float) -> None:
        """Leave. The durable consumer stays."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self._loop.run(exchange.close(), timeout)
