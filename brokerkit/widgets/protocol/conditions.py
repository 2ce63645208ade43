"""What a view and its model say about a condition that is being typed."""

from __future__ import annotations

from typing import Literal, TypedDict

ConditionMode = Literal["text", "python"]
"""A text in the value, or Python that uses the decoded value."""


class FieldSeen(TypedDict):
    """A field of the values that are shown; `python` reads it from a decoded `value`."""

    name: str
    python: str
    kind: str


class AskFields(TypedDict):
    """The fields of the values that are shown: rows of the messages, or dead letters."""

    type: Literal["fields"]
    of: Literal["rows", "letters"]


class FieldsSeen(TypedDict):
    """The fields of the values that are shown."""

    type: Literal["fields_seen"]
    of: Literal["rows", "letters"]
    fields: list[FieldSeen]


class TryChange(TypedDict):
    """The condition of a change that is being typed."""

    type: Literal["try_change"]
    of: Literal["rows", "letters"]
    mode: ConditionMode
    where: str


class TriedChange(TypedDict):
    """How many of the chosen messages a condition leaves, and how many stay."""

    type: Literal["tried_change"]
    text: str
