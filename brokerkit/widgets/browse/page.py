"""What is shown of a browser where no kernel is: the rows, without anything that changes by itself."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from brokerkit.session.shown import plain

if TYPE_CHECKING:
    from .browser import TopicBrowser

ROWS = 20
TOPICS = 20


def page(browser: TopicBrowser) -> str:
    """Escaped HTML: the topics or the newest rows, and the call that gives them."""
    head = f"<p><b>{html.escape(repr(browser)[1:-1])}</b></p>"
    body = _topics(browser) if browser.topic is None else _rows(browser)
    return f"<div>{head}{body}<pre><code>{html.escape(browser.call)}</code></pre></div>"


def _topics(browser: TopicBrowser) -> str:
    numbers = browser.topics.find()
    rows = [
        [each[name] for name in ("name", "messages", "size")]
        for each in browser.topics.rows(numbers[:TOPICS])
    ]
    more = f"<p>and {len(numbers) - TOPICS:,} more</p>" if len(numbers) > TOPICS else ""
    return _table(["topic", "messages", "size"], rows) + more


def _rows(browser: TopicBrowser) -> str:
    names = browser.columns
    result = browser.result
    shown = result.page(max(0, len(result) - ROWS), ROWS, names)
    rows = [["" if cell is None else cell for cell in each["cells"]] for each in shown]
    more = f"<p>the last {len(shown)} of {len(result):,} rows</p>" if len(result) > len(shown) else ""
    return _table([plain(name, 60) for name in names], rows) + more


def _table(names: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
