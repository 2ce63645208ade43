"""What a topic browser and its view say about dead letters."""

from __future__ import annotations

from typing import Literal, TypedDict

LettersBy = Literal["reason", "consumer", "hour"]


class LookForLetters(TypedDict):
    """Read the dead letters: with a rule for the names of their topics, or by taking them and giving back.

    `confirm` is the topic's name where it is asked for.
    """

    type: Literal["letters"]
    naming: str
    give_back: bool
    confirm: str | None


class GroupLetters(TypedDict):
    """Count them by something else."""

    type: Literal["letters_by"]
    by: LettersBy


class OpenLetters(TypedDict):
    """List the letters of one group from the `first` on; all for no group."""

    type: Literal["letters_of"]
    group: int | None
    first: int


class ChooseLetters(TypedDict):
    """Choose a group, one letter or all of them; or choose them no more."""

    type: Literal["choose_letters"]
    generation: str
    group: int | None
    row: int | None
    on: bool


class ShowLetter(TypedDict):
    """Show one letter in full; None for none."""

    type: Literal["letter"]
    generation: str
    row: int | None


class EditLetter(TypedDict):
    """Send another text for the value of a letter; None for what it was."""

    type: Literal["edit_letter"]
    generation: str
    row: int
    text: str | None


class LetterGroup(TypedDict):
    """Dead letters that have something in common, and their span in ms since 1970.

    `share` is their part of the largest group.
    """

    name: str
    described: str
    count: str
    share: float
    span: str
    at: list[int]
    origin: str
    consumer: str
    chosen: int
    size: int


class LetterLine(TypedDict):
    """One dead letter."""

    row: int
    time: str
    at: int | None
    place: str
    reason: str
    origin: str
    deliveries: str
    redriven: str
    value: str
    kind: str
    chosen: bool
    edited: bool


class LetterShown(TypedDict):
    """One dead letter in full; `text` is None where its value cannot be edited, and `why` says why."""

    row: int
    title: str
    fields: list[tuple[str, str]]
    attributes: list[tuple[str, str, str]]
    text: str | None
    edited: bool
    why: str


class LettersShown(TypedDict):
    """The dead letters of the topic; `naming` is the rule that was typed.

    The numbers of rows and groups are good for this `generation`. `confirm` is the name to type before they
    are taken; it is empty where none is asked for. They were read `at`. `tries` says whether of any of them
    it is known how often it was tried.
    """

    type: Literal["letters"]
    generation: str
    loading: bool
    read: bool
    all: int
    head: str
    where: str
    at: int | None
    naming: str
    taking: str
    confirm: str
    by: LettersBy
    groups: list[LetterGroup]
    open: int | None
    first: int
    total: int
    rows: list[LetterLine]
    tries: bool
    chosen: int
    letter: LetterShown | None
    problem: str
