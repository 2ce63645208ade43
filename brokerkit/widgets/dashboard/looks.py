"""One look at all topics and subscriptions of a broker, and what is remembered of the looks before."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.cancellation import Cancellation, Deadline
from brokerkit.core.vocabulary.dead_letters import is_telling, named_after
from brokerkit.core.vocabulary.errors import BrokerError, NotFound, NotSupported
from brokerkit.core.vocabulary.topics import TopicInfo

from .tracks import SubscriptionTrack, TopicTrack

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

MOST_TOPICS = 2_000
"""Rates are known of so many topics, those that hold most messages."""
MOST_SUBSCRIPTIONS = 5_000
ENDS_SECONDS = 2.0
"""The ends of topics are asked for so long in one look; the next look goes on with the others."""


class Looks:
    """The looks at the topics of a session. One thread looks; any thread may read what is found.

    Attributes:
        topics: Each topic by name, with what is remembered of it.
        subscriptions: Each subscription by topic and name.
        dead: The topics that hold dead letters of a topic, by its name.
        at: When the last look was; None before the first.
        notes: What could not be asked, in sentences.
        all: How many topics there are.
    """

    def __init__(self, session: DataSession) -> None:
        self._session = session
        self.topics: dict[str, TopicTrack] = {}
        self.subscriptions: dict[tuple[str, str], SubscriptionTrack] = {}
        self.dead: dict[str, list[str]] = {}
        self.at: datetime | None = None
        self.notes: tuple[str, ...] = ()
        self.all = 0
        self._next = 0
        self._numbers = 0
        self._names: tuple[str, ...] = ()

    def look(self, cancellation: Cancellation) -> None:
        """Ask the broker.

        Raises:
            BrokerError: It does not tell its topics.
            Cancelled: The look was cancelled.
        """
        infos = [info for info in self._session.inspector.topics() if not info.internal]
        cancellation.raise_if_cancelled()
        self.all = len(infos)
        notes = []
        if len(infos) > MOST_TOPICS:
            infos = sorted(infos, key=lambda info: -(info.messages or 0))[:MOST_TOPICS]
            notes.append(f"Rates are those of the {MOST_TOPICS:,} topics that hold most messages.")
        self._take_topics(infos)
        notes += self._take_ends(list(self.topics.values()), cancellation)
        notes += self._take_subscriptions()
        cancellation.raise_if_cancelled()
        self.notes = tuple(notes)
        self.at = datetime.now(UTC)

    def _take_topics(self, infos: Sequence[TopicInfo]) -> None:
        known, found = self.topics, dict[str, TopicTrack]()
        for info in infos:
            track = known.get(info.name)
            if track is None:
                self._numbers += 1
                track = TopicTrack(self._numbers, info)
            track.info = info
            found[info.name] = track
        self.topics = found
        names = tuple(found)
        if names != self._names:
            self._names, self.dead = names, _dead_topics(names)

    def _take_ends(self, tracks: Sequence[TopicTrack], cancellation: Cancellation) -> list[str]:
        """Ask for the ends of the topics, one after the other, beginning where the last look stopped.

        Returns:
            What should be known about those that did not tell.
        """
        deadline = Deadline(ENDS_SECONDS)
        silent: list[tuple[str, Exception]] = []
        for place in range(len(tracks)):
            cancellation.raise_if_cancelled()
            if deadline.passed:
                break
            track = tracks[(self._next + place) % len(tracks)]
            now = time.monotonic()
            try:
                track.measure(now, self._session.inspector.bounds(track.info.name))
            except NotFound:
                continue
            except NotSupported:
                if track.info.messages is not None:
                    track.count(now, track.info.messages)
            except (BrokerError, TimeoutError) as error:
                cancellation.raise_if_cancelled()
                silent.append((track.info.name, error))
        else:
            place = 0
        self._next = (self._next + place) % max(1, len(tracks))
        return _silent(silent)

    def _take_subscriptions(self) -> list[str]:
        """Ask for the subscriptions of all topics; return what should be known about them."""
        try:
            listed = self._session.connection.subscriptions().listed()
        except (BrokerError, TimeoutError) as error:
            return [f"Backlogs are not known: {error}"]
        now, found = time.monotonic(), dict[tuple[str, str], SubscriptionTrack]()
        settled: dict[str, float] = {}
        for info in listed[:MOST_SUBSCRIPTIONS]:
            topic = info.topic or ""
            track = self.subscriptions.get((topic, info.name)) or SubscriptionTrack(info)
            found[topic, info.name] = track
            settled[topic] = settled.get(topic, 0.0) + track.take(now, info, self.topics.get(topic))
        self.subscriptions = found
        for topic, count in settled.items():
            gone = self.topics[topic].gone if topic in self.topics else None
            if gone is not None:
                gone.add(now, gone.last + count)
        return list(listed.not_shown)

    # What follows from it.

    def readers(self, topic: str) -> list[SubscriptionTrack]:
        """Return the subscriptions of a topic."""
        return [track for (name, _), track in list(self.subscriptions.items()) if name == topic]

    def dead_letters(self, topic: str) -> int:
        """Return how many dead letters a topic has: in topics named after it, and kept by the system."""
        held = [self.topics[name].held.last for name in self.dead.get(topic, ()) if name in self.topics]
        return int(sum(held)) + (self.topics[topic].info.dead_letters or 0)


def _silent(found: Sequence[tuple[str, Exception]]) -> list[str]:
    """Return a sentence about the topics whose ends were not told."""
    if not found:
        return []
    name, error = found[0]
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    return [f"The ends of {name!r}{more} are not known: {str(error) or 'no answer in time'}"]


def _dead_topics(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the topics with dead letters of each topic, by their names."""
    dead = [name for name in names if is_telling(name)]
    found: dict[str, list[str]] = {}
    for name in names if dead else ():
        kinds = named_after(name, [name, *dead])
        after = [each for each, kind in kinds.items() if kind == "dead letters"]
        if after:
            found[name] = after
    return found
