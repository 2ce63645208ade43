"""What a browser says of the chosen topic besides its messages."""

from __future__ import annotations

from typing import Literal, TypedDict


class PartitionLine(TypedDict):
    """One partition; `share` is its part of the largest, from 0 to 1."""

    partition: str
    leader: str
    replicas: str
    in_sync: str
    lacking: bool
    start: str
    end: str
    messages: str
    share: float
    size: str


class SettingLine(TypedDict):
    """One setting, in units that a person reads and as the system has it."""

    name: str
    text: str
    value: str
    changed: bool | None


class TopicFacts(TypedDict):
    """What is known of the chosen topic; `more` counts what is not listed."""

    name: str
    facts: str
    lag: str
    hidden: str
    messages: str
    size: str
    in_sync: str
    lacking: bool
    skew: str
    partitions: list[PartitionLine]
    subscriptions: int
    settings: list[SettingLine]
    details: list[tuple[str, str]]
    changed: int
    more: int


class Described(TypedDict):
    """The chosen topic; None before it is known, or where `problem` says why it is not."""

    type: Literal["described"]
    topic: TopicFacts | None
    problem: str


class SubscriptionLine(TypedDict):
    """One subscription of the topic."""

    name: str
    kind: str
    state: str
    members: str
    lag: str
    share: float
    in_flight: str
    oldest: str
    oldest_at: int | None


class ProgressLine(TypedDict):
    """How far a subscription has come in one partition."""

    partition: str
    committed: str
    end: str
    lag: str
    share: float
    oldest: str
    oldest_at: int | None


class SubscriptionShown(TypedDict):
    """One subscription in full; `members` is None where the system does not say."""

    name: str
    head: str
    progress: list[ProgressLine]
    members: list[tuple[str, str, str]] | None
    settings: list[tuple[str, str]]


class Subscriptions(TypedDict):
    """Who reads the topic."""

    type: Literal["subscriptions"]
    loading: bool
    rows: list[SubscriptionLine]
    chosen: SubscriptionShown | None
    problem: str
    more: int


class ResetLine(TypedDict):
    """What a reset does to one partition; `again` is how many more are to be read."""

    partition: str
    before: str
    after: str
    lag: str
    again: str
    status: str
    error: str


class ResetShown(TypedDict):
    """The plan of a reset, or its receipts where it is `done`; `typed` is the name as it is to be typed."""

    type: Literal["reset"]
    subscription: str
    typed: str
    to: str
    running: bool
    done: bool
    rows: list[ResetLine]
    summary: str
    notes: list[str]
    problem: str
    refused: str
    confirm: bool
    call: str


class SchemaVersion(TypedDict):
    """One version of a schema; `difference` is what it changed, as a unified diff."""

    version: int
    id: str
    kind: str
    text: str
    difference: str


class Schema(TypedDict):
    """The schema of the topic's values or keys."""

    type: Literal["schema"]
    loading: bool
    key: bool
    subject: str
    level: str
    versions: list[SchemaVersion]
    problem: str
