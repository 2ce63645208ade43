"""When a browser ends: with its cell, with the process, and what it is told of its session."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Protocol

from brokerkit.core.contract.at_exit import close_at_exit

from ..notebook_cells import cells

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


class Ending(Protocol):
    """A browser that can end."""

    def stop(self, why: str = ...) -> None:
        """Stop all reading."""

    def forget(self) -> None:
        """Stop, and drop the rows."""

    def close(self, timeout: float = ...) -> None:
        """Stop, and wait for the threads."""

    def tell(self, *what: str) -> None:
        """Show what has changed."""


class Cell:
    """A handle that ends a browser when its cell is run again and its rows are no longer shown."""

    def __init__(self, browser: Ending) -> None:
        self._browser = browser

    def stop(self, why: str = "its cell was run again") -> None:
        """Stop, and drop the rows."""
        self._browser.stop(why)
        self._browser.forget()


def tied(browser: Ending, session: DataSession) -> Cell | None:
    """End a browser with its cell and the process, and show it when its session is closed.

    Returns:
        The handle to be kept as long as the browser; None outside a notebook.
    """
    close_at_exit(browser)
    shown = _shown.get(session)
    if shown is None:
        shown = _shown[session] = weakref.WeakSet()
        session.on_close(partial(_show_closed, shown))
    shown.add(browser)
    notebook = cells()
    if notebook is None:
        return None
    cell = Cell(browser)
    notebook.stop_when_rerun(cell)
    return cell


def _show_closed(browsers: weakref.WeakSet[Ending]) -> None:
    """Show that the session was closed."""
    for browser in list(browsers):
        browser.tell()


_shown: weakref.WeakKeyDictionary[DataSession, weakref.WeakSet[Ending]] = weakref.WeakKeyDictionary()
"""The browsers of each session. Neither is kept for the other."""
