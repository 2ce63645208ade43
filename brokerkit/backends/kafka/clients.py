"""The clients of confluent-kafka, kept from being destroyed in a forked child.

librdkafka ends a client by waiting for its threads, which a child does not have: it crashed when it ended.
"""

from __future__ import annotations

from typing import Any

import confluent_kafka
from confluent_kafka import admin

from brokerkit.core.contract.forked import keep_in_child


class Consumer(confluent_kafka.Consumer):
    """A consumer, of a group or without one."""

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
    """What asks the cluster."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        keep_in_child(self)
