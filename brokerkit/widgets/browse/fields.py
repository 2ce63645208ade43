"""What can be done with one field of a JSON value: show it as a column, filter by it, copy its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import ConfigError

from . import tree
from .predicate import Predicate

if TYPE_CHECKING:
    from .model import BrowserModel


def act_on_field(model: BrowserModel, path: list[int], what: str) -> str:
    """Do it for the field of the current message at a path of positions.

    Args:
        model: The browser.
        path: The positions that lead to the field.
        what: ``column`` shows the field of the first level as a column, ``filter`` searches for messages with
            this very value, and ``path`` does nothing.

    Returns:
        The Python that reads the field of a decoded `value`, for ``path``; otherwise an empty text.

    Raises:
        ConfigError: There is no such field.
    """
    message, query = model.rows.message, model.query
    if message is None or query is None:
        raise ConfigError("choose a message first")
    try:
        steps, value = tree.located(message.json, path)
    except (ValueError, IndexError):
        raise ConfigError("this message has no such field") from None
    if not steps:
        raise ConfigError("choose a field of the value")
    source = "value" + "".join(f"[{each!r}]" for each in steps)
    if what == "filter":
        model.ask_without_effect(query.but(where=Predicate(f"{source} == {_literal(value)}")))
    elif what == "column":
        name = f"value.{steps[0]}"
        shown = model.rows.columns
        wanted = shown if name in shown else [*shown, name]
        if query.expand:
            model.choose_columns(wanted)
        else:
            model.ask_without_effect(query.but(expand=True), columns=wanted)
    else:
        return source
    return ""


def _literal(value: object) -> str:
    """Return a single JSON value as Python."""
    if tree.is_nested(value):
        raise ConfigError("an object or array is no value to filter by: choose a field of it")
    if isinstance(value, tree.Number):
        constants = {"NaN": "float('nan')", "Infinity": "float('inf')", "-Infinity": "float('-inf')"}
        return constants.get(value, str(value))
    return repr(value)
