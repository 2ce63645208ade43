"""The partition and the time of messages that are sent on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound, NotSupported
from brokerkit.core.vocabulary.messages import from_microseconds, to_microseconds
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.topics import PublishTerms

if TYPE_CHECKING:
    from ..base import BrokerSession

Partitions = Literal["same", "key"]
Times = Literal["keep", "now"]
TERMS_SECONDS = 10.0
_FIRST, _LAST = -(2**63), 2**63


class PlacingWarning(UserWarning):
    """Messages that are sent on get another partition or another time than they had."""


@dataclass
class Placement:
    """The rules for partitions and times.

    Attributes:
        same: Messages keep the number of their partition; otherwise the target chooses by the key.
        keeps_times: Messages keep their time where the target's terms allow it.
        told: The notes so far, each with a subject that is noted once, or with "".
    """

    topic: str
    capabilities: Capabilities
    terms: PublishTerms
    same: bool
    keeps_times: bool
    told: list[tuple[str, str]] = field(default_factory=list)

    @property
    def may_be_too_old(self) -> bool:
        """Whether the target keeps times, but not those of every age."""
        return self.keeps_times and (self.terms.retention or self.terms.oldest) is not None

    @property
    def notes(self) -> list[str]:
        """The notes so far."""
        return [text for _, text in self.told]

    def tell(self, text: str, what: str = "") -> None:
        """Warn of a difference."""
        self.told.append((what, text))
        note(text, PlacingWarning)

    def tell_once(self, what: str, text: str) -> None:
        """Warn once of a difference that many messages have."""
        if all(each != what for each, _ in self.told):
            self.tell(text, what)

    def times(self, micros: Sequence[int | None], *, told: str = "") -> list[tuple[datetime | None, bool]]:
        """Return the time that each message is given, None for the present, and whether it is exact.

        Args:
            micros: The time of each message in microseconds.
            told: What happens to a time that cannot be kept, for a warning before anything is sent.
        """
        if not self.keeps_times:
            return [(None, False)] * len(micros)
        first, last = self._span()
        step = 1000 if self.capabilities.publish_time == "milliseconds" else 1
        found: list[tuple[datetime | None, bool]] = []
        for value in micros:
            if value is None or not first <= value <= last:
                found.append((None, False))
            else:
                moment = from_microseconds(value - value % step)
                found.append((moment, moment is not None and value % step == 0))
        self._tell_of_times([value for value in micros if value is not None], first, last, told)
        return found

    def _span(self) -> tuple[int, int]:
        """Return the range of times that the target keeps now."""
        now, terms = time.time_ns() // 1000, self.terms
        first = _FIRST if terms.since is None else to_microseconds(terms.since)
        for age in (terms.retention, terms.oldest):
            first = first if age is None else max(first, now - age // timedelta(microseconds=1))
        last = _LAST if terms.newest is None else now + terms.newest // timedelta(microseconds=1)
        return first, last

    def _tell_of_times(self, micros: Sequence[int], first: int, last: int, told: str) -> None:
        if not micros:
            return
        oldest, newest = min(micros), max(micros)
        if oldest < first:
            self.tell_once("old", self._too_old(oldest, told))
        if newest > last:
            self.tell_once(
                "new",
                f"{self.topic!r} takes no times further ahead than {_span_text(self.terms.newest)}; {told}",
            )

    def _too_old(self, oldest: int, told: str) -> str:
        age = timedelta(microseconds=time.time_ns() // 1000 - oldest)
        terms = self.terms
        if terms.retention is not None and age > terms.retention:
            why = f"deletes messages older than {_span_text(terms.retention)} (its retention)"
        elif terms.oldest is not None and age > terms.oldest:
            why = f"takes no messages older than {_span_text(terms.oldest)}"
        else:
            why = f"takes no times before {terms.since:%Y-%m-%d}"
        return f"{self.topic!r} {why}, and there are some of {_span_text(age)} ago: {told}"

    def summary(self) -> dict[str, Any]:
        """Return the decisions, for the frame's attrs."""
        return {
            "partitions": "same" if self.same else "key",
            "times": "keep" if self.keeps_times else "now",
            "notes": self.notes,
        }


def placement_of(
    target: BrokerSession,
    topic: str,
    *,
    partitions: Partitions | None,
    times: Times | None,
    source: int | None,
    has_partitions: bool,
    has_times: bool = True,
) -> Placement:
    """Decide on the partitions and times of messages that are sent on to a topic.

    Args:
        target: The session to send to.
        topic: The topic to send to.
        partitions: As the caller asked; None is "same" if the topics have as many partitions.
        times: As the caller asked; None is "keep".
        source: How many partitions the messages come from: 0 for a topic without any, None if not known.
        has_partitions: Whether the messages have a partition.
        has_times: Whether the messages have a time.

    Raises:
        ConfigError: An argument cannot be used.
        NotSupported: The target cannot do this.
    """
    if partitions not in (None, "same", "key"):
        raise ConfigError(f'partitions must be "same", "key" or None, not {partitions!r}')
    if times not in (None, "keep", "now"):
        raise ConfigError(f'times must be "keep", "now" or None, not {times!r}')
    capabilities = target.capabilities
    if partitions == "same" and not capabilities.publish_partition:
        raise NotSupported(
            "the target chooses partitions itself: leave partitions= out; messages of a key stay together"
        )
    may_place = capabilities.publish_partition and has_partitions
    places = may_place and partitions != "key"
    keeps = capabilities.publish_time is not None and has_times and times != "now"
    # where the key decides, the terms tell which messages change their partition
    terms = _terms(target, topic) if may_place or keeps else PublishTerms()
    made = Placement(topic, capabilities, terms, False, keeps and terms.keeps_times)
    if keeps and not terms.keeps_times:
        made.tell(f"{topic!r} stamps its messages itself, so their own times are not those of the copies")
    elif keeps and terms.unknown:
        made.tell(
            f"whether {topic!r} keeps the times of the messages, or deletes old ones at once, is not known "
            f'({terms.unknown}): times="now" is safe'
        )
    if partitions == "same" and not has_partitions:
        raise ConfigError('partitions="same" needs messages that say their partition, and these do not')
    if places:
        made.same = _same(made, partitions, source)
    elif has_partitions and partitions is None and capabilities.partitions and source not in (0, 1):
        goes = _where_to(_terms(target, topic).partitions)
        made.tell(
            f"the messages come from {_count_text(source)}, and the target chooses partitions itself: {goes}"
        )
    elif has_partitions and partitions is None and not capabilities.partitions and (source or 0) > 1:
        made.tell(
            f"the messages come from {_count_text(source)}, and {topic!r} has none: the copies do not tell "
            "from which"
        )
    return made


def _same(made: Placement, asked: Partitions | None, source: int | None) -> bool:
    count = made.terms.partitions
    if asked == "same":
        if source is not None and count is not None and source > count:
            raise ConfigError(
                f'partitions="same" needs as many partitions as the messages come from, {source}, and '
                f'{made.topic!r} has {count}: partitions="key" lets the key decide'
            )
        return True
    if source is not None and source == count:
        return True
    if count is None:
        # the topic does not answer: publishing will say what is wrong with it
        return False
    if count == 1 and source == 0:
        # one order in both topics
        return False
    made.tell(
        f"the messages come from {_count_text(source)}, and {made.topic!r} has {_count_text(count)}: "
        f"{_where_to(count)}"
    )
    return False


def _where_to(count: int | None) -> str:
    if count in (0, 1):
        return "all go there"
    return "the key decides where each goes, and those without one are spread"


def _count_text(count: int | None) -> str:
    if count is None:
        return "an unknown number of partitions"
    if count == 0:
        return "a topic without partitions"
    return f"{count} partition{'' if count == 1 else 's'}"


def _terms(target: BrokerSession, topic: str) -> PublishTerms:
    try:
        return target.inspector.terms(topic, timeout=TERMS_SECONDS)
    except NotFound:
        # publishing says so for each message
        return PublishTerms()
    except BrokerError as error:
        return PublishTerms(unknown=str(error))


def partitions_of(session: BrokerSession, topics: Iterable[str]) -> int | None:
    """Return how many partitions topics have, 0 without any; None if they differ or it is not known."""
    try:
        counts = {session.inspector.terms(topic, timeout=TERMS_SECONDS).partitions for topic in topics}
    except BrokerError:
        return None
    return counts.pop() if len(counts) == 1 else None


def _span_text(span: timedelta | None) -> str:
    """Return a length of time in its largest unit."""
    seconds = 0.0 if span is None else span.total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= size:
            number = f"{seconds / size:.3g}"
            return f"{number} {unit.removesuffix('s') if number == '1' else unit}"
    return f"{seconds:.3g} seconds"
