"""What a topic browser says about messages: their rows, one in full, and two compared."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Form = Literal["tree", "text", "hex", "layers"]
RowKind = Literal["text", "bytes", "null", "failed"]


class Row(TypedDict):
    """One message in a line; a cell is None where there is no value. `said` stands in place of a value.

    `again` says that it was sent again by brokerkit, `time` when it was published, in ms since 1970, `gap`
    that positions before it hold no message, and why.
    """

    place: int
    id: str | None
    cells: list[str | None]
    marked: bool
    kind: RowKind
    format: str
    size: str
    said: str
    again: str
    time: int | None
    gap: str


class Rows(TypedDict):
    """A part of the rows."""

    type: Literal["rows"]
    first: int
    total: int
    version: int
    rows: list[Row]
    columns: list[str]
    numeric: list[bool]
    usual: bool


class Chosen(TypedDict):
    """The place of the current row; `turn` is the click or key that this answers."""

    type: Literal["selection"]
    place: int | None
    turn: str


class TreeItem(TypedDict):
    """One member of an object or array."""

    name: str
    kind: str
    text: str
    more: bool


class TreePart(TypedDict):
    """Members of one object or array, from the `first` on."""

    path: list[int]
    first: int
    total: int
    items: list[TreeItem]


class Payload(TypedDict):
    """A part of a payload in one form."""

    form: Form
    problem: NotRequired[str]
    root: NotRequired[TreeItem]
    children: NotRequired[TreePart | None]
    text: NotRequired[str]
    first: NotRequired[int]
    next: NotRequired[int | None]
    total: NotRequired[int]
    bytes: NotRequired[bool]
    layers: NotRequired[list[tuple[str, str, str]]]
    rejected: NotRequired[list[tuple[str, str]]]


class MessageShown(TypedDict):
    """One message in full."""

    id: str | None
    title: str
    fields: list[tuple[str, str]]
    attributes: list[tuple[str, str, str]]
    more_attributes: int
    kind: str
    size: str
    decoder: str
    format: str
    failure: str
    payload: Payload


class Detail(TypedDict):
    """The current message; None for none."""

    type: Literal["detail"]
    message: MessageShown | None
    call: str


class PayloadPart(TypedDict):
    """A part of the payload of the current message."""

    type: Literal["payload"]
    payload: Payload


class Copied(TypedDict):
    """The payload for the clipboard; None where it is too long, so that the call is copied."""

    type: Literal["copied"]
    text: str | None
    call: str


class ComparedRows(TypedDict):
    """Two messages, field by field: name, left, right, and whether they are equal."""

    type: Literal["compared"]
    rows: list[tuple[str, str | None, str | None, bool]]
