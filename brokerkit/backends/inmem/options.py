"""The options of topics and subscriptions. A connection has none."""

from __future__ import annotations

from brokerkit.core.contract.options import COUNT, POSITIVE_SECONDS, SECONDS, Option, OptionTable, flag, whole

TOPIC_OPTIONS = OptionTable(
    {
        "partitions": Option(COUNT, "how many partitions", 1),
        "retention_seconds": Option(SECONDS, "messages older than this go away"),
        "retention_messages": Option(whole(least=0), "each partition keeps this many"),
    }
)
SUBSCRIPTION_OPTIONS = OptionTable(
    {
        "ack_deadline": Option(
            POSITIVE_SECONDS, "seconds until an unsettled message is delivered again", 30.0
        ),
        "ordered": Option(flag, "of a key, the next message waits for the one before", False),
    }
)
