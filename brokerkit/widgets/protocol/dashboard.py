"""What a dashboard says to its view, and the view to it."""

from __future__ import annotations

from typing import Literal, TypedDict

from .browse import Tab


class Figure(TypedDict):
    """One figure at the top; `points` are its last values, from 0 to 100."""

    name: str
    value: str
    note: str
    level: Literal["", "warn", "bad"]
    points: list[int]


class Concern(TypedDict):
    """Something that needs a look: a sentence about a subject, and the tab of a topic that shows more.

    `at` is since when, where the sentence says that.
    """

    sign: Literal["warn", "dead", "bad"]
    subject: str
    text: str
    n: int
    tab: Tab
    action: str
    at: int | None


class DashboardState(TypedDict):
    """What a dashboard shows besides its topics."""

    screen: Literal["dashboard"]
    session: str
    marks: list[str]
    facts: str
    refreshed: str
    refreshed_at: int | None
    every: float
    running: bool
    paused: bool
    closed: bool
    problem: str
    figures: list[Figure]
    concerns: list[Concern]
    notes: list[str]
    call: str


class TopicRates(TypedDict):
    """A topic in a line; its number is good as long as the dashboard."""

    n: int
    name: str
    coming: str
    points: list[int]
    leaving: str
    backlog: str
    behind: bool
    oldest: str
    oldest_at: int | None
    dead: str
    slowest: str
    stored: str


class RatesShown(TypedDict):
    """The topics that were asked for; `busy` and `all` count those with traffic or backlog, and all."""

    type: Literal["rates"]
    rows: list[TopicRates]
    total: int
    busy: int
    all: int


DashboardShown = RatesShown


class DashboardAction(TypedDict):
    """A click without more to say."""

    type: Literal["hello", "here", "pause", "resume", "stop", "refresh"]


class FindRates(TypedDict):
    """Which topics to show."""

    type: Literal["find"]
    text: str
    all: bool


class SetEvery(TypedDict):
    """Look every so many seconds from now on."""

    type: Literal["every"]
    seconds: float


class OpenTopic(TypedDict):
    """Show a topic in the workbench."""

    type: Literal["topic"]
    n: int
    tab: Tab


DashboardDone = DashboardAction | FindRates | SetEvery | OpenTopic
