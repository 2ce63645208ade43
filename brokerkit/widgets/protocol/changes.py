"""What a topic browser and its view say about changes of messages: redrive, move, delete, send."""

from __future__ import annotations

from typing import Literal, TypedDict

from .conditions import ConditionMode

Verb = Literal["redrive", "move", "delete", "send"]
ChangeOf = Literal["letters", "rows"]
"""The chosen dead letters, or the chosen rows of the messages."""


class PlanChange(TypedDict):
    """Plan a change of chosen rows, as it is typed; `session` is the token of another one to send to.

    `where` narrows a redrive to those that match.
    """

    type: Literal["plan_change"]
    verb: Verb
    of: ChangeOf
    to: str
    session: str
    rate: str
    keep: bool
    most: str
    mode: ConditionMode
    where: str


class CarryOutChange(TypedDict):
    """Carry out the plan with a number, or `again` what is left; with its topic where it is asked for."""

    type: Literal["carry_out_change"]
    number: int
    again: bool
    confirm: str | None


class ChangeAction(TypedDict):
    """Stop the change that is carried out, or put its receipts away."""

    type: Literal["stop_change", "forget_change"]


class ChangePlace(TypedDict):
    """How many messages a topic has now, and then."""

    name: str
    now: str
    after: str


class ChangeLine(TypedDict):
    """One message: what became of it or would become of it, from where, to where, and what is said of it."""

    status: str
    source: str
    target: str
    said: str


class ChangeShown(TypedDict):
    """A plan, or the receipts where it is `done`; `typed` is the name as it is to be typed.

    `sessions` are those to send to, by their tokens.
    `count` is how many would be changed, `left` how many Resume would try, `share` what is done, from 0 to 1.
    The run began `at`.
    """

    number: int
    verb: Verb
    of: ChangeOf
    form: tuple[str, str, str, bool, str, ConditionMode, str]
    sessions: list[tuple[str, str]]
    asked: bool
    running: bool
    carried: bool
    done: bool
    count: int
    places: list[ChangePlace]
    checks: list[tuple[str, str]]
    lines: list[ChangeLine]
    more: int
    counts: list[tuple[str, int]]
    left: int
    share: float
    head: str
    at: int | None
    problem: str
    refused: str
    confirm: bool
    typed: str
    call: str


class Changed(TypedDict):
    """The plan or the receipts of the topic; None for none."""

    type: Literal["change"]
    change: ChangeShown | None
