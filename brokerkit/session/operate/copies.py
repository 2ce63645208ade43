"""The copies of messages that are moved: where they go, their headers, and how they are known again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.dead_letters import (
    REDRIVE_ID,
    REDRIVEN,
    DeadLetterFacts,
    DeadLetterPlace,
    HeaderRules,
)
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound, NotSupported
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.outbound_rows import Item
from brokerkit.core.vocabulary.topics import PublishTerms, Slice

from ..publish.copy_attributes import messages_to_copy
from .receipts import MoveWarning

if TYPE_CHECKING:
    from brokerkit.core.vocabulary.capabilities import Capabilities

    from ..base import BrokerSession
    from .sources import Part, Source

Headers = Literal["strip", "keep"]
LOOK_BACK = 5_000
"""How many of the newest messages of a target are searched for copies of an earlier call."""


@dataclass(slots=True)
class Copy:
    """One message that is to be moved.

    Attributes:
        row: Its row in the part that was read.
        name: The name of the original: its place, its id and the name of its copy.
        known_by: The name by which the copy is known again.
        facts: What its attributes say.
        target: The topic that it goes to. None if that is not known.
        message: What is sent. None if it cannot be sent.
        problem: Why not.
    """

    row: int
    name: str
    known_by: str
    facts: DeadLetterFacts
    target: str | None = None
    message: OutboundMessage | None = None
    problem: BrokerError | None = None


@dataclass(frozen=True)
class CopyRules:
    """How copies are made. The fields are arguments of `Session.redrive`.

    Attributes:
        to: The topic that all go to. None sends each to the topic that it came from.
        headers: Whether the headers that tell about the dead letter are left out.
        partitions: "key" lets the key decide; None keeps the partition of the origin where it is known.
        max_redrives: A message that was redriven so often is refused. None for messages that are no dead
            letters, which are not counted.
    """

    to: str | None = None
    headers: Headers = "strip"
    partitions: Literal["key"] | None = None
    max_redrives: int | None = 3


@dataclass
class Copies:
    """Makes the copies of messages of one place.

    Attributes:
        target: The session that they are sent to.
        rules: The headers that tell about a dead letter.
        given: How copies are made.
        features: The features of the system that they come from.
        same_broker: Whether they stay on the broker that they come from.
    """

    target: BrokerSession
    rules: HeaderRules
    given: CopyRules
    features: Capabilities
    same_broker: bool
    _terms: dict[str, PublishTerms] = field(default_factory=dict)
    _found: dict[str, set[str]] = field(default_factory=dict)

    def of(
        self,
        place: DeadLetterPlace,
        columns: Columns,
        rows: Sequence[int],
        given: Sequence[Item] | None = None,
    ) -> list[Copy]:
        """Return the copies of some rows.

        Args:
            place: The place that they were read from.
            columns: What was read.
            rows: Which rows.
            given: What is sent for each of them. None sends them as they are.
        """
        chosen = columns.take(rows)
        items = given
        if items is None:
            # they are sent now: with a time of long ago, retention would delete them at once
            items = messages_to_copy(
                replace(chosen, publish_time=None),
                self.target.capabilities,
                source=self.features,
                elsewhere=not self.same_broker,
            )
        copies = []
        for row, copy_id, attributes, item in zip(
            rows, self._names(place, chosen), chosen.values("attributes"), items, strict=True
        ):
            name, known_by = copy_id
            made = Copy(row, name, known_by, self.rules.facts(attributes))
            made.target = self.given.to or made.facts.topic or place.origin
            made.problem = self._problem(made, place, item)
            if made.problem is None and isinstance(item, OutboundMessage):
                made.message = self._message(made, item)
            copies.append(made)
        return copies

    def _names(self, place: DeadLetterPlace, columns: Columns) -> Iterable[tuple[str, str]]:
        """Return the name of each original, and the name of its copy.

        They depend on the content too: a topic that was deleted and created again has the same ids.
        """
        parts = (columns.values(name) for name in ("id", "publish_time", "key", "value"))
        for identity, time, key, value in zip(*parts, strict=True):
            made = sha256(f"{place.name} {identity} {time}".encode("utf-8", "surrogatepass"))
            for data in (key, value):
                made.update(b"-" if data is None else b"%d:" % len(data) + bytes(data))
            known_by = made.hexdigest()[:32]
            yield f"{place.name} {identity} {known_by}", known_by

    def _problem(self, made: Copy, place: DeadLetterPlace, item: Item) -> BrokerError | None:
        if isinstance(item, BrokerError):
            return item
        if made.facts.missing is not None:
            return NotFound(made.facts.missing)
        if made.target is None:
            return ConfigError("it does not say which topic it comes from: name one, to=...")
        if made.target == place.name and self.same_broker:
            return ConfigError(f"it would be sent to {place.name!r}, where it is: name another topic, to=...")
        most = self.given.max_redrives
        if most is not None and made.facts.redriven >= most:
            return NotSupported(
                f"it was redriven {made.facts.redriven} times already: mend its cause, or raise "
                f"max_redrives={most}"
            )
        return None

    def _message(self, made: Copy, item: OutboundMessage) -> OutboundMessage:
        attributes = item.attributes
        if self.given.headers == "strip" and self.given.max_redrives is not None:
            attributes = self.rules.stripped(attributes)
        kept = [pair for pair in attributes if pair[0] not in (REDRIVE_ID, REDRIVEN)]
        if self.given.max_redrives is not None:
            kept.append((REDRIVEN, str(made.facts.redriven + 1)))
        kept.append((REDRIVE_ID, made.known_by))
        item.attributes = Attributes.trusted(kept)
        item.publish_time = None
        item.partition = self._partition(made)
        item.send_again(f"bk-{made.known_by}-0", elsewhere=not self.same_broker)
        return item

    def _partition(self, made: Copy) -> int | None:
        """Return the partition of the origin, if it goes back there."""
        number = made.facts.partition
        if number is None or number < 0 or self.given.partitions == "key":
            return None
        if made.target is None or made.target != made.facts.topic:
            return None
        if not self.target.capabilities.publish_partition:
            return None
        count = self._terms_of(made.target).partitions
        return number if count is not None and number < count else None

    def _terms_of(self, topic: str) -> PublishTerms:
        if topic not in self._terms:
            try:
                self._terms[topic] = self.target.inspector.terms(topic)
            except BrokerError:
                # publishing says what is wrong with the topic
                self._terms[topic] = PublishTerms()
        return self._terms[topic]

    # Copies of an earlier call.

    def ends(self, topics: Iterable[str]) -> dict[str, list[list[Any]]]:
        """Return where targets end now, as a journal keeps it. Empty for those that cannot be read."""
        found: dict[str, list[list[Any]]] = {}
        if self.target.capabilities.slices == "never":
            return found
        for topic in topics:
            try:
                bounds = self.target.inspector.bounds(topic)
            except BrokerError:
                # publishing says what is wrong with the topic
                continue
            found[topic] = [[each.partition, str(each.end)] for each in bounds]
        return found

    def known_in(self, topic: str, ends: Mapping[int | None, int] | None) -> Set[str]:
        """Return the names of the copies in a target: those behind `ends`, or the newest.

        Raises:
            BrokerError: The target did not answer, so that nothing is known.
        """
        if topic not in self._found:
            self._found[topic] = self._search(topic, ends)
        return self._found[topic]

    def _search(self, topic: str, ends: Mapping[int | None, int] | None) -> set[str]:
        found: set[str] = set()
        if self.target.capabilities.slices == "never":
            return found
        inspector = self.target.inspector
        try:
            for each in inspector.bounds(topic):
                known = None if ends is None else ends.get(each.partition)
                back = each.start
                if each.end > each.start:
                    back = max(back, each.before(each.end, LOOK_BACK))
                start = back if known is None else min(max(each.start, known), back)
                with closing(inspector.read(Slice(topic, each.partition, start, each.end))) as reading:
                    for columns in reading:
                        found.update(_redrive_ids(columns))
        except (ConfigError, NotFound):
            # publishing says what is wrong with the topic
            return set()
        except BrokerError as error:
            if error.retryable:
                raise
            note(f"{topic!r} is not searched for copies that an earlier call sent: {error}", MoveWarning)
        return found


def sendable(source: Source, part: Part, copies: Sequence[Copy]) -> list[Copy]:
    """Return copies, without a message where the original would be redelivered although it is removed."""
    problems = source.returning(part, [each.row for each in copies if each.message is not None])
    return [
        replace(each, message=None, problem=problems[each.row]) if each.row in problems else each
        for each in copies
    ]


def up_to(most: int, copies: Sequence[Copy]) -> list[Copy]:
    """Return the first copies, of which at most so many can be sent."""
    found: list[Copy] = []
    for each in copies:
        most -= each.message is not None
        if most < 0:
            break
        found.append(each)
    return found


def _redrive_ids(columns: Columns) -> Iterator[str]:
    for attributes in columns.values("attributes"):
        name = Attributes.trusted(attributes).text(REDRIVE_ID) if attributes else None
        if name is not None:
            yield name
