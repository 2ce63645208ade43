"""What a browser shows as Python calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import NotSupported

from ..call_text import Name, call_text, literal, variable_of
from ..side_effects import choices_of
from .query import Query
from .stepping import place_of

if TYPE_CHECKING:
    from .browser import TopicBrowser


def rows_call(browser: TopicBrowser, query: Query | None) -> str:
    """The call that gives the rows of a query, ordered and narrowed to columns as they are shown."""
    session, own = _names(browser)
    if query is None:
        return call_text(f"{session}.topics")
    if query.side_effects is None and choices_of(browser.session.capabilities):
        # nothing was read, so what is shown is the description
        return call_text(f"{session}.describe", query.topic)
    return query.call(session, own) + _view_text(browser)


def message_call(browser: TopicBrowser) -> str:
    """The call that gives the message that is looked at."""
    session, own = _names(browser)
    message, query = browser.message, browser.query
    if message is None or query is None:
        return f"{own}.selected"
    try:
        browser.session.inspector.place(message.offset, message.identity)
    except NotSupported:
        return f"{own}.selected"
    position = message.identity if message.offset is None else message.offset
    place, partitions = place_of(message.partition, position)
    one = Query(query.topic, 1, start=place, partitions=partitions, decode=query.decode, expand=query.expand)
    return one.call(session, own)


def _names(browser: TopicBrowser) -> tuple[Name, Name]:
    return variable_of(browser.session, "s"), variable_of(browser, "browser")


def _view_text(browser: TopicBrowser) -> str:
    text, sort, columns = "", browser.sort, browser.chosen_columns
    if sort is not None:
        name, ascending = sort
        order = "" if ascending else ", ascending=False"
        text += f".sort_values({literal(name)}{order}, kind='stable')"
    return text if columns is None else f"{text}[{literal(columns)}]"
