"""Pulling from one consumer into an inbox of our own. Lives on the loop.

A request asks the server for some messages within some time. Nothing that arrives is ever dropped:
it stays in the inbox until somebody takes it. No request outlives its short expiry, so nothing is
captured long after the demand has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any

from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound, Unavailable

from .connection import NatsConnection, log
from .permission_errors import Refusal

EXPIRES_SECONDS = 1.0
LOST_SECONDS = 0.5
RETRY_SECONDS = 0.1
MAX_BATCH = 10_000
MAX_BYTES = 16 * 1024 * 1024
_NANOSECONDS = 1_000_000_000

HEARTBEAT = "100"
NO_RESPONDERS = "503"
ENDED = ("404", "408")
ENDED_TEXTS = ("batch completed", "message size exceeds maxbytes")
LATER_TEXTS = ("leadership change", "server shutdown", "exceeded maxwaiting")


class Pull:
    """Messages of one pull consumer.

    ahead: a further request is made while at most so many messages are still to come.
    """

    def __init__(
        self, link: NatsConnection, stream: str, consumer: str, config: Mapping[str, Any], *, ahead: int = 0
    ) -> None:
        self._link = link
        self._subject = f"{link.api_prefix}.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._name = consumer
        self._inbox = link.client.new_inbox()
        self._ahead = ahead
        self._max_batch = min(MAX_BATCH, config.get("max_batch") or MAX_BATCH)
        expires = int(EXPIRES_SECONDS * _NANOSECONDS)
        self._expires = min(expires, config.get("max_expires") or expires)
        self._max_bytes = config.get("max_bytes") or max(MAX_BYTES, 2 * link.client.max_payload)
        self._subscription: Subscription | None = None
        self._messages: list[Msg] = []
        self._changed = asyncio.Event()
        self._live: set[str] = set()
        self._number = 0
        self._to_come = 0
        self._lost_at = 0.0
        self._retry_at = 0.0
        self._epoch = link.epoch
        self._error: BrokerError | None = None
        self._woken = False

    async def open(self) -> None:
        """Listen on the inbox; nothing in it has a limit, because requests do."""
        self._link.refusals.listen(self._refused)
        self._subscription = await self._link.client.subscribe(
            f"{self._inbox}.*", cb=self._called_back, pending_msgs_limit=0, pending_bytes_limit=0
        )
        self._link.client.serve_directly(self._subscription, self._arrived)

    @property
    def waiting(self) -> list[Msg]:
        """What arrived and was not taken."""
        return self._messages

    @property
    def requested(self) -> bool:
        """Whether the server may still deliver for a request of ours."""
        return self._to_come > 0 and time.monotonic() < self._lost_at

    async def _called_back(self, message: Msg) -> None:
        self._arrived(message)

    def _arrived(self, message: Msg) -> None:
        if message.reply:
            self._messages.append(message)
            self._to_come -= 1
        else:
            self._status(message)
        self._changed.set()

    def _refused(self, refusal: Refusal) -> None:
        error = refusal.error(self._subject, self._inbox)
        if error is not None:
            self._error = error
            self._changed.set()

    def _status(self, message: Msg) -> None:
        """A request has ended, or could not be served."""
        headers = message.headers or {}
        status = headers.get("Status", "")
        number = message.subject.rpartition(".")[2]
        if status == HEARTBEAT or number not in self._live:
            return
        self._live.discard(number)
        left = headers.get("Nats-Pending-Messages", "")
        self._to_come = max(0, self._to_come - int(left)) if self._live and left.isdigit() else 0
        text = headers.get("Description", "")
        lowered = text.lower()
        if status in ENDED or lowered.startswith(ENDED_TEXTS):
            return
        if lowered.startswith(LATER_TEXTS):
            self._retry_at = time.monotonic() + RETRY_SECONDS
        elif status == NO_RESPONDERS:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self._error = NotServed(f"nobody serves the consumer {self._name!r} now")
        elif "deleted" in lowered:
            self._error = NotFound(f"the consumer {self._name!r} was deleted while it was read")
        else:
            self._error = ConfigError(f"the consumer {self._name!r} refused a request: {status} {text}")

    async def take(self, most: int, wait: float) -> list[Msg]:
        """What is there, else what comes first within `wait` seconds; empty when nothing came."""
        deadline = time.monotonic() + wait
        while not self._messages:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            self._changed.clear()
            await self._request(most)
            left = deadline - time.monotonic()
            if left <= 0 or self._woken:
                break
            # a wait that ends with nothing only looks again
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(left, RETRY_SECONDS))
        self._woken = False
        taken, self._messages = self._messages, []
        if taken and self._ahead:
            await self._request(most)
        return taken

    def wake(self) -> None:
        """Have a waiting `take` return early."""
        self._woken = True
        self._changed.set()

    async def _request(self, most: int) -> None:
        """Ask for more, unless enough is under way."""
        now = time.monotonic()
        if self._epoch != self._link.epoch:
            # the server forgets the requests of a connection that was lost
            self._epoch = self._link.epoch
            self._to_come = 0
        if now >= self._lost_at and self._live:
            self._live.clear()
            self._to_come = 0
        if self._to_come > self._ahead or now < self._retry_at or not self._link.connected:
            return
        batch = max(1, min(most, self._max_batch))
        self._number += 1
        number = str(self._number)
        if not self._ahead:
            self._live.clear()
        self._live.add(number)
        self._to_come = max(0, self._to_come) + batch
        self._lost_at = now + self._expires / _NANOSECONDS + LOST_SECONDS
        body = {"batch": batch, "expires": self._expires, "max_bytes": self._max_bytes}
        await self._link.client.publish(
            self._subject, json.dumps(body).encode(), reply=f"{self._inbox}.{number}"
        )

    async def close(self, timeout: float) -> list[Msg]:
        """Stop listening, and return everything that was delivered before the server knew."""
        self._link.refusals.leave(self._refused)
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                # the callback never waits, so that drain only takes a round trip
                await asyncio.wait_for(subscription.drain(), timeout)  # type: ignore[no-untyped-call]  # nats-py's
            except Exception as error:
                log.info("the inbox of consumer %s could not be drained: %s", self._name, error)
            self._link.client.leave(subscription)
        taken, self._messages = self._messages, []
        return taken

    async def abandon(self) -> None:
        """Stop listening; what is on its way is of no use to anybody."""
        self._link.refusals.leave(self._refused)
        subscription, self._subscription = self._subscription, None
        self._messages = []
        if subscription is not None:
            # on a lost connection there is nothing to unsubscribe
            with contextlib.suppress(nats_errors.Error):
                await subscription.unsubscribe()
            self._link.client.leave(subscription)


class NotServed(Unavailable):
    """Nobody serves the consumer: it is gone, or its server is starting."""
