"""Many requests at once, each with its own answer, on one inbox. They are made on the event loop only.

They are used to publish (the answer is the stream's confirmation) and to acknowledge with confirmation.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from itertools import count

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from .client_internals import Arrived, arrived
from .connection import JetStreamConnection
from .permission_errors import Refusal

WINDOW_MESSAGES = 4_000
WINDOW_BYTES = 8 * 1024 * 1024
QUIET_SECONDS = 1.0
SILENT_SECONDS = 5.0
"""How long ordered requests may stay without any answer. What a server that is gone had received is lost."""
TICK_SECONDS = 0.1
TIME_IS_UP = "the timeout passed before it could be sent"
NO_CONNECTION = "there is no connection to NATS now; reconnecting"

Request = tuple[str, bytes, "dict[str, str] | None"]
"""A (subject, payload, headers) tuple."""


class NotSent(Exception):
    """The request was not sent. The text says why."""


class NoAnswer(Exception):
    """The request was sent and not answered. It is unknown whether it took effect."""


def unserved(answer: object) -> bool:
    """Return whether a server answered that nothing takes requests of this subject now."""
    return isinstance(answer, Arrived) and not answer.data and (answer.headers or {}).get("Status") == "503"


class RequestMultiplexer:
    """A sender of requests, in order, that collects their answers. Only one `ask` may run at a time."""

    def __init__(self, connection: JetStreamConnection) -> None:
        self._connection = connection
        self._inbox = connection.client.new_inbox()
        self._subscription: Subscription | None = None
        self._calls = count(1)
        self._prefix = ""
        self._answers: list[Arrived | BaseException | None] = []
        self._asked: list[str] = []
        self._sizes: list[int] = []
        self._open = 0
        self._open_bytes = 0
        self._epoch = connection.epoch
        self._wrote_off = self._unserved = False
        self._ordered = self._careful = False
        self._progress = asyncio.Event()

    async def _listen(self) -> None:
        if self._subscription is None:
            client = self._connection.client
            self._subscription = await client.subscribe(
                f"{self._inbox}.>", cb=self._called_back, pending_msgs_limit=0, pending_bytes_limit=0
            )
            client.serve_directly(self._subscription, self._answered)

    async def _called_back(self, message: Msg) -> None:
        self._answered([arrived(message)])

    def _answered(self, messages: list[Arrived]) -> None:
        prefix, length = self._prefix, len(self._prefix)
        for message in messages:
            if message.subject.startswith(prefix):
                row = message.subject[length:]
                # anything may be published to an inbox
                if row.isdecimal() and len(row) < 10 and int(row) < len(self._answers):
                    self._settled(int(row), message)

    def _settled(self, row: int, answer: Arrived | BaseException) -> None:
        if self._answers[row] is None:
            self._answers[row] = answer
            self._unserved = self._unserved or unserved(answer)
            self._open -= 1
            self._open_bytes -= self._sizes[row]
            self._progress.set()

    def _refused(self, refusal: Refusal) -> None:
        """Settle the requests that the server refused, because it does not answer them."""
        for row, subject in enumerate(self._asked):
            if self._answers[row] is None:
                error = refusal.error(subject, self._inbox)
                if error is not None:
                    self._settled(row, error)

    async def ask(
        self,
        requests: Iterable[Request],
        timeout: float,
        *,
        patience: float | None = None,
        ordered: bool = False,
    ) -> list[Arrived | BaseException]:
        """Send requests and return the answer to each.

        Args:
            requests: The requests.
            timeout: How long to wait for all answers, in seconds.
            patience: How long to wait for a connection first, in seconds; None for the whole timeout.
            ordered: Whether to keep the order of requests that are made again: send nothing more once one is
                lost or not served, nor before the first is answered after a call in which that happened.
                Requests are lost with their connection, and with a server that says nothing for
                `SILENT_SECONDS`.

        Returns:
            The answer to each request, or an error in its place: `NotSent`, `NoAnswer`, Unauthorized, or an
            error of nats-py.
        """
        deadline = time.monotonic() + timeout
        if patience is not None and not await self._connection.wait_connected(patience):
            return [NotSent(NO_CONNECTION) for _ in requests]
        await self._listen()
        with self._connection.refusals.listening(self._refused):
            return await self._ask(requests, deadline, ordered)

    async def _ask(
        self, requests: Iterable[Request], deadline: float, ordered: bool
    ) -> list[Arrived | BaseException]:
        self._ordered = ordered
        self._prefix = f"{self._inbox}.{next(self._calls)}."
        self._answers, self._asked, self._sizes = [], [], []
        self._open = self._open_bytes = 0
        self._epoch = self._connection.epoch
        self._wrote_off = self._unserved = late = broken = False
        for row, (subject, payload, headers) in enumerate(requests):
            size = len(payload)
            if self._open >= WINDOW_MESSAGES or (self._open and self._open_bytes + size > WINDOW_BYTES):
                await self._until_room(size, deadline)
                late = time.monotonic() >= deadline
            if ordered and self._careful and row == 1:
                await self._all_answered(deadline)
            broken = broken or (ordered and self._broke())
            # not earlier, so that an unsent request is not written off with the others
            self._sizes.append(size)
            self._answers.append(None)
            self._asked.append(subject)
            problem: BaseException | None
            if late or broken:
                problem = NotSent(
                    "it was not sent, because an earlier message got no answer" if broken else TIME_IS_UP
                )
            else:
                problem = await self._send(subject, payload, headers, f"{self._prefix}{row}", deadline)
            if problem is not None:
                self._answers[row] = problem
            else:
                self._open += 1
                self._open_bytes += size
        await self._all_answered(deadline)
        self._write_off()
        self._careful = self._wrote_off or self._unserved
        self._prefix = f"{self._inbox}.closed."
        return [answer for answer in self._answers if answer is not None]

    async def _send(
        self, subject: str, payload: bytes, headers: dict[str, str] | None, reply: str, deadline: float
    ) -> BaseException | None:
        try:
            if not self._connection.connected and not await self._connection.wait_connected(
                max(0.0, deadline - time.monotonic())
            ):
                return NotSent(NO_CONNECTION)
            await self._connection.client.publish(subject, payload, reply=reply, headers=headers)
        except Exception as error:
            return error
        return None

    def _broke(self) -> bool:
        """Return whether a request of this call was not served, or will never be answered."""
        same_connection = self._connection.connected and self._connection.epoch == self._epoch
        return self._wrote_off or self._unserved or (self._open > 0 and not same_connection)

    async def _until_room(self, size: int, deadline: float) -> None:
        """Wait until half of the window is free or the deadline has passed."""
        while self._open and (
            self._open > WINDOW_MESSAGES // 2 or self._open_bytes + size > max(WINDOW_BYTES // 2, size)
        ):
            if not await self._moves(deadline):
                return

    async def _all_answered(self, deadline: float) -> None:
        """Wait until every request is answered or written off, or the deadline has passed."""
        while self._open and await self._moves(deadline):
            continue

    async def _moves(self, deadline: float) -> bool:
        """Wait for an answer, and return whether one arrived.

        None arrives if the deadline passes or the connection was replaced. Requests that were sent over a
        lost connection are not answered over the next one.
        """
        quiet_until = time.monotonic() + QUIET_SECONDS
        silent_until = time.monotonic() + SILENT_SECONDS
        self._progress.clear()
        while True:
            now = time.monotonic()
            if now >= deadline:
                return False
            # a tick without an answer only checks the state again
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._progress.wait(), min(TICK_SECONDS, deadline - now))
            if self._progress.is_set():
                return True
            now = time.monotonic()
            if not self._connection.connected:
                quiet_until, silent_until = now + QUIET_SECONDS, now + SILENT_SECONDS
                continue
            replaced = self._connection.epoch != self._epoch and now > quiet_until
            if replaced or (self._ordered and now > silent_until):
                self._write_off()
                return False

    def _write_off(self) -> None:
        """Settle all unanswered requests with `NoAnswer`."""
        for row, answer in enumerate(self._answers):
            if answer is None:
                self._answers[row] = NoAnswer("no answer was received")
                self._wrote_off = True
        self._open = self._open_bytes = 0
        self._epoch = self._connection.epoch

    async def close(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            self._connection.client.leave(subscription)
            # its answers are no longer needed, and a lost connection has no subscriptions
            with contextlib.suppress(Exception):
                await subscription.unsubscribe()
