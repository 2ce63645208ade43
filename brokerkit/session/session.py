"""The session without widgets: what it reads, takes, sends, creates and deletes."""

from __future__ import annotations

from typing import Any

from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.core.vocabulary.errors import ConfigError

from .arguments import (
    model_of,
)
from .capture.methods import CapturingSession
from .consume.methods import ConsumingSession
from .operate.undoing import UndoingSession
from .publish.methods import PublishingSession
from .schemas.methods import SchemaSession


class DataSession(ConsumingSession, PublishingSession, CapturingSession, SchemaSession, UndoingSession):
    """A session without widgets: topics, frames, schemas, publishing and subscriptions on one broker."""

    def create_topic(self, topic: str, **options: Any) -> None:
        """Create a topic.

        Args:
            topic: The name of the topic.
            **options: Options of the system, such as ``partitions=3``.

        Raises:
            AlreadyExists: There is a topic of this name.
        """
        self.connection.create_topic(topic, **options)

    def create_subscription(
        self,
        topic: str,
        subscription: str,
        *,
        start: Any = "latest",
        model: Model | None = None,
        share: bool = False,
        **options: Any,
    ) -> None:
        """Create a subscription, durable consumer or group.

        Args:
            topic, subscription: Their names.
            start: Where it begins. For a time, messages with earlier times may follow where producers set the
                times.
            model, share: As in `pull`.
            **options: Options of the system.

        Raises:
            AlreadyExists: There is a subscription of this name.
        """
        self.connection.create_subscription(
            topic, subscription, start=start, model=model_of(model, share), **options
        )

    def delete_topic(self, topic: str, *, confirm: str | None = None) -> None:
        """Delete a topic with all its messages.

        Args:
            topic: The name of the topic.
            confirm: The name of the topic again.

        Raises:
            ConfigError: `confirm` is not the name of the topic.
            NotFound: There is no such topic.
        """
        self.connection.refuse_if_read_only("it deletes nothing")
        if confirm != topic:
            raise ConfigError(
                f"to delete {topic!r} with all its messages, type its name again: confirm={topic!r}"
            )
        self.connection.delete_topic(topic)
