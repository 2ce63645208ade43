"""The clients of confluent-kafka, never destroyed in a forked child process.

To destroy a client, librdkafka waits for the client's threads. A forked child does not have these threads,
and crashed when it exited.
"""

from __future__ import annotations

from typing import Any

import confluent_kafka
from confluent_kafka import admin

from brokerkit.core.contract.forked import keep_in_child


class Consumer(confluent_kafka.Consumer):
    """A consumer, with or without a consumer group."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        keep_in_child(self)


class ShareConsumer(confluent_kafka.ShareConsumer):
    """A consumer of a share group."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        keep_in_child(self)


class Producer(confluent_kafka.Producer):
    """A producer."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        keep_in_child(self)


class AdminClient(admin.AdminClient):
    """A client for queries and changes to the cluster."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        keep_in_child(self)
