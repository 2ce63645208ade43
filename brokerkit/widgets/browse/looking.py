"""What is in view in the browser, and what clicks use of a view."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from ..protocol.browse import BrowseShown, Tab
from ..protocol.messages import Form
from .changing import Changing
from .resetting import Resetting
from .topic_tree import Branches

Message = dict[str, Any]


@dataclass
class Looking:
    """What is in view in the browser.

    Attributes:
        find: The last question for topics.
        branches: Which branches of the tree of topics are open.
        rows: The first row, and how many.
        turn: The click that the next selection answers.
        form: The form of payloads that was chosen; None for the one that suits each.
        tab: The tab that is open.
    """

    find: Message = field(default_factory=dict)
    branches: Branches = field(default_factory=Branches)
    rows: tuple[int, int] = (0, 60)
    turn: str = ""
    form: Form | None = None
    tab: Tab = "messages"


class Shower(Protocol):
    """The part of a view that clicks use."""

    resetting: Resetting
    changing: Changing

    def show(self, *what: str) -> None:
        """Update the panel; `what` names the parts to send as messages."""

    def send(self, message: BrowseShown) -> None:
        """Send a message to the browser."""

    def send_payload(self, first: int, path: list[int] | None) -> None:
        """Send a part of the payload of the message that is shown."""

    def turned(self, place: int) -> int:
        """Return the place in the table of a place in the view, and back."""
        ...

    def pass_on(self, which: object, number: object, message: object) -> None:
        """Pass on what the view of the composer or the tail with a number says."""

    def go_back(self) -> None:
        """Show the screen that was shown before; raise ConfigError while a change is carried out."""

    def greet(self) -> None:
        """Show all of the composer and the tail."""


def number_in(message: Message, name: str, otherwise: int = 0) -> int:
    """Return a number of a message that is not negative."""
    value = message.get(name, otherwise)
    return max(0, value) if isinstance(value, int) else otherwise
