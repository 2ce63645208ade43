"""A topic to publish to, for any thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..vocabulary.messages import OutboundMessage
from ..vocabulary.outbound_rows import OutboundRows, TopicRows
from ..vocabulary.results import PublishResult


class SendingPublisher(Protocol):
    """A publisher as its topics see it."""

    def send(
        self, batch: Sequence[tuple[str, OutboundMessage]], *, timeout: float | None = None
    ) -> list[PublishResult]: ...

    def send_rows(self, batch: TopicRows, *, timeout: float | None = None) -> Sequence[PublishResult]: ...


class ConnectedTopic:
    """A topic to publish to. Making one does not ask the broker; the first publish does.

    Any thread may use it.
    """

    def __init__(self, publisher: SendingPublisher, name: str) -> None:
        self._publisher = publisher
        self._name = name

    @property
    def name(self) -> str:
        """The name of the topic."""
        return self._name

    def publish(self, message: OutboundMessage, *, timeout: float | None = None) -> PublishResult:
        """Publish one message, and wait until the broker confirmed it.

        Args:
            message: The message.
            timeout: Seconds for everything, retries included. None is 30.

        Raises:
            BrokerError: The message was not confirmed.
            TypeError: The message has a value of a wrong type.
        """
        (result,) = self.publish_batch([message], timeout=timeout)
        if result.error is not None:
            raise result.error
        return result

    def publish_batch(
        self, messages: Sequence[OutboundMessage], *, timeout: float | None = None
    ) -> list[PublishResult]:
        """Publish messages, in order within each key, and wait for the outcome of each.

        Args:
            messages: The messages.
            timeout: Seconds for everything, retries included. None is 30.

        Returns:
            One outcome per message, in order. A message that fails does not raise.

        Raises:
            TypeError: A message has a value of a wrong type. Nothing is sent then.
        """
        return self._publisher.send([(self._name, message) for message in messages], timeout=timeout)

    def publish_rows(self, rows: OutboundRows, *, timeout: float | None = None) -> Sequence[PublishResult]:
        """Publish rows of a frame like `publish_batch`. A row that cannot be sent fails alone.

        Args:
            rows: The messages. They have a `dedup_id` where `Capabilities.dedup_ids` is true.
            timeout: Seconds for everything, retries included. None is 30.
        """
        return self._publisher.send_rows(TopicRows(self._name, rows), timeout=timeout)

    def __repr__(self) -> str:
        return f"<topic {self._name!r}>"
