"""The filter of a tail as it is typed in its view."""

from __future__ import annotations

from typing import Any, Protocol

from brokerkit.core.vocabulary.errors import ConfigError

from ..predicate import Predicate, condition_of
from ..protocol.conditions import ConditionMode


class Filtered(Protocol):
    """A tail that a condition is for."""

    def use_filter(self, key: Any, where: Any) -> None:
        """Keep other messages from now on."""

    def tell(self) -> None:
        """Show the state."""


class TypedFilter:
    """The condition that was typed last. What cannot be used changes nothing, and is said.

    Attributes:
        problem: Why it cannot be used; empty if it can.
    """

    def __init__(self) -> None:
        self._mode: ConditionMode = "text"
        self._text = ""
        self.problem = ""

    def use(self, tail: Filtered, key: str | None, text: str, mode: object) -> None:
        """Keep other messages from now on, if the condition can be used."""
        self._mode, self._text = ("python" if mode == "python" else "text"), text
        try:
            where = condition_of(text, mode)
            self.problem = ""
            tail.use_filter(key, where)
        except ConfigError as error:
            self.problem = str(error)
            tail.tell()

    def shown(self, where: object) -> tuple[ConditionMode, str]:
        """Return how a condition is written, and its text: what is in use, or was typed and cannot be."""
        if self.problem:
            return self._mode, self._text
        if isinstance(where, Predicate):
            return "python", where.source
        return "text", where if isinstance(where, str) else ""
