"""The dead letters of Pub/Sub: the topics that dead-letter policies of subscriptions name."""

from __future__ import annotations

from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace, HeaderRule

from .admin import get_topic
from .connection import PubSubConnection
from .inspector import PubSubInspector

SOURCE = "CloudPubSubDeadLetterSource"
SERVICE = HeaderRule(
    {f"{SOURCE}Subscription": "subscription", f"{SOURCE}DeliveryCount": "deliveries"}, f"{SOURCE}.*"
)


class PubSubDeadLetters(DeadLettersDriver):
    """Topics of dead letters. Their messages are in subscriptions only, and are taken from one."""

    rules = (SERVICE,)

    def __init__(self, connection: PubSubConnection) -> None:
        self._connection = connection
        self._inspector = PubSubInspector(connection)

    def places(self, topic: str, timeout: float) -> list[DeadLetterPlace]:
        deadline = Deadline(timeout)
        found: dict[str, DeadLetterPlace] = {}
        for each in self._inspector.describe(topic, deadline.remaining()).subscriptions:
            name = each.details.get("dead_letter_topic")
            if name is not None:
                by = None if name in found else each.name
                through = self._through(name, deadline)
                found[name] = DeadLetterPlace(name, "dead letters", "take", topic, by, through)
        return list(found.values())

    def place(self, name: str, timeout: float) -> DeadLetterPlace:
        deadline = Deadline(timeout)
        get_topic(self._connection, name, deadline.remaining())
        return DeadLetterPlace(name, "dead letters", "take", through=self._through(name, deadline))

    def _through(self, name: str, deadline: Deadline) -> str | None:
        """Return the subscription of a topic, if it has exactly one."""
        names = [each.name for each in self._inspector.describe(name, deadline.remaining()).subscriptions]
        return names[0] if len(names) == 1 else None
