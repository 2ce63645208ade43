"""What a topic browser says to its view."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from .changes import Changed
from .companions import Companion, CompanionOpened, CompanionSaid
from .conditions import FieldsSeen, TriedChange
from .exports import CopiedRows, Exported, Exporting
from .filters import FiltersShown
from .lag import LagShown
from .letters import LettersShown
from .messages import Chosen, ComparedRows, Copied, Detail, PayloadPart, Rows
from .topic_tabs import Described, ResetShown, Schema, Subscriptions

Tab = Literal[
    "messages", "partitions", "subscriptions", "configuration", "schema", "letters", "compose", "live"
]
Kept = Literal["", "new", "edit", "close"]
"""What was to be composed instead of a message that was not sent yet, or that it was to be closed."""


class EffectChoice(TypedDict):
    """A side effect that must be chosen where no look is free."""

    value: str
    text: str
    needs_subscription: bool


class QueryForm(TypedDict):
    """The fields of a query as they are typed; `function` is a filter that was set in code."""

    newest: bool
    limit: str
    partitions: str
    key: str
    header: str
    mode: Literal["text", "python"]
    where: str
    function: bool
    start: str
    end: str
    decode: str
    decode_key: str


class SearchState(TypedDict):
    """How far a search has come; `share` is what was read of all, from 0 to 1.

    `more` and `all` say how it can go on; they are empty where it cannot.
    """

    status: str
    text: str
    errors: str
    share: float | None
    running: bool
    more: str
    all: str
    backwards: bool


class BrowseState(TypedDict):
    """What a browser shows besides rows and messages.

    `lacks` are the changes that the system does not have, `held` those that cannot be made now, each with the
    reason.
    """

    session: str
    marks: list[str]
    effect: str
    harmless: bool
    masks: str
    choices: list[EffectChoice]
    confirm: bool
    closed: bool
    lost: bool
    topic: str
    form: QueryForm | None
    expand: bool
    problem: str
    search: SearchState
    call: str
    fixed_call: str
    columns: list[tuple[str, bool]]
    sort: tuple[int | None, bool] | None
    marked: int
    newest_on_top: bool
    composing: bool
    kept: Kept
    following: bool
    formats: list[str]
    key_formats: list[str]
    lacks: dict[str, str]
    held: dict[str, str]
    first_tab: NotRequired[Tab]
    back: NotRequired[str]


class TopicLine(TypedDict):
    """One topic of the list, or a branch of the tree; `messages` is short, `exactly` is not.

    `branch` is how much of the name of topic `n` is that of the branch, 0 for a topic; `size_of` is how many
    topics it has; `up` is how many lines above it the branch around it is, 0 where there is none.
    """

    n: int
    name: str
    label: str
    depth: int
    up: int
    branch: int
    size_of: int
    open: bool
    messages: str
    exactly: str
    size: str
    backlog: str
    dead: str
    internal: bool
    chosen: bool


class Topics(TypedDict):
    """A part of the list of topics; its numbers are good for this generation.

    `total` counts lines, `found` and `all` topics; `separator` is what the names are grouped by.
    """

    type: Literal["topics"]
    first: int
    total: int
    found: int
    all: int
    separator: str
    generation: int
    rows: list[TopicLine]
    asked: int | None


class Counts(TypedDict):
    """Counts between edges, in milliseconds since 1970."""

    edges: list[int]
    counts: list[int]
    source: str
    label: str


class HistogramShown(TypedDict):
    """Messages over time."""

    type: Literal["histogram"]
    histogram: Counts | None


class Tried(TypedDict):
    """What a filter that is being typed does to the rows shown."""

    type: Literal["tried"]
    text: str


class Meant(TypedDict):
    """What a position means that is being typed, or what is wrong with it; `at` is in ms since 1970."""

    text: str
    at: int | None
    wrong: str


class RangeMeant(TypedDict):
    """What the two ends of a range mean; `asked` is that of the question."""

    type: Literal["meant"]
    asked: int
    start: Meant
    end: Meant


class Calls(TypedDict):
    """The Python call of a tab."""

    type: Literal["call"]
    tab: Tab
    call: str


BrowseShown = (
    Topics
    | Rows
    | Chosen
    | Detail
    | PayloadPart
    | Copied
    | ComparedRows
    | HistogramShown
    | Tried
    | RangeMeant
    | Described
    | Subscriptions
    | Schema
    | Calls
    | Companion
    | CompanionSaid
    | CompanionOpened
    | Exporting
    | Exported
    | CopiedRows
    | ResetShown
    | LettersShown
    | FiltersShown
    | Changed
    | LagShown
    | FieldsSeen
    | TriedChange
)
