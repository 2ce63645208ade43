"""Saved filters, and those that were used, as a browser and its view speak of them."""

from __future__ import annotations

from typing import Literal, TypedDict


class KeptFilter(TypedDict):
    """The fields of a query that are kept; `name` is empty for one that was used."""

    name: str
    newest: bool
    mode: Literal["text", "python"]
    where: str
    key: str
    header: str
    partitions: str
    start: str
    end: str


class FiltersShown(TypedDict):
    """The filters that are kept; `note` says why those that are used are not."""

    type: Literal["filters"]
    saved: list[KeptFilter]
    used: list[KeptFilter]
    note: str


class SaveFilter(TypedDict):
    """Keep the query as it is typed under a name."""

    type: Literal["save_filter"]
    name: str
    filter: KeptFilter


class DeleteFilter(TypedDict):
    """Forget a filter; without a name, those that were used."""

    type: Literal["delete_filter"]
    name: str
