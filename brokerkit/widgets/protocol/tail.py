"""What a tail and its view say to each other."""

from __future__ import annotations

from typing import Literal, TypedDict

from .conditions import AskFields, ConditionMode, FieldsSeen
from .formats import ChooseFormats

PayloadKind = Literal["text", "bytes", "null"]


class TailState(TypedDict):
    """What a tail shows besides its rows."""

    topic: str
    session: str
    marks: list[str]
    status: str
    running: bool
    text: str
    problem: str
    paused: bool
    key: str
    mode: ConditionMode
    where: str
    function: str
    filtered: bool
    filter_errors: str
    formats: list[str]
    key_formats: list[str]
    decode: str
    decode_key: str
    counts: str
    call: str
    effect: str


class TailRow(TypedDict):
    """One message in a line."""

    n: int
    time: str
    at: int | None
    partition: int | None
    offset: int | str | None
    key: str | None
    value: str
    kind: PayloadKind
    size: str
    attributes: str


class TailNote(TypedDict):
    """A gap, before the row with the number `before`."""

    text: str
    before: int
    time: str
    at: int


class MessageInFull(TypedDict):
    """One message of a tail."""

    title: str
    time: str
    key: str | None
    kind: PayloadKind
    size: str
    format: str
    failure: str
    value: str
    cut: str
    attributes: list[tuple[str, str, str]]
    more_attributes: int


class TailRows(TypedDict):
    """New rows, or all of them in place of those shown."""

    type: Literal["rows", "snapshot"]
    rows: list[TailRow]
    notes: list[TailNote]
    most: int


class TailChart(TypedDict):
    """How many messages came in each of the last seconds, the oldest first."""

    type: Literal["chart"]
    counts: list[int]
    seconds: int


class TailDetail(TypedDict):
    """The selected message; None for none."""

    type: Literal["detail"]
    detail: MessageInFull | None
    call: str


class TailAction(TypedDict):
    """A click without more to say."""

    type: Literal["hello", "here", "pause", "resume", "clear", "stop"]


class TailFilter(TypedDict):
    """The filter as it is typed."""

    type: Literal["filter"]
    mode: ConditionMode
    where: str
    key: str


class TailSelect(TypedDict):
    """The number of the row to select; None for none."""

    type: Literal["select"]
    n: int | None


TailShown = TailRows | TailChart | TailDetail | FieldsSeen
TailDone = TailAction | TailFilter | TailSelect | AskFields | ChooseFormats
