"""What a composer and its view say about many messages from a file or a frame."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

BulkRole = Literal["field", "key", "key and field", "value", "header", "partition", "time", "left out"]
BulkType = Literal["", "text", "integer", "number", "decimal comma", "boolean", "time"]

BulkHeader = Literal["", "yes", "no"]
"""Whether the first line of CSV has names; empty finds out."""


class BulkColumn(TypedDict):
    """A column, its first value, what it becomes, the name and type there, and what else it is (`also`)."""

    column: str
    first: str
    role: BulkRole
    name: str
    type: BulkType
    also: str


class BulkLine(TypedDict):
    """A line that is no message, or whose message was not stored; no line where rows have numbers."""

    line: str
    column: str
    status: str
    problem: str


class BulkPreview(TypedDict):
    """A row as it would be sent."""

    row: int
    line: str
    parts: list[tuple[str, str]]


class BulkShown(TypedDict):
    """All that is shown of many messages; `source` is empty before there is a file.

    `subjects` are those of the registry, `versions` those of the chosen `subject`, which is empty for JSON.
    """

    source: str
    facts: list[str]
    csv: bool
    delimiter: str
    header: BulkHeader
    frames: list[str]
    columns: list[BulkColumn]
    roles: list[BulkRole]
    types: list[BulkType]
    receiving: str
    checking: bool
    total: int
    ready: int
    bad: int
    lines: list[BulkLine]
    preview: BulkPreview | None
    subjects: list[str]
    subject: str
    versions: list[int]
    version: int | None
    schemas_said: str
    rate: str
    journal: str
    dry_run: str
    running: bool
    done: int
    stopping: bool
    counts: list[tuple[str, int]]
    receipts: list[BulkLine]
    left: int
    again: bool
    said: str
    problem: str


class BulkAction(TypedDict):
    """A click without more to say."""

    type: Literal["bulk stop", "bulk forget", "bulk cancel", "bulk dry run", "bulk save bad"]


class BulkMode(TypedDict):
    """One message, or many."""

    type: Literal["mode"]
    many: bool


class BulkFile(TypedDict):
    """A file that will come in parts."""

    type: Literal["bulk file"]
    number: int
    name: str
    size: int


class BulkPart(TypedDict):
    """The next part of a file, in base64."""

    type: Literal["bulk part"]
    number: int
    at: int
    data: str


class BulkFrame(TypedDict):
    """A frame of the notebook, by its name."""

    type: Literal["bulk frame"]
    name: str


class BulkChoice(TypedDict):
    """What a column becomes, or how CSV is read, the rate, the journal, or the schema (none writes JSON)."""

    type: Literal["bulk set"]
    column: NotRequired[int]
    role: NotRequired[BulkRole]
    name: NotRequired[str]
    kind: NotRequired[BulkType]
    delimiter: NotRequired[str]
    header: NotRequired[BulkHeader]
    rate: NotRequired[str]
    journal: NotRequired[str]
    subject: NotRequired[str]
    version: NotRequired[int]


class BulkRow(TypedDict):
    """Another row to preview."""

    type: Literal["bulk row"]
    row: int


class BulkSend(TypedDict):
    """Send, or `again` what is left; with the topic's name where production asks for it."""

    type: Literal["bulk send"]
    confirm: str | None
    again: bool


BulkDone = BulkAction | BulkMode | BulkFile | BulkPart | BulkFrame | BulkChoice | BulkRow | BulkSend


class BulkReceived(TypedDict):
    """So much of a file has arrived; -1 refuses it."""

    type: Literal["bulk received"]
    number: int
    at: int


class BulkSaved(TypedDict):
    """A file for the browser's downloads, in base64."""

    type: Literal["bulk saved"]
    name: str
    data: str
