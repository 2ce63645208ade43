"""The dead letters of Pulsar: topics that its clients name after a topic and a subscription."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace, HeaderRule, is_retrying, is_telling
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError
from brokerkit.core.vocabulary.positions import Earliest
from brokerkit.core.vocabulary.settled_offsets import SettledOffsets

from .admin import Subscriptions
from .inspector import DEAD_LETTERS, RETRIES, cursor_position, purpose
from .names import split_partition
from .positions import unpack
from .subscription_options import SubscriptionOptions
from .topics import Topics

SUBSCRIPTION = "brokerkit-redrive"
"""The subscription through which dead letters are taken, unless another one is named."""
CLIENTS = HeaderRule(
    {
        "REAL_TOPIC": "topic",
        "REAL_SUBSCRIPTION": "subscription",
        "RECONSUMETIMES": "deliveries",
    },
    "REAL_TOPIC|REAL_SUBSCRIPTION|ORIGIN_MESSAGE_ID|RETRY_TOPIC|RECONSUMETIMES|DELAY_TIME",
)
_PARTITION = re.compile(r"^partition-\d+-")
_RANGE = re.compile(r"\((\d+):(-?\d+)\.\.(\d+):(-?\d+)\]")


class AckedEntries(SettledOffsets):
    """The entries that a subscription has acknowledged, also behind its position."""

    def __init__(self, position: int, ranges: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
        super().__init__(position)
        self._ranges = ranges

    def __contains__(self, offset: int) -> bool:
        if offset < self.next:
            return True
        ledger, entry, _ = unpack(offset)
        return any(first < (ledger, entry) <= last for first, last in self._ranges)


class PulsarDeadLetters(DeadLettersDriver):
    """Topics of dead letters and retries. They are taken through a subscription, and acknowledged."""

    rules = (CLIENTS,)

    def __init__(self, topics: Topics, subscriptions: Subscriptions) -> None:
        self._topics = topics
        self._subscriptions = subscriptions

    def full(self, topic: str) -> str:
        return self._topics.full(topic)

    def named(self, topic: str) -> str:
        return split_partition(topic)[0]

    def places(self, topic: str, timeout: float) -> list[DeadLetterPlace]:
        deadline = Deadline(timeout)
        full, rest = self._topics.full(topic), self._topics.required_rest()
        if full.endswith((DEAD_LETTERS, RETRIES)):
            return [self.place(topic, timeout)]
        self._topics.partitions(full, deadline.remaining())
        domain, _, path = full.partition("://")
        names = rest.get(f"{domain}/{path.rpartition('/')[0]}", deadline.remaining())
        found: dict[str, DeadLetterPlace] = {}
        topics = sorted({split_partition(each)[0] for each in names})
        longer = [f"{each}-" for each in topics if each.startswith(f"{full}-") and purpose(each) is None]
        for name in topics:
            kind = purpose(name)
            if kind is None or not name.startswith(f"{full}-") or name.startswith(tuple(longer)):
                continue
            # clients make one for each partition that a consumer is attached to
            ending = DEAD_LETTERS if name.endswith(DEAD_LETTERS) else RETRIES
            rest_of_name = name.removesuffix(ending).removeprefix(full).removeprefix("-")
            by = _PARTITION.sub("", rest_of_name) or None
            found[name] = DeadLetterPlace(name, kind, "take", full, by, through=SUBSCRIPTION)
        return list(found.values())

    def place(self, name: str, timeout: float) -> DeadLetterPlace:
        full = self._topics.full(name)
        self._topics.partitions(full, timeout)
        kind = "retries" if full.endswith(RETRIES) else "dead letters"
        return DeadLetterPlace(name, kind, "take", through=SUBSCRIPTION)

    def movable(self, name: str, timeout: float) -> DeadLetterPlace:
        deadline = Deadline(timeout)
        place = self.place(name, deadline.remaining())
        if is_telling(name) or is_retrying(name):
            return place
        # a subscription of ours would remove them for no other one, and keep the backlog of the topic
        rest, found = self._topics.required_rest(), set[str]()
        for part in self._topics.parts(self._topics.full(name), deadline.remaining()).values():
            found.update(rest.stats(part, deadline.remaining()).get("subscriptions") or {})
        names = sorted(found - {SUBSCRIPTION})
        if len(names) > 1:
            raise ConfigError(
                f"{name!r} has several subscriptions ({', '.join(names)}): name the one for which messages "
                "are removed, through=NAME; the others still get them"
            )
        return replace(place, through=names[0]) if names else place

    def prepare(self, place: DeadLetterPlace, timeout: float) -> None:
        if place.through != SUBSCRIPTION:
            # one that is named exists, or attaching says that it does not
            return
        options = SubscriptionOptions(self._topics.connection, "message", {})
        try:
            self._subscriptions.create(place.name, SUBSCRIPTION, Earliest(), options, timeout)
        except AlreadyExists:
            return

    def remembered(self, place: DeadLetterPlace, timeout: float) -> Mapping[int | None, SettledOffsets]:
        deadline = Deadline(timeout)
        full, rest = self._topics.full(place.name), self._topics.required_rest()
        found: dict[int | None, SettledOffsets] = {}
        for number, part in self._topics.parts(full, deadline.remaining()).items():
            cursors = rest.internal_stats(part, deadline.remaining()).get("cursors") or {}
            cursor: dict[str, Any] = cursors.get(place.through) or {}
            position = cursor_position(cursor)
            if position is not None:
                text = str(cursor.get("individuallyDeletedMessages") or "")
                ranges = [((int(a), int(b)), (int(c), int(d))) for a, b, c, d in _RANGE.findall(text)]
                found[number] = AckedEntries(position, ranges)
        return found
