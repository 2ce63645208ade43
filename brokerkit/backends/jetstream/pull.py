"""Pull requests to a consumer. They are made on the event loop only.

A request asks the server for a number of messages within some time. Messages that arrive are never dropped;
they are kept until they are taken. Requests expire soon, so that no messages are captured long after the last
call.
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

from .connection import JetStreamConnection, log
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
    """The messages of a pull consumer.

    Args:
        connection: The connection.
        stream: The name of the stream.
        consumer: The name of the consumer.
        config: The configuration of the consumer.
        ahead: Make a further request while at most this many messages are still to come.
    """

    def __init__(
        self,
        connection: JetStreamConnection,
        stream: str,
        consumer: str,
        config: Mapping[str, Any],
        *,
        ahead: int = 0,
    ) -> None:
        self._connection = connection
        self._subject = f"{connection.api_prefix}.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._name = consumer
        self._inbox = connection.client.new_inbox()
        self._ahead = ahead
        self._max_batch = min(MAX_BATCH, config.get("max_batch") or MAX_BATCH)
        expires = int(EXPIRES_SECONDS * _NANOSECONDS)
        self._expires = min(expires, config.get("max_expires") or expires)
        self._max_bytes = config.get("max_bytes") or max(MAX_BYTES, 2 * connection.client.max_payload)
        self._subscription: Subscription | None = None
        self._messages: list[Msg] = []
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
    def waiting(self) -> list[Msg]:
        """The messages that arrived and were not taken."""
        return self._messages

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

    async def take(self, limit: int, wait: float) -> list[Msg]:
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
        deadline = time.monotonic() + wait
        while not self._messages:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            self._changed.clear()
            await self._request(limit)
            left = deadline - time.monotonic()
            if left <= 0 or self._woken:
                break
            # a wait that times out only checks the state again
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(left, RETRY_SECONDS))
        self._woken = False
        taken, self._messages = self._messages, []
        if taken and self._ahead:
            await self._request(limit)
        return taken

    def wake(self) -> None:
        """Make a waiting `take` return early."""
        self._woken = True
        self._changed.set()

    async def _request(self, limit: int) -> None:
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
        batch = max(1, min(limit, self._max_batch))
        self._number += 1
        number = str(self._number)
        if not self._ahead:
            self._live.clear()
        self._live.add(number)
        self._to_come = max(0, self._to_come) + batch
        self._lost_at = now + self._expires / _NANOSECONDS + LOST_SECONDS
        body = {"batch": batch, "expires": self._expires, "max_bytes": self._max_bytes}
        await self._connection.client.publish(
            self._subject, json.dumps(body).encode(), reply=f"{self._inbox}.{number}"
        )

    async def close(self, timeout: float) -> list[Msg]:
        """Unsubscribe, and return all messages that were delivered before that took effect."""
        self._connection.refusals.leave(self._refused)
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                # the callback never waits, so draining takes only a round trip
                await asyncio.wait_for(subscription.drain(), timeout)  # type: ignore[no-untyped-call]  # nats-py's
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
