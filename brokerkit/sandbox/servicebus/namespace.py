"""The entities of the namespace: queues, topics, subscriptions and their settings."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from . import errors
from .clock import now

FOREVER = "P10675199DT2H48M5.4775807S"

COMMON = {
    "DefaultMessageTimeToLive": FOREVER,
    "EnableBatchedOperations": "true",
    "Status": "Active",
    "AutoDeleteOnIdle": FOREVER,
}
SIZED = {
    "MaxSizeInMegabytes": "1024",
    "MaxMessageSizeInKilobytes": "1024",
    "RequiresDuplicateDetection": "false",
    "DuplicateDetectionHistoryTimeWindow": "PT10M",
    "EnablePartitioning": "false",
}
RECEIVED = {
    "LockDuration": "PT1M",
    "RequiresSession": "false",
    "DeadLetteringOnMessageExpiration": "false",
    "MaxDeliveryCount": "10",
}
DEFAULTS = {
    "queue": {**RECEIVED, **SIZED, **COMMON},
    "topic": {**SIZED, **COMMON, "SupportOrdering": "true"},
    "subscription": {**RECEIVED, **COMMON, "DeadLetteringOnFilterEvaluationExceptions": "true"},
}
FIXED = ("RequiresSession", "RequiresDuplicateDetection", "EnablePartitioning")
"""Settings that cannot be changed once an entity exists."""

DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def milliseconds(duration: str) -> int:
    """Return the milliseconds of an ISO 8601 duration of days or less. Raises Refusal for other text."""
    match = DURATION.fullmatch(duration)
    if match is None or duration.endswith(("P", "T")):
        raise errors.invalid(f"'{duration}' is not a duration, such as PT30S")
    days, hours, minutes, seconds = (float(each or 0) for each in match.groups())
    return round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)


class Part(IntEnum):
    """The parts of an entity that hold messages."""

    MAIN = 0
    DEAD_LETTER = 1
    TRANSFER_DEAD_LETTER = 2


def entity_of(holder: int) -> int:
    """Return the number of the entity that a holder belongs to."""
    return holder // len(Part)


def path_of(address: str) -> str:
    """Return the path of an entity from its name, with or without the namespace before it."""
    path = address.partition("://")[2].partition("/")[2] if "://" in address else address
    return path.strip("/")


SUFFIXES = {Part.DEAD_LETTER: "/$DeadLetterQueue", Part.TRANSFER_DEAD_LETTER: "/$Transfer/$DeadLetterQueue"}


@dataclass(slots=True)
class Entity:
    """A queue, a topic or a subscription.

    Attributes:
        created: When it was created, in milliseconds since the epoch.
        updated: When it was last changed, in milliseconds since the epoch.
    """

    id: int
    kind: str
    path: str
    settings: dict[str, str]
    created: int
    updated: int

    @property
    def name(self) -> str:
        """The name of the entity within its parent."""
        return self.path.rpartition("/Subscriptions/")[2] if self.kind == "subscription" else self.path

    @property
    def topic(self) -> str:
        """The path of the topic of a subscription."""
        return self.path.rpartition("/Subscriptions/")[0]

    def holder(self, part: Part = Part.MAIN) -> int:
        """Return the number under which the store keeps the messages of a part."""
        return self.id * len(Part) + part

    def part_path(self, part: Part) -> str:
        """Return the address of a part."""
        return self.path + SUFFIXES.get(part, "")

    def flag(self, name: str) -> bool:
        """Return the value of a setting that is true or false."""
        return self.settings.get(name, "false").lower() == "true"

    @property
    def lock_duration(self) -> int:
        """The lock duration in milliseconds."""
        return milliseconds(self.settings["LockDuration"])

    @property
    def max_delivery_count(self) -> int:
        """How often a message is delivered before it is dead-lettered."""
        return int(self.settings["MaxDeliveryCount"])

    @property
    def default_ttl(self) -> int | None:
        """The default time to live in milliseconds, or None without a limit."""
        # clients write the longest duration in microseconds, which differs from what they read
        given = milliseconds(self.settings["DefaultMessageTimeToLive"])
        return None if given >= milliseconds(FOREVER) else given

    @property
    def requires_session(self) -> bool:
        """Whether all messages need a session."""
        return self.flag("RequiresSession")

    @property
    def max_message_size(self) -> int:
        """The largest message in bytes."""
        return int(self.settings.get("MaxMessageSizeInKilobytes", "1024")) * 1024


class Namespace:
    """All entities, in memory and in the store. Its operations do not commit."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self._by_path: dict[str, Entity] = {}
        self._by_id: dict[int, Entity] = {}
        for row in store.execute("SELECT id, kind, path, settings, created, updated FROM entity ORDER BY id"):
            self._add(Entity(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5]))

    def _add(self, entity: Entity) -> None:
        self._by_path[entity.path.lower()] = self._by_id[entity.id] = entity

    def __iter__(self) -> Iterator[Entity]:
        """Iterate over the entities by path."""
        return iter(sorted(self._by_path.values(), key=lambda entity: entity.path.lower()))

    def find(self, path: str) -> Entity | None:
        """Return the entity at a path, whatever the case of its letters, or None."""
        return self._by_path.get(path.strip("/").lower())

    def get(self, path: str) -> Entity:
        """Return the entity at a path. Raises Refusal for an unknown path."""
        entity = self.find(path)
        if entity is None:
            raise errors.not_found(path)
        return entity

    def holding(self, holder: int) -> tuple[Entity, Part]:
        """Return the entity and the part that a holder stands for."""
        return self._by_id[entity_of(holder)], Part(holder % len(Part))

    def resolve(self, address: str) -> tuple[Entity, Part]:
        """Return the entity and the part at an address. Raises Refusal for an unknown one."""
        path = address.strip("/").lower()
        for part in (Part.TRANSFER_DEAD_LETTER, Part.DEAD_LETTER):
            if path.endswith(SUFFIXES[part].lower()):
                return self._receivable(path.removesuffix(SUFFIXES[part].lower()), address), part
        entity = self._by_path.get(path)
        if entity is None:
            raise errors.not_found(address)
        return entity, Part.MAIN

    def _receivable(self, path: str, address: str) -> Entity:
        entity = self._by_path.get(path)
        if entity is None or entity.kind == "topic":
            raise errors.not_found(address)
        return entity

    def subscriptions(self, topic: Entity) -> list[Entity]:
        """Return the subscriptions of a topic, by path."""
        prefix = f"{topic.path.lower()}/subscriptions/"
        return [each for each in self if each.path.lower().startswith(prefix)]

    def create(self, kind: str, path: str, settings: dict[str, str]) -> Entity:
        """Create an entity. Raises Refusal if the path is taken or a setting is not valid."""
        if self.find(path) is not None:
            raise errors.already_exists(path)
        complete = {**DEFAULTS[kind], **settings}
        _check(complete)
        at = now()
        number = self._store.execute(
            "INSERT INTO entity (kind, path, settings, created, updated) VALUES (?, ?, ?, ?, ?)",
            (kind, path, json.dumps(complete), at, at),
        ).lastrowid
        assert number is not None
        entity = Entity(number, kind, path, complete, at, at)
        self._add(entity)
        return entity

    def update(self, entity: Entity, settings: dict[str, str]) -> None:
        """Replace the settings of an entity. Raises Refusal for one that is fixed or not valid."""
        complete = {**DEFAULTS[entity.kind], **settings}
        _check(complete)
        for name in FIXED:
            if complete.get(name) != entity.settings.get(name):
                raise errors.invalid(f"{name} cannot be changed once the entity exists")
        entity.settings, entity.updated = complete, now()
        self._store.execute(
            "UPDATE entity SET settings = ?, updated = ? WHERE id = ?",
            (json.dumps(complete), entity.updated, entity.id),
        )

    def delete(self, entity: Entity) -> list[Entity]:
        """Remove an entity with its messages, and a topic with its subscriptions.

        Return all that were removed.
        """
        gone = [entity, *(self.subscriptions(entity) if entity.kind == "topic" else ())]
        for each in gone:
            del self._by_path[each.path.lower()], self._by_id[each.id]
            first = each.holder()
            for table in ("message", "session", "seen"):
                self._store.execute(
                    f"DELETE FROM {table} WHERE holder BETWEEN ? AND ?", (first, first + len(Part) - 1)
                )
            for table in ("rule", "sequence"):
                self._store.execute(f"DELETE FROM {table} WHERE entity = ?", (each.id,))
            self._store.execute("DELETE FROM entity WHERE id = ?", (each.id,))
        return gone


def _check(settings: dict[str, str]) -> None:
    for name, (least, most) in {
        "LockDuration": ("PT1S", "PT5M"),
        "DefaultMessageTimeToLive": ("PT1S", FOREVER),
        "DuplicateDetectionHistoryTimeWindow": ("PT20S", "P7D"),
        "AutoDeleteOnIdle": ("PT1S", FOREVER),
    }.items():
        if name in settings:
            given = milliseconds(settings[name])
            if not milliseconds(least) <= given <= milliseconds(most):
                raise errors.invalid(f"{name} is {settings[name]}, and may be {least} to {most}")
    count = settings.get("MaxDeliveryCount", "1")
    if not (count.isascii() and count.isdigit() and int(count) > 0):
        raise errors.invalid(f"MaxDeliveryCount is '{count}', and must be a positive number")
