"""Small escaped HTML for places without widgets: a saved notebook, GitHub, nbviewer.

It uses no colours, so that it can be read on light and dark pages, and loads nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import islice
from numbers import Number
from typing import Any

from .sanitize import LONGEST, plain, plain_lines

ROWS = 50
_LEFT, _RIGHT = ' style="text-align: left"', ' align="right"'
"""JupyterLab aligns the cells of tables for numbers."""
_UNTYPESET = "tex2jax_ignore mathjax_ignore"
"""The classes that keep MathJax from changing a text, for all its versions."""


def shown(value: Any, limit: int = LONGEST) -> str:
    """Return a value as safe HTML text: escaped, on one line, at most `limit` characters; nothing for null.

    Bytes that are not UTF-8 are written as escapes.
    """
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        value = value[: 4 * limit].decode("utf-8", "backslashreplace")
    return escape(plain(str(value), limit))


def block(*parts: str) -> str:
    """Return parts of HTML as one block."""
    return f'<div class="{_UNTYPESET}">{"".join(parts)}</div>'


def heading(text: str) -> str:
    """Return a heading as HTML."""
    return f"<p><b>{shown(text)}</b></p>"


def paragraph(text: str) -> str:
    """Return a text as a paragraph of HTML; nothing if it is empty."""
    return f"<p>{shown(text, 1_000)}</p>" if text else ""


def lines(text: str) -> str:
    """Return a text of several lines as HTML."""
    return f"<pre>{escape(plain_lines(text))}</pre>" if text else ""


def bullets(texts: Iterable[str]) -> str:
    """Return texts as a list of HTML."""
    return f"<ul>{''.join(f'<li>{shown(text)}</li>' for text in texts)}</ul>"


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], *, limit: int = ROWS, width: int = LONGEST
) -> str:
    """Return rows as an HTML table, with a line that says how many rows were left out.

    Args:
        head: The names of the columns.
        rows: The rows.
        limit: At most so many rows.
        width: At most so many characters of each text.
    """
    waiting = iter(rows)
    body = [f"<tr>{''.join(_cell(value, width) for value in row)}</tr>" for row in islice(waiting, limit)]
    left = sum(1 for _ in waiting)
    names = "".join(f"<th{_LEFT}>{shown(name)}</th>" for name in head)
    return (
        f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        f"{paragraph(f'and {left:,} more') if left else ''}"
    )


def _cell(value: Any, width: int) -> str:
    number = isinstance(value, Number) and not isinstance(value, bool)
    return f"<td{_RIGHT if number else _LEFT}>{shown(value, width)}</td>"


def pairs(named: Mapping[str, Any]) -> str:
    """Return names with their values, one pair in a row; null values are left out."""
    rows = "".join(
        f"<tr><th{_LEFT}>{shown(name)}</th><td{_LEFT}>{shown(value)}</td></tr>"
        for name, value in named.items()
        if value is not None
    )
    return f"<table><tbody>{rows}</tbody></table>"


class Displayed(ABC):
    """An object that notebooks show as HTML, and terminals as its repr."""

    @abstractmethod
    def _repr_html_(self) -> str:
        """Return the object as escaped HTML."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}
