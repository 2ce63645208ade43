"""The contract for purging: removing messages from topics, queues and the backlogs of subscriptions."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence

from ..vocabulary.errors import BrokerError, NotSupported
from ..vocabulary.purging import PurgePlan


class PurgingDriver(ABC):  # noqa: B024 - a driver overrides what `Capabilities.purges` names
    """A remover of messages.

    Made by `Driver.purging`, once per connection, where `Capabilities.lacks` does not name "purge". One
    thread makes every call, `close` last. The caller waits for a second longer than the `timeout` that it
    passes, and then gets `Unavailable`. Errors are raised to the caller, and nothing is repeated. Which
    methods are called depends on `Capabilities.purges`.
    """

    at_once = 100
    """How many messages one call of `remove` is for, at most."""

    def check(self, plan: PurgePlan, timeout: float) -> tuple[str, ...]:
        """Return what a user should know before the purge is carried out. It changes nothing.

        Raises:
            NotSupported: The topic does not allow it; the text names the nearest thing that it does.
        """
        return ()

    def cut(self, topic: str, targets: Mapping[int | None, int], timeout: float) -> int | None:
        """Remove what lies before a position, in each of some partitions; for the kind "log".

        The portable half looks at what is left.

        Returns:
            How many messages were removed, or None if the system does not say.
        """
        raise NotSupported("this driver cuts no topics")

    def remove(
        self, topic: str, places: Sequence[tuple[int | None, int]], timeout: float
    ) -> list[BrokerError | None]:
        """Remove single messages, and return the error of each or None; for the kind "messages".

        Called with `at_once` messages at most. The error is NotFound for a message that is not there any
        more, and one that is retryable where it is not known whether it was removed.

        Args:
            topic: The name of the topic.
            places: The partition and position of each.
            timeout: Seconds that it may take.
        """
        raise NotSupported("this driver removes no single messages")

    def waiting(self, topic: str, moment: int | None, timeout: float) -> int:
        """Return how many messages `take_out` would remove; for the kind "queue"."""
        raise NotSupported("this driver empties no queues")

    def take_out(self, topic: str, moment: int | None, most: int, timeout: float) -> int:
        """Remove some messages that wait in a queue, and return how many; for the kind "queue".

        Called until it returns 0 or everything is removed that the plan counted.

        Args:
            topic: The name of the queue.
            moment: Only messages that were enqueued before it, in microseconds since 1970. None for all.
            most: At most so many.
            timeout: Seconds that it may take.
        """
        raise NotSupported("this driver empties no queues")

    def empty(self, topic: str, timeout: float) -> None:
        """Remove everything from a topic at once; for the kind "everything"."""
        raise NotSupported("this driver empties no topics")

    def close(self, timeout: float) -> None:
        """Let go of everything. The last call, made once. What it raises is ignored."""
        return
