"""The dead letters of Service Bus: the sub-queues of queues and subscriptions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace, HeaderRule
from brokerkit.core.vocabulary.errors import NotSupported

from .connection import ServiceBusConnection
from .entities import Counts, Entity, counts, find, find_if_permitted
from .names import DEAD_LETTERS, TRANSFER_DEAD_LETTERS, EntityName
from .operating import runtimes_of

SERVICE = HeaderRule(
    {"DeadLetterReason": "reason", "DeadLetterErrorDescription": "description"},
    r"DeadLetterReason|DeadLetterErrorDescription|\$sb\.(dead_letter_source|enqueued_sequence_number|state)",
)
KINDS = {DEAD_LETTERS: "dead letters", TRANSFER_DEAD_LETTERS: "transfer dead letters"}
MANY = 2
"""From so many subscriptions on, a copy reaches others than the one that gave its original up."""


class ServiceBusDeadLetters(DeadLettersDriver):
    """Sub-queues. Their messages are taken, and completed once their copies are stored."""

    rules = (SERVICE,)

    def __init__(self, connection: ServiceBusConnection) -> None:
        self._connection = connection

    def places(self, topic: str, timeout: float) -> list[DeadLetterPlace]:
        deadline = Deadline(timeout)
        name = EntityName.parse(topic)
        if name.sub_queue is not None:
            return [self.place(topic, timeout)]
        found = find_if_permitted(self._connection, name, deadline)
        if found is None or found.kind != "topic":
            known = None if found is None else counts(self._connection, name, found.kind, deadline)
            return self._of(name, found, known, deadline)
        places: list[DeadLetterPlace] = []
        for runtime in runtimes_of(self._connection, name.name, deadline):
            owner = EntityName(name.name, runtime.name)
            places += self._of(owner, find(self._connection, owner, deadline), Counts.of(runtime), deadline)
        return places

    def _of(
        self, owner: EntityName, found: Entity | None, known: Counts | None, deadline: Deadline
    ) -> list[DeadLetterPlace]:
        """Return the sub-queue of a queue or subscription, and that of transfers if it has any."""
        made = [self._made(EntityName(owner.name, owner.subscription, DEAD_LETTERS), found, deadline)]
        if known is not None and known.transfer_dead_letter:
            made.append(
                self._made(EntityName(owner.name, owner.subscription, TRANSFER_DEAD_LETTERS), found, deadline)
            )
        return made

    def place(self, name: str, timeout: float) -> DeadLetterPlace:
        deadline = Deadline(timeout)
        parsed = EntityName.parse(name)
        found = find_if_permitted(self._connection, parsed.owner, deadline)
        if found is not None and found.kind == "topic":
            raise NotSupported(
                f"{name!r} is a topic, whose messages are in its subscriptions: name one, "
                f"{name}/Subscriptions/NAME"
            )
        made = self._made(parsed, found, deadline)
        if found is None or not found.sessions or parsed.sub_queue is not None:
            return made
        # what stands before a message in its session is held meanwhile
        return replace(made, key_option="session", consumer_options={"ahead": True})

    def _made(self, name: EntityName, found: Entity | None, deadline: Deadline) -> DeadLetterPlace:
        lock: Any = None if found is None else getattr(found.properties, "lock_duration", None)
        caution = None
        if name.subscription is not None and name.sub_queue is not None and found is not None:
            others = [each.name for each in runtimes_of(self._connection, name.name, deadline)]
            if len(others) >= MANY:
                caution = (
                    f"{name.name!r} has {len(others)} subscriptions, and each gets the copies that its rules "
                    "let in: to= names a queue for one of them"
                )
        return DeadLetterPlace(
            str(name),
            KINDS.get(name.sub_queue or "", "messages"),
            "take",
            name.name if name.sub_queue is not None else None,
            name.subscription,
            lock_seconds=None if lock is None else lock.total_seconds(),
            caution=caution,
        )
