"""The options of subscriptions and their consumers, and attaching with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulsar

from brokerkit.core.contract.forked import keep_in_child
from brokerkit.core.contract.options import check_options
from brokerkit.core.vocabulary.arguments import as_integer
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported

from .admin import check_subscription
from .connection import PulsarConnection
from .options import count, seconds

TYPES = {
    "shared": pulsar.ConsumerType.Shared,
    "key_shared": pulsar.ConsumerType.KeyShared,
    "exclusive": pulsar.ConsumerType.Exclusive,
    "failover": pulsar.ConsumerType.Failover,
}
COUNTING = frozenset({"shared", "key_shared"})
"""The types with which several consumers share a topic and deliveries are counted."""
DEFAULT_TYPES: Mapping[Model, str] = {"message": "shared", "record": "failover"}
KNOWN: Mapping[str, str] = {
    "subscription_type": "shared (the default for messages), key_shared, exclusive or failover (for records)",
    "nack_delay": "seconds until a message that was given back comes again",
    "prefetch": "messages that are held ready; others cannot have them meanwhile",
    "max_redeliveries": "how often a message is delivered again before it goes to the dead letters",
    "dead_letter_topic": "where it goes then (default: TOPIC-SUBSCRIPTION-DLQ)",
    "consumer_name": "how the broker calls this consumer",
}


class SubscriptionOptions:
    """The checked options of one consumer.

    Attributes:
        type: The subscription type, a key of `TYPES`.
        counts: Whether deliveries are counted.
        name: The name of the consumer, if one was given.
    """

    def __init__(self, connection: PulsarConnection, model: Model, options: Mapping[str, Any]) -> None:
        given = check_options(options, KNOWN)
        self.type = str(given.get("subscription_type") or DEFAULT_TYPES[model]).lower().replace("-", "_")
        if self.type not in TYPES:
            raise ConfigError(f"subscription_type must be one of {', '.join(TYPES)}, not {self.type!r}")
        if model == "record" and self.type in COUNTING:
            raise NotSupported(
                f"records are acknowledged up to a position, which a {self.type} subscription does not have: "
                'use model="message", or a subscription_type of failover or exclusive'
            )
        self.counts = self.type in COUNTING
        self.name = given.get("consumer_name")
        self.nack_delay = seconds(given, "nack_delay", connection.options.nack_delay)
        self.prefetch = count(given, "prefetch", connection.options.prefetch)
        self.dead_letters = _dead_letters(given)

    def subscribe(
        self,
        connection: PulsarConnection,
        topic: str,
        subscription: str,
        prefetch: int | None = None,
        **more: Any,
    ) -> Any:
        """Return a consumer of the library. Blocks until it is attached.

        Args:
            connection: The connection.
            topic: The full name of the topic.
            subscription: The name of the subscription.
            prefetch: As in `KNOWN`.
            more: Further arguments of the library.
        """
        check_subscription(subscription)
        return keep_in_child(
            connection.client.subscribe(
                topic,
                subscription,
                TYPES[self.type],
                receiver_queue_size=self.prefetch if prefetch is None else prefetch,
                consumer_name=self.name,
                negative_ack_redelivery_delay_ms=round(1000 * self.nack_delay),
                # without this, giving back one message of a batch would give back the whole batch
                batch_index_ack_enabled=True,
                dead_letter_policy=self.dead_letters,
                **more,
            )
        )


def _dead_letters(given: Mapping[str, Any]) -> Any:
    most = given.get("max_redeliveries")
    if most is None:
        if given.get("dead_letter_topic") is not None:
            raise ConfigError("dead_letter_topic goes with max_redeliveries=")
        return None
    number = as_integer(most)
    if number is None or number < 1:
        raise ConfigError(f"max_redeliveries must be a positive integer, not {most!r}")
    return pulsar.ConsumerDeadLetterPolicy(number, given.get("dead_letter_topic"))
