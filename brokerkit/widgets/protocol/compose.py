"""What a composer and its view say to each other."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from .bulk import BulkDone, BulkReceived, BulkSaved, BulkShown

TypedBytes = tuple[str, str]
"""How bytes are written (text, escaped or null), and the text."""
TypedHeader = tuple[str, str, str, str]
"""The name, how the value is written, the value and its type."""


class Mark(TypedDict):
    """A problem of a value, and where it is in its text: from one place to another, and the line."""

    start: int
    end: int
    line: int
    text: str


class ComposeState(TypedDict):
    """All that a composer shows."""

    topic: str
    sessions: list[str]
    marks: list[str]
    to: int
    count: int
    row: int
    key: TypedBytes
    value: TypedBytes
    large: str
    size: str
    attributes: list[TypedHeader]
    types: list[str]
    typed_wrong: bool
    problems: list[tuple[str, str]]
    placed: list[Mark]
    checked: str
    schema: bool
    refused: str
    confirm: bool
    effect: str
    unsent: bool
    sent: bool
    said: str
    plan: list[dict[str, str]]
    receipts: list[dict[str, str]]
    call: str
    bulk: BulkShown | None


class ComposeAction(TypedDict):
    """A click without more to say."""

    type: Literal["hello", "here", "dry run", "module", "format", "fields"]


class EditorModule(TypedDict):
    """The source of the editor, which a view asks for when it is needed."""

    type: Literal["module"]
    text: str


class JsonField(TypedDict):
    """A field that a value may have: the names that lead to it, with 0 for a member of a list."""

    path: list[str | int]
    kind: str


class FieldsKnown(TypedDict):
    """The fields that values of the topic have, as far as is known."""

    type: Literal["fields_known"]
    fields: list[JsonField]


class ComposeEdit(TypedDict):
    """The fields that were typed into."""

    type: Literal["edit"]
    key: NotRequired[TypedBytes]
    value: NotRequired[TypedBytes]
    attributes: NotRequired[list[TypedHeader]]


class ComposeTopic(TypedDict):
    """Another topic."""

    type: Literal["topic"]
    text: str


class ComposeTo(TypedDict):
    """Another session, by its place."""

    type: Literal["to"]
    index: int


class ComposeRow(TypedDict):
    """Another message of several."""

    type: Literal["row"]
    row: int


class ComposeSend(TypedDict):
    """Send; with the topic's name where production asks for it."""

    type: Literal["send"]
    confirm: str | None


ComposeDone = ComposeAction | ComposeEdit | ComposeTopic | ComposeTo | ComposeRow | ComposeSend | BulkDone
ComposeSaid = BulkReceived | BulkSaved | EditorModule | FieldsKnown
