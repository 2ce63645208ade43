"""Publish in batches as large as the link accepts, one after the other, with an outcome for each message."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from azure.servicebus.exceptions import MessageSizeExceededError

from brokerkit.core.contract.background import submit
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, TooLarge, Unavailable
from brokerkit.core.vocabulary.messages import OutboundMessage, new_run
from brokerkit.core.vocabulary.results import PublishResult

from .client_internals import Sender
from .codec import encode, is_foreign
from .connection import FRESH_SECONDS, ServiceBusConnection
from .duplicate_detection import with_id
from .entities import Entity, find_if_permitted
from .errors import surely_not_done, translate
from .names import EntityName
from .properties import FIELDS

RETRY_SECONDS = 0.2
LEAST_SECONDS = 0.1


@dataclass
class _Target:
    """The entity that the messages of a topic are sent to."""

    name: EntityName
    entity: Entity | None
    sender: Sender | None = None
    used_at: float = 0.0

    @property
    def duplicates(self) -> bool:
        return self.entity is not None and self.entity.duplicate_detection

    @property
    def may_know_ids(self) -> bool:
        """Whether a message id from the caller may matter to the entity."""
        return self.entity is None or self.entity.duplicate_detection

    @property
    def partitioned(self) -> bool:
        return self.entity is not None and self.entity.partitioned


@dataclass
class _Item:
    """A message to send.

    Attributes:
        row: Its place in the batch.
        note: A note to report once it is sent.
    """

    row: int
    message: Any
    key: bytes | None
    note: str | None = None


@dataclass
class _Part:
    """Messages that are sent together.

    Attributes:
        content: A batch, or one message that is too large for a batch.
    """

    items: Sequence[_Item]
    content: Any


class ServiceBusPublisher(PublisherDriver):
    """A publisher with one link for each topic, which is kept for the next messages."""

    def __init__(self, connection: ServiceBusConnection) -> None:
        self._connection = connection
        self._targets: dict[str, _Target] = {}

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        deadline = Deadline(timeout)
        results: list[PublishResult | None] = [None] * len(batch)
        rows: dict[str, list[int]] = {}
        for row, (topic, _) in enumerate(batch):
            rows.setdefault(topic, []).append(row)
        for topic, chosen in rows.items():
            messages = [(row, batch[row][1]) for row in chosen]
            for row, result in self._send_to(topic, messages, deadline).items():
                results[row] = result
        return [result for result in results if result is not None]

    def _send_to(
        self, topic: str, messages: Sequence[tuple[int, OutboundMessage]], deadline: Deadline
    ) -> dict[int, PublishResult]:
        try:
            target = self._target(topic, deadline)
            self._open(target, deadline)
        except Exception as error:
            failed = PublishResult("failed", None, self._problem(error, deadline))
            return {row: failed for row, _ in messages}
        results: dict[int, PublishResult] = {}
        items = []
        for row, message in messages:
            try:
                # with a message id a retry is harmless, if the entity detects duplicates
                known = message.named(f"{new_run()}-0") if target.duplicates else message
                sent, note = with_id(known, target.name, target.entity)
                foreign = [pair[0] for pair in sent.attributes if sent.sent_again and is_foreign(pair)]
                notes = "; ".join(filter(None, (note, FIELDS.note(foreign)))) or None
                items.append(_Item(row, encode(sent, named=target.may_know_ids), message.key, notes))
            except (BrokerError, TypeError) as error:
                results[row] = PublishResult("failed", None, translate(error))
        results.update(self._send_items(target, items, deadline))
        return results

    def _target(self, topic: str, deadline: Deadline) -> _Target:
        found = self._targets.get(topic)
        if found is not None:
            return found
        name = EntityName.parse(topic)
        if name.subscription is not None or name.sub_queue is not None:
            raise ConfigError(
                f"messages are sent to a queue or topic, not to {topic!r}: publish to {name.name!r}"
            )
        target = _Target(name, find_if_permitted(self._connection, name, deadline))
        self._targets[topic] = target
        return target

    def _open(self, target: _Target, deadline: Deadline) -> Sender:
        sender = target.sender
        if sender is not None:
            idle = time.monotonic() - target.used_at
            if idle > FRESH_SECONDS or not sender.still_open():
                self._drop(target)
        if target.sender is None:
            target.sender = self._connection.sender(target.name, max(LEAST_SECONDS, deadline.remaining()))
        target.used_at = time.monotonic()
        return target.sender

    def _drop(self, target: _Target) -> None:
        sender, target.sender = target.sender, None
        if sender is not None:
            submit(sender.close, "servicebus sender")

    def _send_items(
        self, target: _Target, items: Sequence[_Item], deadline: Deadline
    ) -> dict[int, PublishResult]:
        results: dict[int, PublishResult] = {}
        waiting = deque([items])
        while waiting:
            group = waiting.popleft()
            if not group:
                continue
            try:
                part = self._next_part(target, group, deadline)
            except TooLarge as error:
                results[group[0].row] = PublishResult("failed", None, error)
                waiting.appendleft(group[1:])
                continue
            except Exception as error:
                failed = PublishResult("failed", None, self._problem(error, deadline))
                results.update({item.row: failed for left in (group, *waiting) for item in left})
                break
            waiting.appendleft(group[len(part.items) :])
            outcome = self._send_part(target, part, deadline)
            if len(part.items) > 1 and isinstance(outcome.error, TooLarge | ConfigError):
                # the service refuses all messages because of one: find out which
                middle = (len(part.items) + 1) // 2
                waiting.extendleft([part.items[middle:], part.items[:middle]])
                continue
            results.update({item.row: replace(outcome, note=item.note) for item in part.items})
            if outcome.error is not None and outcome.error.retryable:
                # later messages must not overtake it
                results.update({item.row: _held_back(outcome.error) for left in waiting for item in left})
                break
        return results

    def _next_part(self, target: _Target, items: Sequence[_Item], deadline: Deadline) -> _Part:
        """Return the first messages that can be sent together.

        Raises TooLarge if the first cannot be sent at all.
        """
        sender = self._open(target, deadline)
        batch = sender.create_message_batch()
        part: list[_Item] = []
        for item in items:
            # for a partitioned entity, the service accepts only batches for one partition
            if part and target.partitioned and item.key != part[0].key:
                break
            try:
                batch.add_message(item.message)
            except MessageSizeExceededError:
                break
            part.append(item)
        if part:
            return _Part(part, batch)
        first = items[0]
        size, limit = sender.encoded_size(first.message), sender.max_message_bytes
        if size > limit:
            raise TooLarge(
                f"the message has {size:,} bytes with its attributes; {target.name} takes {limit:,}"
            )
        return _Part([first], first.message)

    def _send_part(self, target: _Target, part: _Part, deadline: Deadline) -> PublishResult:
        while True:
            try:
                sender = self._open(target, deadline)
                sender.send_messages(part.content, timeout=max(LEAST_SECONDS, deadline.remaining()))
                return PublishResult("confirmed")
            except Exception as error:
                problem = self._problem(error, deadline)
                refused = surely_not_done(error)
                if not refused:
                    self._drop(target)
                again = target.duplicates and not refused and problem.retryable
                if not again or deadline.remaining() <= RETRY_SECONDS:
                    return PublishResult("failed" if refused else "unknown", None, problem)
                time.sleep(RETRY_SECONDS)

    def _problem(self, error: BaseException, deadline: Deadline) -> BrokerError:
        problem = translate(error)
        if isinstance(problem, Unavailable) and deadline.passed:
            problem = Unavailable(f"the service did not confirm within {deadline.seconds:g} s ({problem})")
            problem.__cause__ = error
        return problem

    def close(self, timeout: float) -> None:
        for target in self._targets.values():
            self._drop(target)


def _held_back(cause: BrokerError) -> PublishResult:
    held = Unavailable("not sent, because an earlier message failed")
    held.__cause__ = cause
    return PublishResult("failed", None, held)
