"""The options of topics and subscriptions. A connection has none."""

from __future__ import annotations

from brokerkit.core.contract.options import (
    COUNT,
    POSITIVE_SECONDS,
    SECONDS,
    Option,
    OptionTable,
    flag,
    text,
    whole,
)

TOPIC_OPTIONS = OptionTable(
    {
        "partitions": Option(COUNT, "number of partitions", 1),
        "retention_seconds": Option(SECONDS, "seconds after which messages are deleted"),
        "retention_messages": Option(whole(least=0), "maximum number of messages kept in each partition"),
    }
)
SUBSCRIPTION_OPTIONS = OptionTable(
    {
        "ack_deadline": Option(
            POSITIVE_SECONDS, "seconds until an unsettled message is delivered again", 30.0
        ),
        "dead_letter_topic": Option(text, "topic that gets the messages that are rejected"),
        "ordered": Option(flag, "true: deliver messages with the same key in order", False),
    }
)
