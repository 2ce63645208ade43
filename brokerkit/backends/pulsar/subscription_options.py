"""The options of subscriptions and their consumers, and attaching with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulsar

from brokerkit.core.contract.forked import keep_in_child
from brokerkit.core.contract.options import COUNT, SECONDS, Option, OptionTable, choice, text
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.core.vocabulary.errors import ConfigError, NotSupported

from .connection import PulsarConnection
from .names import check_subscription

TYPES = {
    "shared": pulsar.ConsumerType.Shared,
    "key_shared": pulsar.ConsumerType.KeyShared,
    "exclusive": pulsar.ConsumerType.Exclusive,
    "failover": pulsar.ConsumerType.Failover,
}
COUNTING = frozenset({"shared", "key_shared"})
"""The types with which several consumers share a topic and deliveries are counted."""
DEFAULT_TYPES: Mapping[Model, str] = {"message": "shared", "record": "failover"}
SUBSCRIPTION_OPTIONS = OptionTable(
    {
        "subscription_type": Option(
            choice(*TYPES),
            "shared (the default for messages), key_shared, exclusive or failover (for records)",
        ),
        "nack_delay": Option(SECONDS, "seconds until a returned message is redelivered"),
        "prefetch": Option(
            COUNT, "number of messages to prefetch; other consumers do not get them meanwhile"
        ),
        "max_redeliveries": Option(COUNT, "number of redeliveries before a message is dead-lettered"),
        "dead_letter_topic": Option(text, "topic of the dead letters (default: TOPIC-SUBSCRIPTION-DLQ)"),
        "consumer_name": Option(text, "name of this consumer on the broker"),
    }
)


class SubscriptionOptions:
    """The checked options of one consumer.

    Attributes:
        type: The subscription type, a key of `TYPES`.
        counts: Whether deliveries are counted.
        name: The name of the consumer, if one was given.
        prefetch: How many messages of each partition it holds ready, if a number was given.
    """

    def __init__(self, connection: PulsarConnection, model: Model, options: Mapping[str, Any]) -> None:
        given = SUBSCRIPTION_OPTIONS.read(options)
        self.type = given["subscription_type"] or DEFAULT_TYPES[model]
        if model == "record" and self.type in COUNTING:
            raise NotSupported(
                f"records are acknowledged up to a position, which a {self.type} subscription does not have: "
                'use model="message", or a subscription_type of failover or exclusive'
            )
        self.counts = self.type in COUNTING
        self.name = given["consumer_name"]
        delay, prefetch = given["nack_delay"], given["prefetch"]
        self.nack_delay = connection.options.nack_delay if delay is None else delay
        self.prefetch = connection.options.prefetch if prefetch is None else prefetch
        self.dead_letters = _dead_letters(given)

    def subscribe(
        self,
        connection: PulsarConnection,
        topic: str,
        subscription: str,
        prefetch: int,
        **more: Any,
    ) -> Any:
        """Return a consumer of the library. Blocks until it is attached.

        Args:
            connection: The connection.
            topic: The full name of the topic.
            subscription: The name of the subscription.
            prefetch: How many messages of each partition it holds ready.
            more: Further arguments of the library.
        """
        check_subscription(subscription)
        return keep_in_child(
            connection.client.subscribe(
                topic,
                subscription,
                TYPES[self.type],
                receiver_queue_size=prefetch,
                consumer_name=self.name,
                negative_ack_redelivery_delay_ms=round(1000 * self.nack_delay),
                # without this, returning one message of a batch would redeliver the whole batch
                batch_index_ack_enabled=True,
                dead_letter_policy=self.dead_letters,
                **more,
            )
        )


def _dead_letters(given: Mapping[str, Any]) -> Any:
    limit, topic = given["max_redeliveries"], given["dead_letter_topic"]
    if limit is None:
        if topic is not None:
            raise ConfigError("dead_letter_topic goes with max_redeliveries=")
        return None
    return pulsar.ConsumerDeadLetterPolicy(limit, topic)
