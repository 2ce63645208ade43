"""The query of a browser, and the search that finds its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock
from typing import TYPE_CHECKING

import pyarrow as pa

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.freed import freed

from ..latest_only_worker import Workers
from ..side_effects import choices_of
from .query import Query
from .search import Search
from .shown_rows import ShownRows
from .table import Column

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession

WORKERS = ("search", "fields")


class Reading:
    """The query of a browser, and the search that finds its rows. Any thread may call it.

    Args:
        session: The session.
        rows: Where the rows found are shown.
        workers: A worker for each of `WORKERS`.
        tell: Called with the names of the parts that changed.
    """

    def __init__(
        self, session: DataSession, rows: ShownRows, workers: Workers, tell: Callable[..., None]
    ) -> None:
        self._session, self._rows, self._workers, self._tell = session, rows, workers, tell
        self._lock = RLock()
        self._query: Query | None = None
        self._search: Search | None = None
        self._before: Search | None = None
        """The one whose rows are shown while the same is read again, and has found none yet."""

    @property
    def search(self) -> Search | None:
        """The search that found the rows; None if the query may not be read without asking."""
        return self._search

    @property
    def query(self) -> Query | None:
        """The arguments of `peek` for the rows; None before a topic is chosen."""
        return self._query if self._search is None else self._search.query

    @property
    def topic(self) -> str | None:
        """The topic whose messages are shown."""
        return None if self._query is None else self._query.topic

    def turn_to(self, query: Query) -> tuple[bool, Search | None]:
        """Prepare the search of another query, and drop the rows.

        Those of the same query stay until there are new ones.

        Returns:
            Whether the query is of another topic, and the search, which has not started; None if the look
            has a side effect and none is chosen.
        """
        readable = query.side_effects is not None or not choices_of(self._session.capabilities)
        with freed(self._lock), self._lock:
            moved = self.topic != query.topic
            search = None
            if readable:
                search = Search(self._session, query, self._workers["search"], lambda: self._found(search))
            self._workers["search"].stop()
            before = self._before or self._search
            self._before = before if _is_again(search, before) else None
            self._query, self._search = query, search
            if self._before is None:
                self._rows.expanding = query.expand
                builder = query.builder(self._session) if search is None else search.builder
                self._rows.clear(builder, keep_view=not moved)
        return moved, search

    def only_fields_differ(self, query: Query) -> bool:
        """Return whether a query has the rows found so far, with JSON fields shown or hidden."""
        return self._search is not None and query.differs_in_fields_only(self._search.query)

    def expand(self, query: Query, columns: Sequence[Column] | None) -> None:
        """Show or hide JSON fields of the rows found so far as columns, without reading them again.

        Args:
            query: The query of the present rows, with JSON fields shown or hidden.
            columns: The columns to show from then on.
        """
        search = self._search
        if search is None:
            return

        def expand(cancellation: Cancellation) -> None:
            shown = self._before or search
            if not self._rows.put(shown.table, lambda: search is self._search):
                return
            result = self._rows.result
            titles = (each if isinstance(each, str) else result.title_of(each) for each in columns or ())
            self._rows.choose_columns([each for each in titles if each in result.names] or None)
            self._tell("rows")

        search.query = self._query = query
        self._rows.expanding = query.expand
        self._rows.choose_columns(None)
        self._workers["fields"].run(expand)
        self._tell()

    def go_on(self, more: int) -> None:
        """Continue where it stopped, with a limit raised by `more` rows."""
        search = self._search
        if search is not None:
            if more == 0 and search.status == "at the limit":
                more = search.query.limit
            search.go_on(more)
            self._query = search.query
            self._tell()

    def forget(self) -> None:
        """Drop the search and the rows."""
        with freed(self._lock), self._lock:
            self._search = self._before = None
            self._rows.clear()

    def as_frame(self, rows: pa.Table) -> pd.DataFrame:
        """Return rows as a frame that remembers where they came from."""
        search = self._before or self._search
        details = {"peek": self.topic or ""} | ({} if search is None else {"read": search.report()})
        return self._rows.as_frame(rows, self._session.name, details)

    def frame(self) -> pd.DataFrame:
        """Return the rows found so far, as the shown call returns them."""
        rows, order, columns = self._rows.ordered()
        found = self.as_frame(rows)
        if order is not None:
            found.index = found.index.take(order.to_numpy().astype("int64"))
        return found if columns is None else found[columns]

    def _found(self, search: Search | None) -> None:
        if search is None or search is not self._search:
            return
        if self._keeps_before(search):
            return self._tell()
        table = search.table
        new = not self._rows.are(table) and self._rows.put(table, lambda: search is self._search)
        self._tell(*(["rows"] if new else []))

    def _keeps_before(self, search: Search) -> bool:
        """Return whether the rows of the same search before stay: there are no new ones yet, or none come."""
        with freed(self._lock), self._lock:
            before, found = self._before, search.table.num_rows > 0
            if before is None or search is not self._search:
                return False
            if search.running and not found:
                return True
            self._before = None
            if found or search.status not in ("failed", "stopped"):
                self._rows.clear(search.builder)
                return False
            before.problem, self._search, self._query = search.problem, before, before.query
            return True


def _is_again(search: Search | None, before: Search | None) -> bool:
    """Return whether a search reads what one before has found rows of."""
    if search is None or before is None or not before.table.num_rows:
        return False
    return search.query.is_same(before.query)
