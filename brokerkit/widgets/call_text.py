"""Python calls as text, to be shown and copied."""

from __future__ import annotations

from datetime import date
from typing import Any

from brokerkit.core.vocabulary.attributes import Attributes

from .notebook_cells import cells

LONGEST = 2_000


def call_text(function: str, *args: Any, **options: Any) -> str:
    """Return ``function(args, name=value)``; options that are None are left out."""
    parts = [literal(each) for each in args]
    parts += [f"{name}={literal(value)}" for name, value in options.items() if value is not None]
    return f"{function}({', '.join(parts)})"


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
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def variable_of(thing: Any, otherwise: str) -> Name:
    """Return the name of the notebook's variable for a thing, otherwise `otherwise`."""
    known = cells()
    if known is not None and thing is not None:
        for name, value in list(known.names.items()):
            if value is thing and not name.startswith("_"):
                return Name(name)
    return Name(otherwise)
