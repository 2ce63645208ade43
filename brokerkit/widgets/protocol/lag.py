"""What a topic browser and its view say about lag over time."""

from __future__ import annotations

from typing import Literal, TypedDict

from .topic_tabs import ProgressLine


class LookAtLag(TypedDict):
    """Look at the lag again: the tab of subscriptions is in sight."""

    type: Literal["lag"]


class LagLine(TypedDict):
    """The lag of one partition at each of the times; None where it is not known."""

    partition: str
    points: list[int | None]


class LagRow(TypedDict):
    """A subscription's lag now, its part of the largest, and the last ones from 0 to 100."""

    name: str
    lag: str
    share: float
    points: list[int]


class LagShown(TypedDict):
    """The lag of the subscriptions while their tab is in sight.

    `times` are in ms since 1970, `total` and `lines` those of the chosen subscription; `more` partitions
    have no line. The view asks again after `every` seconds; `cost` says what that asks of the broker.
    """

    type: Literal["lag"]
    rows: list[LagRow]
    subscription: str
    described: str
    times: list[int]
    total: list[int | None]
    lines: list[LagLine]
    progress: list[ProgressLine]
    more: int
    head: str
    growing: bool
    every: float
    cost: str
    problem: str
    call: str
