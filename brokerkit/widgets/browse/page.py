"""A browser without a kernel: the rows, without anything that updates by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.display.markup import block, heading, lines, paragraph, table

from .calls import shown_call
from .table import CELL
from .topic_tree import Branches
from .topics import Finding

if TYPE_CHECKING:
    from .model import BrowserModel

ROWS = 20
TOPICS = 20


def page(browser: BrowserModel) -> str:
    """Return escaped HTML: the topics or the newest rows, and the call that returns them."""
    topic = "" if browser.topic is None else f"{browser.topic} on "
    body = _topics(browser) if browser.topic is None else _rows(browser)
    return block(
        heading(f"{topic}{browser.session.label}, as it was browsed"), body, lines(shown_call(browser))
    )


def _topics(browser: BrowserModel) -> str:
    listed = browser.topics.lines(Finding(), Branches())
    rows = [
        [each[name] for name in ("name", "messages", "size")] for each in browser.topics.rows(listed[:TOPICS])
    ]
    more = f"and {len(listed) - TOPICS:,} more" if len(listed) > TOPICS else ""
    return table(["topic", "messages", "size"], rows) + paragraph(more)


def _rows(browser: BrowserModel) -> str:
    result, names = browser.rows.result, browser.rows.columns
    shown = result.page(max(0, len(result) - ROWS), ROWS, names)
    more = f"the last {len(shown)} of {len(result):,} rows" if len(result) > len(shown) else ""
    return table(names, [each["cells"] for _, each in shown], width=CELL) + paragraph(more)
