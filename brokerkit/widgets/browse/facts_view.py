"""The facts about a topic as short texts for the tabs of a browser."""

from __future__ import annotations

import time
from typing import Any

from brokerkit.core.vocabulary.subscriptions import Progress, SubscriptionDescription
from brokerkit.core.vocabulary.topics import (
    EXACT,
    Bounds,
    Placement,
    SubscriptionInfo,
    TopicDescription,
    count_text,
)
from brokerkit.display.sanitize import plain, plain_lines
from brokerkit.display.units import setting_text

from ..moments import milliseconds_of
from ..protocol.topic_tabs import (
    PartitionLine,
    ProgressLine,
    Schema,
    SchemaVersion,
    SettingLine,
    SubscriptionLine,
    Subscriptions,
    SubscriptionShown,
    TopicFacts,
)
from ..row_view import size_text
from .topic_facts import Readers, SchemaFound

SHOWN_AT_ONCE = 200
SCHEMA_SHOWN = 60_000
SKEWED = 1.05
"""Partitions whose sizes differ by less are shown as even."""


def facts_view(described: TopicDescription) -> TopicFacts:
    """Return the texts for a topic: its counts, partitions, settings and slowest reader."""
    partitions, settings = described.partitions, described.settings
    messages = _messages_text(described)
    most = max((each.estimate for each in partitions), default=0)
    lines = [
        _partition(each, described.placements.get(each.partition, Placement()), most)
        for each in partitions[:SHOWN_AT_ONCE]
    ]
    copies = [each for each in described.placements.values() if each.replicas and each.in_sync is not None]
    there = sum(len(each.replicas or ()) for each in copies)
    in_sync = sum(len(each.in_sync or ()) for each in copies)
    changed = sum(bool(each.changed) for each in settings)
    facts = [
        messages,
        _counted(len(partitions), "partition") if partitions else "",
        size_text(described.bytes),
    ]
    return {
        "name": plain(described.name, 160),
        "facts": " · ".join(each for each in facts if each),
        "lag": _lag_text(described),
        "hidden": described.hidden,
        "messages": messages.removesuffix(" messages").removesuffix(" message"),
        "size": size_text(described.bytes),
        "in_sync": f"{in_sync} of {there}" if copies else "",
        "lacking": in_sync < there,
        "skew": _skew(partitions),
        "partitions": lines,
        "subscriptions": len(described.subscriptions),
        "settings": [_setting(each) for each in settings],
        "details": [
            (plain(str(name), 120), plain(setting_text(str(name), value), 400))
            for name, value in described.details.items()
            if value is not None
        ],
        "changed": changed,
        "more": max(0, len(partitions) - SHOWN_AT_ONCE),
    }


def _messages_text(described: TopicDescription) -> str:
    found = described.messages
    return "" if found is None else count_text(found, described.counted, "message")


def _lag_text(described: TopicDescription) -> str:
    """Return the reader with the largest lag, in words; empty if all have read everything."""
    behind = [each for each in described.subscriptions if each.lag]
    if not behind:
        return ""
    slowest = max(behind, key=lambda each: each.lag or 0)
    others = f", {len(behind) - 1} more behind" if len(behind) > 1 else ""
    return f"{plain(slowest.name, 60)}: lag {count_text(slowest.lag or 0, slowest.counted)}{others}"


def _skew(partitions: tuple[Bounds, ...]) -> str:
    counts = [each.estimate for each in partitions]
    if len(counts) < 2 or not max(counts):
        return ""
    least, most = min(counts), max(counts)
    if least and most / least < SKEWED:
        return "even"
    return f"{most / least:.2f} times" if least else "one is empty"


def _partition(bounds: Bounds, placement: Placement, most: int) -> PartitionLine:
    replicas, in_sync = placement.replicas, placement.in_sync
    shown = bounds.end >= EXACT
    hidden = f" (+{bounds.hidden:,} not readable yet)" if bounds.hidden else ""
    return {
        "partition": "" if bounds.partition is None else str(bounds.partition),
        "leader": plain(placement.leader or "", 80),
        "replicas": plain(" ".join(replicas or ()), 80),
        "in_sync": plain(" ".join(in_sync or ()), 80),
        "lacking": bool(replicas) and in_sync is not None and len(in_sync) < len(replicas or ()),
        "start": plain(str(bounds.show(bounds.start) if shown else bounds.start), 80),
        "end": plain(str(bounds.show(bounds.end) if shown else bounds.end), 80) + hidden,
        "messages": count_text(bounds.estimate, bounds.counted),
        "share": bounds.estimate / most if most else 0.0,
        "size": size_text(placement.bytes),
    }


def _setting(setting: Any) -> SettingLine:
    return {
        "name": plain(setting.name, 120),
        "text": plain(setting_text(setting.name, setting.value), 400),
        "value": plain(str(setting.value), 400),
        "changed": setting.changed,
    }


def subscriptions_view(readers: Readers) -> Subscriptions:
    """Return the texts for the readers of a topic."""
    now = time.time_ns() // 1_000
    most = max((each.lag or 0 for each in readers.rows), default=0)
    return {
        "type": "subscriptions",
        "loading": readers.loading,
        "rows": [_reader(each, most, now) for each in readers.rows[:SHOWN_AT_ONCE]],
        "chosen": None if readers.chosen is None else _subscription(readers.chosen, now),
        "problem": plain(readers.problem, 400),
        "more": max(0, len(readers.rows) - SHOWN_AT_ONCE),
    }


def _reader(info: SubscriptionInfo, most: int, now: int) -> SubscriptionLine:
    return {
        "name": plain(info.name, 120),
        "kind": plain(info.kind, 40),
        "state": plain(info.state or "", 40),
        "members": _number(info.members),
        "lag": "not known" if info.lag is None else count_text(info.lag, info.counted),
        "share": (info.lag or 0) / most if most else 0.0,
        "in_flight": _number(info.in_flight),
        "oldest": _age(info.oldest, now),
        "oldest_at": milliseconds_of(info.oldest),
    }


def _subscription(described: SubscriptionDescription, now: int) -> SubscriptionShown:
    info = described.info
    most = max((each.lag or 0 for each in described.progress), default=0)
    members = described.members
    return {
        "name": plain(info.name, 120),
        "head": head_of(info),
        "progress": [progress_line(each, most, now) for each in described.progress[:SHOWN_AT_ONCE]],
        "members": None
        if members is None
        else [
            (
                plain(each.client or each.id, 120),
                plain(each.host or "", 120),
                ", ".join(map(str, each.partitions)),
            )
            for each in members[:SHOWN_AT_ONCE]
        ],
        "settings": [
            (plain(name, 120), plain(setting_text(name, value), 400))
            for name, value in described.settings.items()
            if value is not None
        ],
    }


def head_of(info: SubscriptionInfo) -> str:
    """Return what a subscription is and how far it has come, in a line."""
    lag = "lag not known" if info.lag is None else f"lag {count_text(info.lag, info.counted, 'message')}"
    flight = "" if info.in_flight is None else f", {info.in_flight:,} in flight"
    state = "" if info.state is None else f" ({info.state})"
    return plain(f"{info.kind} {info.name}{state}: {lag}{flight}", 300)


def progress_line(progress: Progress, most: int, now: int) -> ProgressLine:
    """Return how far a subscription has come in a partition."""
    bounds = progress.bounds
    return {
        "partition": "" if progress.partition is None else str(progress.partition),
        "committed": _place(progress.committed, bounds),
        "end": _place(None if bounds is None else bounds.end, bounds),
        "lag": "" if progress.lag is None else count_text(progress.lag, progress.counted),
        "share": (progress.lag or 0) / most if most else 0.0,
        "oldest": _age(progress.oldest, now),
        "oldest_at": milliseconds_of(progress.oldest),
    }


def _place(position: int | None, bounds: Bounds | None) -> str:
    if position is None:
        return ""
    return plain(str(position if bounds is None or position < EXACT else bounds.show(position)), 80)


def schema_view(found: SchemaFound) -> Schema:
    """Return the texts for the versions of a schema, each with what it changed."""
    versions = found.versions
    return {
        "type": "schema",
        "loading": found.loading,
        "key": found.key,
        "subject": "" if versions is None else plain(versions.subject, 160),
        "level": "" if versions is None else plain(versions.level or "", 60),
        "versions": [] if versions is None else [_version(found, number) for number in versions.versions],
        "problem": plain(found.problem, 400),
    }


def _version(found: SchemaFound, number: int) -> SchemaVersion:
    versions = found.versions
    assert versions is not None
    row = versions.frame.set_index("version").loc[number]
    first = number == versions.versions[0]
    difference = "" if first else versions.difference(new=number)
    return {
        "version": number,
        "id": "" if row["id"] is None or row["id"] != row["id"] else str(row["id"]),
        "kind": plain(str(row["type"]), 40),
        "text": plain_lines(versions.text(number)[:SCHEMA_SHOWN]),
        "difference": plain_lines(difference[:SCHEMA_SHOWN]),
    }


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _age(moment: int | None, now: int) -> str:
    """Return the time since a moment, in its two largest units."""
    return "" if moment is None else age_text(max(0, now - moment) // 1_000_000)


def age_text(left: int) -> str:
    """Return seconds in their two largest units."""
    parts: list[str] = []
    for name, seconds in (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        amount, left = divmod(left, seconds)
        if amount or (parts and name != "s"):
            many = "s" if name == "day" and amount != 1 else ""
            parts.append(f"{amount} {name}{many}")
    return " ".join(parts[:2]) or "0 s"
