"""What the view of a browser says to it: clicks, and what was typed."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from .browse import Tab
from .changes import CarryOutChange, ChangeAction, PlanChange
from .companions import CompanionDone, Which
from .conditions import AskFields, TryChange
from .exports import CopyRows, Export
from .filters import DeleteFilter, SaveFilter
from .lag import LookAtLag
from .letters import ChooseLetters, EditLetter, GroupLetters, LookForLetters, OpenLetters, ShowLetter
from .messages import Form


class BrowseAction(TypedDict):
    """A click without more to say."""

    type: Literal[
        "hello",
        "here",
        "refresh",
        "stop",
        "again",
        "unselect",
        "copy",
        "compare",
        "follow",
        "back",
        "filters",
    ]


class Compose(TypedDict):
    """Compose a new message, or one that starts with the chosen rows; `replace` gives up what is not sent."""

    type: Literal["compose"]
    what: Literal["new", "edit"]
    replace: bool


class PutAway(TypedDict):
    """Close the composer or the tail; `replace` gives up what is not sent."""

    type: Literal["put_away"]
    which: Which
    replace: bool


class GoOn(TypedDict):
    """Read on, up to a limit raised by as many rows, or to the end."""

    type: Literal["continue"]
    all: bool


class AskTopics(TypedDict):
    """A part of the topics whose names hold these words."""

    type: Literal["topics"]
    first: int
    count: int
    text: str
    sort: str
    internal: bool
    tree: bool
    backlogs: bool
    asked: int


class OpenBranch(TypedDict):
    """Open or close a branch of the tree: so much of the name of the topic with a number."""

    type: Literal["branch"]
    n: int
    branch: int
    open: bool
    generation: int


class ChooseTopic(TypedDict):
    """The topic with a number."""

    type: Literal["topic"]
    n: int
    generation: int


class AskQuery(TypedDict):
    """A query as it is typed; `kept` keeps the filter that was set in code."""

    type: Literal["query"]
    newest: bool
    limit: str
    partitions: str
    key: str
    header: str
    mode: Literal["text", "python"]
    where: str
    start: str
    end: str
    decode: str
    decode_key: str
    kept: bool
    effect: str | None
    subscription: str | None
    confirm: str | None


class AskRows(TypedDict):
    """A part of the rows."""

    type: Literal["rows"]
    first: int
    count: int


class SortBy(TypedDict):
    """The place of the column that was clicked."""

    type: Literal["sort"]
    column: int


class ShowColumns(TypedDict):
    """The columns to show, by their places among all, in order; None for the usual ones."""

    type: Literal["columns"]
    shown: list[int] | None


class Expand(TypedDict):
    """Whether JSON fields are columns."""

    type: Literal["expand"]
    on: bool


class Select(TypedDict):
    """A click on a row: it alone, it too, or the range up to it; `id` is None for rows out of view."""

    type: Literal["select"]
    place: int
    id: str | None
    how: Literal["one", "toggle", "range"]
    turn: str


class AskPayload(TypedDict):
    """A part of the payload."""

    type: Literal["payload"]
    form: Form
    path: NotRequired[list[int]]
    first: NotRequired[int]


class Step(TypedDict):
    """The message above (-1) or below (1), or before and after along its partition, key or one header."""

    type: Literal["step"]
    by: Literal[-1, 1]
    along: Literal["rows", "partition", "key", "header"]
    header: NotRequired[int]


class FollowHeader(TypedDict):
    """Find the messages with the same value of the header at a place."""

    type: Literal["header"]
    place: int


class AskHistogram(TypedDict):
    """The histogram of the topic or of the rows found."""

    type: Literal["histogram"]
    of: Literal["topic", "rows"]


class SetWindow(TypedDict):
    """A window of time, in milliseconds since 1970; None for the ends of the topic."""

    type: Literal["window"]
    start: float | None
    end: float | None


class Try(TypedDict):
    """A filter that is being typed."""

    type: Literal["try"]
    mode: Literal["text", "python"]
    where: str


class AskRange(TypedDict):
    """The ends of a range that are being typed; the answer repeats `asked`."""

    type: Literal["range"]
    start: str
    end: str
    asked: int


class OpenTab(TypedDict):
    """A tab that is shown now."""

    type: Literal["open"]
    tab: Tab
    key: bool


class ShowSubscription(TypedDict):
    """The subscription in a line."""

    type: Literal["subscription"]
    place: int | None


class PlanReset(TypedDict):
    """Plan to move the chosen subscription to a position as it is typed."""

    type: Literal["plan_reset"]
    to: str


class CarryOutReset(TypedDict):
    """Carry out the plan; with the subscription's name where production asks for it."""

    type: Literal["carry_out_reset"]
    confirm: str | None


class FieldAction(TypedDict):
    """What to do with a field of the value: show it as a column, filter by its value, or copy its path."""

    type: Literal["field"]
    path: list[int]
    what: Literal["column", "filter", "path"]


BrowseDone = (
    BrowseAction
    | GoOn
    | Compose
    | PutAway
    | CompanionDone
    | Export
    | CopyRows
    | PlanReset
    | CarryOutReset
    | LookForLetters
    | GroupLetters
    | OpenLetters
    | ChooseLetters
    | ShowLetter
    | EditLetter
    | PlanChange
    | CarryOutChange
    | ChangeAction
    | AskTopics
    | OpenBranch
    | ChooseTopic
    | AskQuery
    | AskRows
    | SortBy
    | ShowColumns
    | Expand
    | Select
    | AskPayload
    | Step
    | AskHistogram
    | SetWindow
    | Try
    | AskRange
    | OpenTab
    | ShowSubscription
    | FieldAction
    | SaveFilter
    | DeleteFilter
    | FollowHeader
    | LookAtLag
    | AskFields
    | TryChange
)
