"""Which topics rows may name that match a filter, where a topic stands for several, such as a wildcard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.topics import Slice

from ..filters import Filter

MOST = 100
"""With more of them all are read."""


def topics_of(inspector: ConnectedInspector, topic: str, wanted: Filter) -> tuple[str, ...] | None:
    """Return the topics within a topic of which a message may match; None if that leaves none out."""
    expression = wanted.expression
    if expression is None or "topic" not in expression.columns:
        return None
    names = inspector.topics_within(topic)
    if names is None:
        return None
    matching = expression.topics(names)
    return tuple(matching) if len(matching) < len(names) and len(matching) <= MOST else None


def only_with(inspector: ConnectedInspector, slices: Sequence[Slice], wanted: Filter) -> list[Slice]:
    """Return the slices without the messages of topics that a filter rules out."""
    known = {topic: topics_of(inspector, topic, wanted) for topic in dict.fromkeys(s.topic for s in slices)}
    found = []
    for each in slices:
        only = known[each.topic]
        if only is None:
            found.append(each)
            continue
        if each.only is not None:
            only = tuple(name for name in only if name in each.only)
        if only:
            found.append(replace(each, only=only, counted="about" if each.counted == "about" else "at most"))
    return found
