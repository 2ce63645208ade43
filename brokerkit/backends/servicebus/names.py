"""The names of entities: queues, topics, subscriptions, and their sub-queues."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from brokerkit.core.vocabulary.errors import ConfigError

DEAD_LETTERS = "$deadletterqueue"
TRANSFER_DEAD_LETTERS = "$transfer/$deadletterqueue"
SUB_QUEUES = (DEAD_LETTERS, TRANSFER_DEAD_LETTERS)

_PARTS = re.compile(
    r"(?P<name>.+?)(?:/subscriptions/(?P<subscription>[^/]+))?"
    r"(?:/(?P<sub_queue>\$deadletterqueue|\$transfer/\$deadletterqueue))?",
    re.IGNORECASE,
)
_WIRE = {DEAD_LETTERS: "$DeadLetterQueue", TRANSFER_DEAD_LETTERS: "$Transfer/$DeadLetterQueue"}
_FORBIDDEN = re.compile(r"[\\?#*@\x00-\x1f]|//|^/|/$")
MAX_NAME = 260


@dataclass(frozen=True)
class EntityName:
    """The name of an entity that messages are sent to or taken from.

    Attributes:
        name: The queue or topic.
        subscription: The subscription of the topic, if it is one.
        sub_queue: One of `SUB_QUEUES`, if it is one.
    """

    name: str
    subscription: str | None = None
    sub_queue: str | None = None

    @classmethod
    def parse(cls, topic: str, subscription: str | None = None) -> EntityName:
        """Parse ``NAME`` or ``NAME/Subscriptions/SUB``, each with or without a sub-queue behind it.

        Args:
            topic: The name as users write it.
            subscription: The subscription of the topic, if the name does not hold it.

        Raises:
            ConfigError: The name is not valid.
        """
        match = _PARTS.fullmatch(topic)
        if match is None or _FORBIDDEN.search(topic) or len(topic) > 2 * MAX_NAME:
            raise ConfigError(
                f"{topic!r} cannot be a name here: expected a queue or topic, TOPIC/Subscriptions/NAME, "
                f"or one of these followed by /{DEAD_LETTERS} or /{TRANSFER_DEAD_LETTERS}"
            )
        sub_queue = match["sub_queue"]
        found = cls(match["name"], match["subscription"], sub_queue and sub_queue.lower())
        if subscription is None:
            return found
        if found.subscription is not None and found.subscription.lower() != subscription.lower():
            raise ConfigError(
                f"{topic!r} names the subscription {found.subscription!r} already; leave subscription= out"
            )
        if "/" in subscription or _FORBIDDEN.search(subscription):
            raise ConfigError(f"{subscription!r} cannot be the name of a subscription")
        return replace(found, subscription=subscription)

    @property
    def owner(self) -> EntityName:
        """The queue or subscription that a sub-queue belongs to, or else the entity itself."""
        return replace(self, sub_queue=None)

    def _path(self, sub_queue: str | None) -> str:
        parts = [self.name]
        if self.subscription is not None:
            parts += ["Subscriptions", self.subscription]
        if sub_queue is not None:
            parts.append(sub_queue)
        return "/".join(parts)

    @property
    def address(self) -> str:
        """The address of the entity on the links of the service."""
        return self._path(self.sub_queue and _WIRE[self.sub_queue])

    def __str__(self) -> str:
        """Return the entity as users write it."""
        return self._path(self.sub_queue)
