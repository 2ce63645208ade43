"""Dead letters: the topics that hold them, and what their attributes say about why and where from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .attributes import Attributes, Pair

Removal = Literal["take", "delete", "position"]
"""Taken from a subscription and acknowledged; deleted by their ids; or remembered in a group's position."""
Fact = Literal[
    "reason",
    "description",
    "deliveries",
    "time",
    "topic",
    "partition",
    "offset",
    "subscription",
    "redriven",
    "missing",
]
FACTS: tuple[Fact, ...] = (
    "reason", "description", "deliveries", "time", "topic", "partition", "offset", "subscription", "redriven",
    "missing",
)  # fmt: skip

REDRIVEN = "bk-redriven"
"""The attribute that counts how often a message was redriven."""
REDRIVE_ID = "bk-redrive-id"
"""The attribute of a copy with the name of its original, by which a later run knows it again."""
OURS = "bk-dead-letter-"


@dataclass(frozen=True, slots=True)
class DeadLetterPlace:
    """A topic that holds dead letters.

    Attributes:
        name: The name of the topic, as it is read.
        kind: What it holds, in words: "dead letters", "retries".
        removal: How one of its messages is removed.
        origin: The topic that they come from, where that is known.
        subscription: The subscription that gave them up, where that is known.
        through: The subscription or group through which they are taken, or which remembers them.
        lock_seconds: How long a message that was taken stays locked, where a process that was killed may
            have left some so.
        caution: What should be known before its messages are sent again.
        key_option: The option that names a key, where a consumer takes the messages of one key.
        consumer_options: More options of that consumer.
    """

    name: str
    kind: str
    removal: Removal
    origin: str | None = None
    subscription: str | None = None
    through: str | None = None
    lock_seconds: float | None = None
    caution: str | None = None
    key_option: str | None = None
    consumer_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """The attributes in which one framework writes why a message was given up, and where it came from.

    Attributes:
        facts: The fact that an attribute tells, by its name.
        strips: A regular expression of the names that are left out when the message is sent again.
        binary: Whether numbers are big-endian bytes.
    """

    facts: Mapping[str, Fact]
    strips: str
    binary: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetterFacts:
    """What the attributes of a dead letter say. What they do not say is None.

    Attributes:
        reason: Why it was given up, in a word or a class name.
        description: The same in a sentence.
        deliveries: How often it was tried.
        time: When it was first published, in microseconds since 1970.
        topic, partition, offset: Where it was.
        subscription: The subscription, group or connector that gave it up.
        redriven: How often it was redriven.
        missing: Why the message itself is not known any more, where only a notice of it is kept.
    """

    reason: str | None = None
    description: str | None = None
    deliveries: int | None = None
    time: int | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    subscription: str | None = None
    redriven: int = 0
    missing: str | None = None


def _rule(prefix: str, strips: str = "", *, binary: bool = False, **facts: str) -> HeaderRule:
    """Return a rule for the names that begin with a prefix, one or several for each fact."""
    named: dict[str, Any] = {
        prefix + name: fact for fact, names in facts.items() for name in names.split(" ")
    }
    return HeaderRule(named, strips or re.escape(prefix) + r".*", binary)


OWN_RULES: tuple[HeaderRule, ...] = (
    _rule(
        OURS,
        reason="reason", description="description", deliveries="deliveries", time="time", topic="topic",
        partition="partition", offset="offset", subscription="subscription", missing="missing",
    ),
    HeaderRule({REDRIVEN: "redriven"}, f"{REDRIVEN}|{REDRIVE_ID}"),
)  # fmt: skip
COMMON_RULES: tuple[HeaderRule, ...] = (
    *OWN_RULES,
    # the connectors of a log, and its stream processors
    _rule(
        "__connect.errors.",
        topic="topic", partition="partition", offset="offset", subscription="connector.name",
        reason="exception.class.name", description="exception.message",
    ),
    _rule(
        "__streams.errors.",
        reason="exception", description="message", topic="topic", partition="partition", offset="offset",
    ),
    # Spring Cloud Stream
    _rule(
        "x-original-",
        strips="x-original-(topic|partition|offset|timestamp|timestamp-type)",
        binary=True, topic="topic", partition="partition", offset="offset", time="timestamp",
    ),
    _rule(
        "x-exception-",
        strips="x-exception-(fqcn|message|stacktrace)",
        reason="fqcn", description="message",
    ),
    # SmallRye
    _rule(
        "dead-letter-",
        strips=r"dead-letter-(topic|partition|offset|reason|cause|exception-class-name|cause-class-name)",
        topic="topic", partition="partition", offset="offset", reason="exception-class-name reason",
        description="cause",
    ),
    # Watermill
    HeaderRule(
        {"reason_poisoned": "reason", "topic_poisoned": "topic", "subscriber_poisoned": "subscription"},
        "(reason|topic|handler|subscriber)_poisoned",
    ),
)  # fmt: skip


class HeaderRules:
    """Several rules together. The first that knows a fact tells it.

    Args:
        rules: The rules.
        named: Returns the topic that an attribute names, as it is published to. None for the same.
    """

    def __init__(self, rules: Sequence[HeaderRule], named: Callable[[str], str] | None = None) -> None:
        self._named = named
        self._facts: dict[str, tuple[int, Fact, bool]] = {}
        for place, rule in enumerate(rules):
            for order, (name, fact) in enumerate(rule.facts.items()):
                self._facts.setdefault(name, (100 * place + order, fact, rule.binary))
        self._strips = re.compile("|".join(f"(?:{rule.strips})" for rule in rules))

    def facts(self, attributes: Iterable[Pair] | None) -> DeadLetterFacts:
        """Return what the attributes of a message say."""
        found: dict[str, Any] = {}
        ranks: dict[str, int] = {}
        for name, value in attributes or ():
            known = self._facts.get(name)
            if known is None:
                continue
            rank, fact, binary = known
            read = _text(value) if fact in _TEXTS else _number(value, binary)
            if fact == "time":
                read = _microseconds(read)
            if read is not None and rank <= ranks.get(fact, rank):
                found[fact], ranks[fact] = read, rank
        if self._named is not None and "topic" in found:
            found["topic"] = self._named(found["topic"])
        return DeadLetterFacts(**found) if found else NO_FACTS

    def stripped(self, attributes: Attributes) -> Attributes:
        """Return the attributes without those that tell about a dead letter."""
        kept = [pair for pair in attributes if not self._strips.fullmatch(pair[0])]
        return attributes if len(kept) == len(attributes) else Attributes.trusted(kept)


NO_FACTS = DeadLetterFacts()
MAX_NUMBER = 2**63 - 1
MAX_MILLISECONDS = 253_402_300_799_999
_TEXTS = frozenset({"reason", "description", "topic", "subscription", "missing"})


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _number(value: Any, binary: bool) -> int | None:
    if isinstance(value, int):
        return value if -MAX_NUMBER <= value <= MAX_NUMBER else None
    if binary and isinstance(value, bytes) and len(value) in (4, 8):
        return int.from_bytes(value, "big", signed=True)
    text = _text(value)
    # longer ones are no number that a broker counts
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _microseconds(milliseconds: Any) -> int | None:
    """Return a time, or None for what no clock shows: a negative one, or one after the year 9999."""
    if isinstance(milliseconds, int) and 0 <= milliseconds <= MAX_MILLISECONDS:
        return 1000 * milliseconds
    return None


# Names of topics.

NAMINGS: tuple[str, ...] = (
    "{topic}-dead-letters", "{topic}.dead-letters", "{topic}_dead_letters", "{topic}-dead-letter",
    "{topic}.dead-letter", "{topic}-deadletter", "{topic}.deadletter", "{topic}-dlq", "{topic}.dlq",
    "{topic}_dlq", "{topic}-dlt", "{topic}.dlt", "{topic}_dlt", "dlq-{topic}", "dlq.{topic}", "dlq_{topic}",
    "dead-letter-{topic}", "dead-letters-{topic}", "dead-letter-topic-{topic}", "error.{topic}.*",
)  # fmt: skip
"""How topics of dead letters are named after their topic. Case does not matter; "*" stands for anything."""
RETRIES: tuple[str, ...] = ("{topic}-retry", "{topic}.retry", "{topic}-retry-*", "{topic}_retry")
_RETRYING = re.compile(r"[._\-]retry(?:-.*)?$", re.IGNORECASE)
_TELLING = re.compile(r"(?:^|[._\-])(?:dlq|dlt|dead[._\-]?letters?)(?:$|[._\-])", re.IGNORECASE)


def named_after(topic: str, names: Iterable[str], naming: str | None = None) -> dict[str, str]:
    """Return the topics that hold dead letters or retries of a topic by their names, each with its kind.

    One that is named more exactly after another topic is left out: after a longer name, or in the same case.

    Args:
        topic: The name of the topic.
        names: The names of all topics.
        naming: The rule for the names, such as "dlq.{topic}". None tries those that are usual.
    """
    kinds = [("dead letters", (naming,))] if naming else [("dead letters", NAMINGS), ("retries", RETRIES)]
    every = {name: name.lower() for name in names}
    found: dict[str, str] = {}
    for kind, rules in kinds:
        for name in every:
            if name != topic and _exactness(name, topic, rules) is not None:
                found[name] = kind
    others = {name: text for name, text in every.items() if len(name) >= len(topic) and name != topic}
    rules = tuple(rule for _, some in kinds for rule in some)
    return {name: kind for name, kind in found.items() if not _is_of_another(name, topic, others, rules)}


def by_their_topics(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the topics whose names say that they hold dead letters, by the topics they are named after.

    It is the same as `named_after` and `is_telling` of each topic, in the time of one look at the names.
    """
    spelled: dict[str, list[str]] = {}
    for name in names:
        spelled.setdefault(name.lower(), []).append(name)
    found: dict[str, list[str]] = {}
    for name in filter(is_telling, names):
        made: dict[str, tuple[bool, int]] = {}
        retries: set[str] = set()
        for rule in (*NAMINGS, *RETRIES):
            for part in _parts(name, rule):
                for topic in spelled.get(part.lower(), ()):
                    if topic != name:
                        made[topic] = max(made.get(topic, (False, 0)), (topic == part, len(topic)))
                        retries.update((topic,) if rule in RETRIES else ())
        best = max(made.values(), default=None)
        for topic, exactness in made.items():
            if exactness == best and topic not in retries:
                found.setdefault(topic, []).append(name)
    return found


def _parts(name: str, rule: str) -> Iterator[str]:
    """Iterate over what may stand for the topic in a rule that makes a name."""
    before, _, after = rule.partition("{topic}")
    if name[: len(before)].lower() != before:
        return
    if after.endswith("*"):
        place = name.lower().find(after[:-1], len(before) + 1)
        while place > 0:
            yield name[len(before) : place]
            place = name.lower().find(after[:-1], place + 1)
    elif len(name) > len(before) + len(after) and name[len(name) - len(after) :].lower() == after:
        yield name[len(before) : len(name) - len(after)]


def _is_of_another(name: str, topic: str, others: Mapping[str, str], rules: Sequence[str]) -> bool:
    own, text = _exactness(name, topic, rules), name.lower()
    for other, lower in others.items():
        if lower in text and other != name:
            theirs = _exactness(name, other, rules)
            if theirs is not None and own is not None and theirs > own:
                return True
    return False


def _exactness(name: str, topic: str, rules: Sequence[str]) -> tuple[bool, int] | None:
    """Return how exactly rules make a name of a topic's: in the same case, how long it is. None if not."""
    if topic.lower() not in name.lower():
        return None
    pattern = "|".join(_pattern(rule, topic) for rule in rules)
    if re.fullmatch(pattern, name, re.IGNORECASE) is None:
        return None
    return any(re.fullmatch(_pattern(rule, topic), name) is not None for rule in rules), len(topic)


def _pattern(rule: str, topic: str) -> str:
    """Return an expression in which the case of the topic matters, but not that of the rule."""
    parts = (f"(?i:{re.escape(part)})".replace(r"\*", ".*") for part in rule.split("{topic}"))
    return re.escape(topic).join(parts)


def is_retrying(name: str) -> bool:
    """Return whether the name of a topic says that it holds what is to be retried."""
    return _RETRYING.search(name) is not None


def is_telling(name: str) -> bool:
    """Return whether the name of a topic says that it holds dead letters."""
    return _TELLING.search(name) is not None
