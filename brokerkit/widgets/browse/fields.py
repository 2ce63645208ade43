"""What can be done with one field of a JSON value: show it as a column, filter by it, copy its path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import ConfigError

from ..predicate import Predicate
from . import tree
from .neighbours import header_of

if TYPE_CHECKING:
    from .model import BrowserModel
    from .query import Query


def act_on_field(model: BrowserModel, path: list[int], what: str) -> str:
    """Do it for the field of the current message at a path of positions.

    Args:
        model: The browser.
        path: The positions that lead to the field.
        what: ``column`` shows it as a column, ``filter`` searches for messages with this very value, and
            ``path`` does nothing.

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
        _show(model, query, steps)
    else:
        return source
    return ""


def follow_header(model: BrowserModel, place: int) -> None:
    """Search for the messages that have a header of the current one with the same value.

    Raises:
        ConfigError: There is no such header, or its value is no text.
    """
    message, query = model.rows.message, model.query
    if message is None or query is None or place >= len(message.attributes):
        raise ConfigError("choose a message first")
    wanted = header_of(message, str(message.attributes[place]["name"]))
    model.ask_without_effect(query.but(header=wanted))


def _show(model: BrowserModel, query: Query, steps: Sequence[str | int]) -> None:
    """Show the field at a path as a column beside those shown."""
    names = [str(each) for each in steps]
    if any(isinstance(each, int) for each in steps):
        raise ConfigError(f"a place in a list is no column: choose {'.'.join(names[: _first_place(steps)])}")
    path, rows = tuple(names), model.rows
    title, shown = rows.result.title_of(path), rows.columns
    # before the whole value, which takes the rest of the width
    place = shown.index("value") if "value" in shown else len(shown)
    before, after = shown[:place], shown[place:]
    inner = (path[:depth] for depth in range(2, len(path) + 1))
    new = tuple(each for each in inner if each not in rows.deeper)
    if title is None:
        return model.show_fields((*rows.deeper, *new), [*before, path, *after])
    wanted = shown if title in shown else [*before, title, *after]
    if query.expand:
        return model.choose_columns(wanted)
    return model.ask_without_effect(query.but(expand=True), columns=wanted)


def _first_place(steps: Sequence[str | int]) -> int:
    """Return how many names come before the first place in a list."""
    return next(place for place, each in enumerate(steps) if isinstance(each, int))


def _literal(value: object) -> str:
    """Return a single JSON value as Python."""
    if tree.is_nested(value):
        raise ConfigError("an object or array is no value to filter by: choose a field of it")
    if isinstance(value, tree.Number):
        constants = {"NaN": "float('nan')", "Infinity": "float('inf')", "-Infinity": "float('-inf')"}
        return constants.get(value, str(value))
    return repr(value)
