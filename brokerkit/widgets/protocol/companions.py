"""What the composer and the tail in the tabs of a browser say to their views, and these to them."""

from __future__ import annotations

from typing import Literal, TypedDict

from .compose import ComposeDone, ComposeState
from .tail import TailDone, TailShown, TailState

Which = Literal["compose", "live"]


class Companion(TypedDict):
    """The state of the composer or the tail; another one has another number."""

    type: Literal["companion"]
    which: Which
    number: int
    state: ComposeState | TailState


class CompanionSaid(TypedDict):
    """A message to the view of the tail."""

    type: Literal["said"]
    which: Which
    number: int
    message: TailShown


class CompanionOpened(TypedDict):
    """One that is new: its tab opens."""

    type: Literal["opened"]
    which: Which
    number: int


class CompanionDone(TypedDict):
    """What the view of the one with the number says; it is not for the one that replaced it."""

    type: Literal["companion"]
    which: Which
    number: int
    message: ComposeDone | TailDone
