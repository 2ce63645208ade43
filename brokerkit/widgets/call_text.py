"""Python calls as text, to be shown and copied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from keyword import iskeyword
from typing import Any

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.display.sanitize import without_hidden

from .notebook_cells import cells
from .panel import PanelDisplayed

LONGEST = 2_000
_RESULT = re.compile(r"_\d+")
"""How IPython names the result of a cell that was given to no variable."""


def call_text(function: str, *args: Any, **options: Any) -> str:
    """Return ``function(args, name=value)``; options that are None are left out.

    What cannot be the name of an argument, such as ``security.protocol``, is given as ``**{name: value}``.
    """
    given = {name: value for name, value in options.items() if value is not None}
    parts = [literal(each) for each in args]
    parts += [f"{name}={literal(value)}" for name, value in given.items() if _is_argument(name)]
    others = [f"{literal(name)}: {literal(value)}" for name, value in given.items() if not _is_argument(name)]
    parts += [f"**{{{', '.join(others)}}}"] if others else []
    return f"{function}({', '.join(parts)})"


def _is_argument(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)


class Name(str):
    """Text that is written into a call as it is: the name of a variable."""


def literal(value: Any) -> str:
    """Return a value as Python source: a function by its name, a long value cut with a mark."""
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, Attributes):
        value = list(value)
    if isinstance(value, str | bytes) and len(value) > LONGEST:
        return f"{ascii_safe(repr(value[:200]))} ...  # {len(value):,} in all"
    if isinstance(value, date):
        value = value.isoformat()
    if isinstance(value, str | bytes | int | float | bool | dict | list | tuple) or value is None:
        return ascii_safe(repr(value))
    return str(getattr(value, "__name__", None) or type(value).__name__)


def ascii_safe(text: str) -> str:
    """Return source text without characters that reverse or hide the text that follows."""
    return without_hidden(text)


def variable_of(thing: Any, otherwise: str) -> Name:
    """Return how a notebook gets at a thing: its variable, or a widget's property (`browser.composer`).

    Args:
        thing: What is looked for; None is never found.
        otherwise: Returned if the notebook has no way to it.
    """
    known = cells()
    if known is None or thing is None:
        return Name(otherwise)
    names = list(known.names.items())
    own = {name: value for name, value in names if not name.startswith("_")}
    results = {name: value for name, value in names if _RESULT.fullmatch(name)}
    return _way_to(thing, own) or _way_to(thing, results) or Name(otherwise)


def _way_to(thing: Any, names: Mapping[str, Any]) -> Name | None:
    """Return the shortest of the ways to a thing from the values of names; None for none."""
    reached = dict(names)
    while reached:
        for way, value in reached.items():
            if value is thing:
                return Name(way)
        # widgets lead from one to the next, and not back
        reached = {
            f"{way}.{name}": getattr(value, name)
            for way, value in reached.items()
            if isinstance(value, PanelDisplayed)
            for name in value._leads_to
        }
    return None
