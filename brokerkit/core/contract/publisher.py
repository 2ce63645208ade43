"""The contract for publishers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from ..vocabulary.errors import NotSupported
from ..vocabulary.messages import OutboundMessage
from ..vocabulary.results import PublishResult
from ..vocabulary.settled_offsets import SettledOffsets


class PublisherDriver(ABC):
    """A publisher to any topic of a connection.

    Made by `Driver.publisher`. The thread of the publisher makes every call, `close` last. For `begin`,
    `send_positions`, `commit` and `abort` the caller waits for five seconds longer than `timeout`, and then
    gets `Unavailable` while the call goes on. None of the four is repeated.
    """

    most_messages = 5_000
    """How many messages `send` takes at once, where `Capabilities.max_batch` is not less."""

    @abstractmethod
    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> Sequence[PublishResult]:
        """Send messages in order. Return the outcome of each, in the same order.

        Return the status ``failed`` only if the message was surely not stored, and ``unknown`` in doubt,
        because a failed message is sent again if its error is retryable. A message of unknown outcome is
        sent again only with the same `dedup_id`, if its error is retryable and `known_again` allows it.
        A message is not sent again once a later one of its key or partition was stored. There are 0.1 s
        to 1 s between attempts, until the caller's timeout. Errors in results must be instances of
        `BrokerError`.

        An error that is raised, or a result of another length, makes every outcome ``unknown``. The
        same rules say whether the messages are sent again.

        Args:
            batch: (topic, message) pairs, possibly of several callers and topics: at least one,
                `most_messages` or `Capabilities.max_batch` at most, and 16 MB of payload unless a single
                message is larger. Each agrees with the capabilities, and has a `dedup_id` where
                `Capabilities.dedup_ids` is true. Rows of a frame are `TopicRows`, which makes a message each
                time that one is asked for; a driver may read its columns instead.
            timeout: Seconds that the call may take, 0.1 at least. A caller waits for five seconds longer
                than its own timeout, and then reports its outcomes as unknown.
        """

    def known_again(self, topic: str, timeout: float) -> float | None:
        """Return for how many seconds `topic` remembers a `dedup_id`. None if that cannot be asked now.

        Called before messages of unknown outcome are sent again, only where `Capabilities.dedup_ids` is
        true. After None or a retryable error it is asked again before the next attempt. After any other
        error the messages are not sent again.

        Args:
            timeout: Seconds that the call may take, from 0.1 to 2.
        """
        return math.inf

    def begin(self, timeout: float) -> None:
        """Begin a transaction.

        Called only for a publisher with a transactional id, outside a transaction. An error is raised to
        the caller, and no transaction has begun.
        """
        raise NotSupported("this system has no transactions")

    def commit(self, timeout: float) -> None:
        """Commit the open transaction, and return after the broker confirmed it.

        An error is raised to the caller. The transaction is then still open for the portable half, which
        may call `commit` again or `abort`.
        """
        raise NotSupported("this system has no transactions")

    def abort(self, timeout: float) -> None:
        """Abort the open transaction, also after a `commit` that raised.

        An error is raised to the caller, and the transaction is still open. Also called before `close`
        when a transaction is open; what it raises then is ignored.
        """
        raise NotSupported("this system has no transactions")

    def send_positions(
        self,
        topic: str,
        subscription: str,
        settled: Mapping[int | None, SettledOffsets],
        timeout: float,
    ) -> None:
        """Make the positions of a subscription in a topic part of the open transaction.

        Called where there are transactions and `DeadLetterPlace.removal` is "position". An error is raised
        to the caller, who aborts the transaction.
        """
        raise NotSupported("positions are not part of transactions here")

    def close(self, timeout: float) -> None:
        """Let go of everything, after all that was being published has an outcome or ran out of time.

        The last call, made once. What it raises is ignored. The caller waits no longer than `timeout`.
        """
        return
