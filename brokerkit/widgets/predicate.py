"""A function of the decoded value, typed as Python."""

from __future__ import annotations

from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import plain

from .call_text import ascii_safe
from .notebook_cells import cells


class Predicate:
    """A function made of typed text: an expression in `value`, or a whole lambda.

    It can use the notebook's variables, like the Python text itself. `text` is Python that makes the same
    function.

    Raises:
        ConfigError: The text is not an expression.
    """

    def __init__(self, source: str) -> None:
        self.source = source.strip()
        text = self.source if self.source.startswith("lambda") else f"lambda value: {self.source}"
        self.text = ascii_safe(text)
        self._function = _evaluated(self.text)

    def __call__(self, value: Any) -> Any:
        return self._function(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Predicate) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return self.text


def condition_of(typed: str, mode: object) -> str | Predicate | None:
    """Return a condition as `where=` takes it, from what is typed; None for nothing.

    Raises:
        ConfigError: It is no Python expression, but is to be one.
    """
    if not typed.strip():
        return None
    return Predicate(typed) if mode == "python" else typed


def _evaluated(text: str) -> Any:
    """Return the function, evaluated where the shown call would evaluate it: behind ``where=``."""
    notebook = cells()
    names = {} if notebook is None else notebook.names

    def given(*, where: Any) -> Any:
        return where

    try:
        made = eval(f"_given(where={text})", names, {"_given": given})
    except Exception as error:  # the user's Python may raise anything
        # the place that Python names is one of a file that there is not
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ConfigError(f"not a Python expression: {plain(reason, 200)}") from error
    if not callable(made):
        raise ConfigError(f"not a function of the value: {plain(text, 100)}")
    return made
