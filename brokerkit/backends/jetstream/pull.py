"""Pull requests to a consumer. They are made on the event loop only.

A request asks the server for a number of messages within some time. Messages that arrive are never dropped;
they are kept until they are taken.

The server keeps returned messages in a queue. It sends them to a request that is open at once, and moves the
first to the end of the queue if no request can take it: if the request expired, its subscription is gone, or
the message is larger than what is left of `max_bytes`. So that they are redelivered in order:

- a request of `take` ends with `take`, and `ended` waits for one that has not ended yet;
- while returned messages may be in the queue, requests ask for few messages, without `max_bytes`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound, Unavailable

from .client_internals import Arrived, arrived
from .codec import delivered_first
from .connection import JetStreamConnection, log
from .permission_errors import Refusal

EXPIRES_SECONDS = 1.0
SHORTEST_SECONDS = 0.02
HURRIED_SECONDS = 1.0
HURRIED_EXPIRES_SECONDS = 0.05
"""Messages are returned one by one while another thread waits for some, and each waits for its request."""
LOST_SECONDS = 0.5
RETRY_SECONDS = 0.1
MAX_BATCH = 10_000
MAX_BYTES = 16 * 1024 * 1024
MAX_REDELIVERED_BYTES = 64 * 1024 * 1024
_NANOSECONDS = 1_000_000_000

_REPLY = attrgetter("reply")

HEARTBEAT = "100"
NO_RESPONDERS = "503"
ENDED = ("404", "408")
ENDED_TEXTS = ("batch completed", "message size exceeds maxbytes")
LATER_TEXTS = ("leadership change", "server shutdown", "exceeded maxwaiting")


class Pull:
    """The messages of a pull consumer.

    Args:
        connection: The connection.
        stream: The name of the stream.
        consumer: The name of the consumer.
        config: The configuration of the consumer.
        ahead: Make a further request while at most this many messages are still to come. Without it, a
            request expires with the call that made it.
        redelivered: How many messages the server may have to redeliver.
    """

    def __init__(
        self,
        connection: JetStreamConnection,
        stream: str,
        consumer: str,
        config: Mapping[str, Any],
        *,
        ahead: int = 0,
        redelivered: int = 0,
    ) -> None:
        self._connection = connection
        self._subject = f"{connection.api_prefix}.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._name = consumer
        self._inbox = connection.client.new_inbox()
        self._ahead = ahead
        limits = (config.get("max_batch"), config.get("max_ack_pending"))
        self._max_batch = min([MAX_BATCH, *(limit for limit in limits if limit and limit > 0)])
        self._max_expires = config.get("max_expires") or int(EXPIRES_SECONDS * _NANOSECONDS)
        largest = connection.client.max_payload
        self._max_bytes = config.get("max_bytes") or max(MAX_BYTES, 2 * largest)
        self._redelivered_batch = max(1, min(self._max_batch, MAX_REDELIVERED_BYTES // largest))
        self._redelivered = redelivered
        self._few = False
        self._returned_at = 0.0
        self._subscription: Subscription | None = None
        self._messages: list[Arrived] = []
        self._changed = asyncio.Event()
        self._live: set[str] = set()
        self._number = 0
        self._to_come = 0
        self._lost_at = 0.0
        self._retry_at = 0.0
        self._epoch = connection.epoch
        self._error: BrokerError | None = None
        self._woken = False

    async def open(self) -> None:
        """Subscribe to the inbox, without limits, because the requests have limits."""
        self._connection.refusals.listen(self._refused)
        self._subscription = await self._connection.client.subscribe(
            f"{self._inbox}.*", cb=self._called_back, pending_msgs_limit=0, pending_bytes_limit=0
        )
        self._connection.client.serve_directly(self._subscription, self._arrived)

    @property
    def waiting(self) -> list[Arrived]:
        """The messages that arrived and were not taken."""
        return self._messages

    async def _called_back(self, message: Msg) -> None:
        self._arrived([arrived(message)])

    def _arrived(self, messages: list[Arrived]) -> None:
        if not self._few and all(map(_REPLY, messages)):
            self._messages += messages
            self._to_come -= len(messages)
            messages = []
        for message in messages:
            if message.reply:
                self._messages.append(message)
                self._to_come -= 1
                # the server sends new messages only once it has redelivered all that were returned
                if self._few:
                    self._redelivered = 0 if delivered_first(message.reply) else self._redelivered - 1
            else:
                self._status(message)
        self._changed.set()

    def _refused(self, refusal: Refusal) -> None:
        error = refusal.error(self._subject, self._inbox)
        if error is not None:
            self._error = error
            self._changed.set()

    def _status(self, message: Arrived) -> None:
        """Handle a message of the server that a request ended or could not be served."""
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
            self._redelivered = 0 if self._few else self._redelivered
            return
        if lowered.startswith(LATER_TEXTS):
            self._retry_at = time.monotonic() + RETRY_SECONDS
        elif status == NO_RESPONDERS:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self._error = NotServed(f"the consumer {self._name!r} is not served now")
        elif "deleted" in lowered:
            self._error = NotFound(f"the consumer {self._name!r} was deleted while it was read")
        else:
            self._error = ConfigError(f"the consumer {self._name!r} refused a request: {status} {text}")

    async def take(self, limit: int, wait: float) -> list[Arrived]:
        """Return the messages that arrived, or wait for the first ones and return them.

        Args:
            limit: The most messages to request.
            wait: How long to wait, in seconds.

        Returns:
            The messages; an empty list if none arrived in time.

        Raises:
            ConfigError: The consumer refused the request.
            NotFound: The consumer was deleted.
            NotServed: No server serves the consumer now.
            Unauthorized: The user is not permitted to pull.
        """
        left, first = wait, True
        deadline = time.monotonic() + wait
        while not self._messages:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            self._changed.clear()
            if first or left > 0:
                await self._request(limit, left)
                first = False
            left = deadline - time.monotonic()
            # a request ends with the call that made it, shortly after
            ending = RETRY_SECONDS if not self._ahead and self._to_follow else 0.0
            if left + ending <= 0 or self._woken:
                break
            await self._change(left + ending)
        self._woken = False
        if self._messages and self._ahead:
            await self._request(limit, EXPIRES_SECONDS)
        taken, self._messages = self._messages, []
        return taken

    async def _change(self, timeout: float) -> None:
        """Wait for a message, but not longer than until the state is to be checked again."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), min(timeout, RETRY_SECONDS))

    @property
    def _to_follow(self) -> bool:
        """Whether messages of a request are still to come."""
        same_connection = self._connection.connected and self._epoch == self._connection.epoch
        return self._to_come > 0 and bool(self._live) and same_connection and time.monotonic() < self._lost_at

    async def ended(self, timeout: float) -> None:
        """Wait until no request is open, or `timeout` seconds have passed."""
        deadline = time.monotonic() + timeout
        while self._to_follow and time.monotonic() < deadline:
            self._changed.clear()
            await self._change(deadline - time.monotonic())

    async def prepare_return(self, messages: int, timeout: float) -> None:
        """Wait until messages can be returned without being sent to a request that is open."""
        await self.ended(timeout)
        self._returned_at = time.monotonic()
        self._redelivered = max(0, self._redelivered) + messages

    def wake(self) -> None:
        """Make a waiting `take` return early."""
        self._woken = True
        self._changed.set()

    async def _request(self, limit: int, wait: float) -> None:
        """Request more messages, unless enough are requested."""
        now = time.monotonic()
        if self._epoch != self._connection.epoch:
            # the server drops the requests of a lost connection
            self._epoch = self._connection.epoch
            self._to_come = 0
        if now >= self._lost_at and self._live:
            self._live.clear()
            self._to_come = 0
        if self._to_come > self._ahead or now < self._retry_at or not self._connection.connected:
            return
        self._few = self._redelivered > 0
        batch = max(1, min(limit, self._redelivered_batch if self._few else self._max_batch))
        if now < self._returned_at + HURRIED_SECONDS:
            wait = min(wait, HURRIED_EXPIRES_SECONDS)
        seconds = EXPIRES_SECONDS if self._ahead or self._few else max(SHORTEST_SECONDS, wait)
        expires = min(int(seconds * _NANOSECONDS), self._max_expires)
        self._number += 1
        number = str(self._number)
        if not self._ahead:
            self._live.clear()
        self._live.add(number)
        self._to_come = max(0, self._to_come) + batch
        self._lost_at = now + expires / _NANOSECONDS + LOST_SECONDS
        body: dict[str, Any] = {"batch": batch, "expires": expires}
        # with no_wait a request also ends once nothing is left to be delivered
        body.update({"no_wait": True} if self._few else {"max_bytes": self._max_bytes})
        await self._connection.client.publish(
            self._subject, json.dumps(body).encode(), reply=f"{self._inbox}.{number}"
        )

    async def close(self, timeout: float) -> list[Arrived]:
        """Unsubscribe, and return all messages that were delivered before that took effect."""
        await self.ended(timeout / 2)
        self._connection.refusals.leave(self._refused)
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                # the callback never waits, so draining takes only a round trip
                await asyncio.wait_for(subscription.drain(), timeout / 2)  # type: ignore[no-untyped-call]  # nats-py's
            except Exception as error:
                log.info("the inbox of consumer %s could not be drained: %s", self._name, error)
            self._connection.client.leave(subscription)
        taken, self._messages = self._messages, []
        return taken

    async def abandon(self) -> None:
        """Unsubscribe, and discard all messages."""
        self._connection.refusals.leave(self._refused)
        subscription, self._subscription = self._subscription, None
        self._messages = []
        if subscription is not None:
            # on a lost connection there is nothing to unsubscribe from
            with contextlib.suppress(nats_errors.Error):
                await subscription.unsubscribe()
            self._connection.client.leave(subscription)


class NotServed(Unavailable):
    """No server serves the consumer: the consumer was deleted, or its server is starting."""
