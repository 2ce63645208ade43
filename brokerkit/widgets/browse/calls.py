"""The contents of a browser as Python calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import NotSupported

from ..call_text import Name, call_text, literal, variable_of
from ..protocol.browse import Tab
from ..side_effects import choices_of
from .neighbours import place_of
from .query import Query

if TYPE_CHECKING:
    from .model import BrowserModel


def rows_call(browser: BrowserModel, query: Query | None) -> str:
    """Return the call for the rows of a query, ordered and narrowed to columns as they are shown."""
    session, own = _names(browser)
    if query is None:
        return call_text(f"{session}.topics")
    if query.side_effects is None and choices_of(browser.session.capabilities):
        # nothing was read, so the description is shown
        return call_text(f"{session}.describe", query.topic)
    text = query.call(session, own)
    result = browser.rows.result
    for path in browser.rows.deeper if query.expand else ():
        column = result.title_of(path[:-1])
        if column is not None and column in result.names:
            text = call_text("bk.expand", Name(text), column, [path[-1]])
    return text + _view_text(browser)


def shown_call(browser: BrowserModel) -> str:
    """Return the call for the rows shown; for a search that was stopped, the rows found."""
    query, search = browser.query, browser.search
    if search is not None and search.status in ("stopped", "failed"):
        query = search.fixed()
    return rows_call(browser, query)


def fixed_call(browser: BrowserModel) -> str:
    """Return the same call with its ends fixed at offsets, so that it returns these very rows later, too."""
    search = browser.search
    return shown_call(browser) if search is None else rows_call(browser, search.fixed())


def message_call(browser: BrowserModel) -> str:
    """Return the call for the message shown."""
    message = browser.rows.message
    if message is None:
        return f"{_names(browser)[1]}.selected"
    return position_call(browser, message.partition, message.offset, message.identity)


def position_call(
    browser: BrowserModel, partition: int | None, offset: int | None, identity: str | None
) -> str:
    """Return the call for the message at a position; that for the selected ones where it has none."""
    session, own = _names(browser)
    query = browser.query
    if query is None:
        return f"{own}.selected"
    try:
        browser.session.inspector.place(offset, identity)
    except NotSupported:
        return f"{own}.selected"
    place, partitions = place_of(partition, identity if offset is None else offset)
    one = Query(
        query.topic,
        1,
        start=place,
        partitions=partitions,
        decode=query.decode,
        expand=query.expand,
        decode_key=query.decode_key,
        mask=query.mask,
        unmask=query.unmask,
    )
    return one.call(session, own)


def tab_call(browser: BrowserModel, tab: Tab) -> str:
    """Return the call for what a tab shows of the topic."""
    session, own = _names(browser)
    topic, facts, query = browser.topic, browser.facts, browser.query
    if topic is None:
        return call_text(f"{session}.topics")
    if tab == "subscriptions":
        chosen = facts.readers.chosen
        if chosen is None:
            return call_text(f"{session}.subscriptions", topic)
        return call_text(f"{session}.describe_subscription", chosen.info.name, topic)
    if tab == "letters":
        showing = {} if query is None else query.written_showing(own)
        return call_text(f"{session}.dead_letters", topic, **browser.letters.found.options, **showing)
    if tab == "schema" and facts.schema.problem:
        # there is none, and asking for it again would raise
        return call_text(f"{session}.describe", topic)
    if tab == "schema":
        return call_text(f"{session}.schema", topic, key=facts.schema.key or None)
    part = {"partitions": ".partitions", "configuration": ".settings"}.get(tab, "")
    return call_text(f"{session}.describe", topic) + part


def lag_call(browser: BrowserModel) -> str:
    """Return the call for the lag of the chosen subscription; empty for none."""
    name, topic = browser.facts.lag.of, browser.topic
    return call_text(f"{_names(browser)[0]}.lag", name, topic) if name and topic is not None else ""


def _names(browser: BrowserModel) -> tuple[Name, Name]:
    return variable_of(browser.session, "s"), variable_of(browser.owner(), "browser")


def _view_text(browser: BrowserModel) -> str:
    text, sort, columns = "", browser.rows.result.sort, browser.rows.chosen_columns
    if sort is not None:
        name, ascending = sort
        order = "" if ascending else ", ascending=False"
        text += f".sort_values({literal(name)}{order}, kind='stable')"
    return text if columns is None else f"{text}[{literal(columns)}]"
