"""The filter and the formats of a tail as they are typed and chosen in its view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from brokerkit.core.vocabulary.errors import ConfigError

from ..predicate import Predicate, condition_of
from ..protocol.conditions import ConditionMode


class Filtered(Protocol):
    """A tail that a condition and formats are for."""

    def use_filter(self, key: Any, where: Any) -> None:
        """Keep other messages from now on."""

    def read_as(self, **formats: str) -> None:
        """Read values and keys as other formats from now on."""

    def tell(self) -> None:
        """Show the state."""


class TypedFilter:
    """The condition that was typed last. What cannot be used changes nothing, and is said.

    Attributes:
        problem: Why it cannot be used; empty if it can.
        refused: Why formats that were chosen cannot be used; empty if they can.
    """

    def __init__(self) -> None:
        self._mode: ConditionMode = "text"
        self._text = ""
        self.problem = self.refused = ""

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

    def read_as(self, tail: Filtered, formats: Mapping[str, str]) -> None:
        """Read values and keys as these formats from now on, if they can be used."""
        try:
            tail.read_as(**formats)
            self.refused = ""
        except ConfigError as error:
            self.refused = str(error)
            tail.tell()

    def shown(self, where: object) -> tuple[ConditionMode, str]:
        """Return how a condition is written, and its text: what is in use, or was typed and cannot be."""
        if self.problem:
            return self._mode, self._text
        if isinstance(where, Predicate):
            return "python", where.source
        return "text", where if isinstance(where, str) else ""
