"""The state of a browser: topics, a query and its rows, and the message shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.contract.at_exit import close_at_exit
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.topics import TopicDescription
from brokerkit.display.sanitize import plain
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.provenance import attach, provenance

from ..confirming import check_confirmed
from ..notebook_cells import cells
from ..side_effects import choices_of
from .companions import Companions
from .compare import Compared, compare
from .histogram import Histogram, of_rows, of_topic
from .latest_only_worker import LatestOnlyWorker
from .message import MessageView
from .neighbours import neighbour
from .query import Query
from .search import Search
from .selection import Selection, numbers_of
from .table import ResultTable
from .topics import TopicList

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession

    from ..compose import Composer
    from ..tail import Tail

PATIENCE = 2.0
"""Seconds that `frame` waits for a running read."""
WORKERS = ("topics", "description", "backlogs", "search", "histogram", "message")


class BrowserModel:
    """The state of a browser, without a widget.

    Args:
        on_change: Called with the parts that changed.
        on_begin: Called when a new query begins.
    """

    def __init__(
        self,
        session: DataSession,
        topic: str | None = None,
        *,
        columns: Sequence[str] | None = None,
        sort: str | tuple[str, bool] | None = None,
        confirm: str | None = None,
        **options: Any,
    ) -> None:
        if topic is None and options:
            raise ConfigError(f"{', '.join(options)} need a topic: s.browse('orders', ...)")
        self.session = session
        self.topics = TopicList(session)
        self.problem: BrokerError | None = None
        self.histogram: Histogram | None = None
        self.description: TopicDescription | None = None
        self.companions = Companions(session)
        self.version = 0
        self.selection = Selection()
        self._lock = RLock()
        self._workers = {
            name: LatestOnlyWorker(f"{name} of the browser of {plain(session.name, 40)}") for name in WORKERS
        }
        self._query: Query | None = None
        self._search: Search | None = None
        self._builder = FrameBuilder()
        self._table = self._builder.to_table([])
        self.result = ResultTable(self._table)
        self._columns: list[str] | None = None
        self._sort: tuple[str, bool] | None = None
        self._message: MessageView | None = None
        self.on_change: Callable[..., None] | None = None
        self.on_begin: Callable[[], None] | None = None
        notebook = cells()
        if notebook is not None:
            self._cell = _Cell(self)
            notebook.stop_when_rerun(self._cell)
        close_at_exit(self)
        self.refresh()
        if topic is not None:
            self.ask(Query.of({"topic": topic, **options}, None), confirm=confirm)
        if sort is not None:
            self.sort = sort
        if columns is not None:
            self.columns = columns

    # Reading.

    @property
    def query(self) -> Query | None:
        """The arguments of `peek` for the rows; None before a topic is chosen.

        Set it to a `Query`, to a topic's name, or to a dict of the arguments to change.
        """
        return self._query if self._search is None else self._search.query

    @query.setter
    def query(self, wanted: Query | str | dict[str, Any]) -> None:
        self.ask(Query.of(wanted, self.query))

    @property
    def topic(self) -> str | None:
        """The topic whose messages are shown."""
        return None if self._query is None else self._query.topic

    def ask(self, query: Query, *, confirm: str | None = None) -> None:
        """Read the messages of a query.

        Args:
            query: The query.
            confirm: The topic's name, if the look changes something and the connection is marked as
                production.

        Raises:
            ConfigError: The query cannot be used, or the name is missing or wrong.
        """
        if query.side_effects is not None:
            check_confirmed(self.session, query.topic, confirm, "look with side effects")
        search = self._search
        if search is not None and not search.running and query.differs_in_fields_only(search.query):
            return self._expand(search, query)
        readable = query.side_effects is not None or not choices_of(self.session.capabilities)
        with self._lock:
            moved = self.topic != query.topic
            search = None
            if readable:
                search = Search(self.session, query, self._workers["search"], lambda: self._found(search))
            self._workers["search"].stop()
            self._query, self._search, self._message, self.problem = query, search, None, None
            self._builder = FrameBuilder(query.decode) if search is None else search.builder
            self.selection.clear()
            if moved:
                self._columns, self._sort, self.histogram, self.description = None, None, None, None
            self._put(self._builder.to_table([]))
        if self.on_begin is not None:
            self.on_begin()
        if search is not None:
            search.start()
        if moved:
            self._workers["description"].run(partial(self._describe, query.topic))
        self._tell("rows", "detail", *(["histogram", "topics", "description"] if moved else []))

    def _expand(self, search: Search, query: Query) -> None:
        """Show or hide JSON fields as columns, without reading the rows again."""

        def expand(cancellation: Cancellation) -> None:
            self._put(search.table)
            self._tell("rows")

        search.query = self._query = query
        self._columns = None
        self._workers["search"].run(expand)
        self._tell()

    def stop(self, why: str = "you stopped it") -> None:
        """Stop all reading; the rows found so far stay."""
        self.stop_reading(*WORKERS)
        self.companions.stop(why)

    def stop_reading(self, *workers: str) -> None:
        """Stop the search and the step to another message, or only the named workers."""
        for name in workers or ("search", "message"):
            self._workers[name].stop()

    def forget(self) -> None:
        """Stop, and drop the rows; a notebook may keep the browser object for a long time."""
        self.stop()
        with self._lock:
            self._search = None
            self.selection.clear()
            self._message = None
            self._put(self._builder.to_table([]))
        self._tell("rows", "detail")

    def go_on(self, more: int = 0) -> None:
        """Continue a search where it stopped, with a limit raised by `more` rows."""
        search = self._search
        if search is not None:
            if more == 0 and search.status == "at the limit":
                more = search.query.limit
            search.go_on(more)
            self._query = search.query
            self._tell()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being read; return whether that is so."""
        deadline = None if timeout is None else time.monotonic() + timeout
        return all(
            worker.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
            for worker in self._workers.values()
        )

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and wait for the threads."""
        self.stop("it was closed")
        self.wait(timeout)

    @property
    def search(self) -> Search | None:
        """The search that found the rows."""
        return self._search

    @property
    def running(self) -> bool:
        """Whether rows are being read now."""
        return self._search is not None and self._search.running

    # The rows.

    @property
    def frame(self) -> pd.DataFrame:
        """The rows, as `call` returns them.

        While they are being read, wait up to 2 s and return those found so far.
        """
        self._workers["search"].wait(PATIENCE)
        with self._lock:
            rows, order, columns = self.result.rows, self.result.order, self.chosen_columns
        found = self._as_frame(rows if order is None else rows.take(order))
        if order is not None:
            found.index = found.index.take(order.to_numpy().astype("int64"))
        return found if columns is None else found[columns]

    def _as_frame(self, rows: pa.Table) -> pd.DataFrame:
        details = {"peek": self.topic or ""} | (
            {} if self._search is None else {"read": self._search.report()}
        )
        return attach(to_pandas(rows), provenance(self._builder, source=self.session.name, details=details))

    @property
    def selected(self) -> pd.DataFrame:
        """The selected rows, whole, as a frame; empty if none is selected.

        Set it to an offset, (partition, offset), an id, a list of these, a frame, or None.
        """
        with self._lock:
            rows = self.selection.rows(self.result)
        return self._as_frame(rows)

    @selected.setter
    def selected(self, wanted: Any) -> None:
        self._workers["search"].wait(PATIENCE)
        with self._lock:
            numbers = [] if wanted is None else numbers_of(self.result, wanted)
            self.selection.clear()
            for number in numbers:
                self.selection.choose(self.result, self.result.place(number), "toggle")
        self._tell("selection", "detail")

    @property
    def columns(self) -> list[str]:
        """The columns shown. Set it to names, or to None for the usual ones."""
        chosen = self.chosen_columns
        return self.result.usual_columns() if chosen is None else chosen

    @columns.setter
    def columns(self, wanted: Sequence[str] | None) -> None:
        self._workers["search"].wait(PATIENCE)
        if wanted is not None:
            unknown = [name for name in wanted if name not in self.result.names]
            if unknown or not wanted:
                named = ", ".join(unknown) or "none"
                raise ConfigError(f"the columns are {', '.join(self.result.names)}, and not {named}")
        self._columns = None if wanted is None else list(wanted)
        self._tell("rows")

    @property
    def chosen_columns(self) -> list[str] | None:
        """The chosen columns that the rows have; None for the usual ones."""
        names = set(self.result.names)
        return [name for name in self._columns or () if name in names] or None

    @property
    def sort(self) -> tuple[str, bool] | None:
        """The column that orders the rows, and whether ascending; None orders them as `peek` does."""
        return self.result.sort

    @sort.setter
    def sort(self, wanted: str | tuple[str, bool] | None) -> None:
        self._workers["search"].wait(PATIENCE)
        sort = (wanted, True) if isinstance(wanted, str) else wanted
        with self._lock:
            self.result.sort_by(sort)
            self._sort = sort
            self.version += 1
        self._tell("rows")

    # One message, or two.

    @property
    def message(self) -> MessageView | None:
        """The message shown, in full."""
        current, shown = self.selection.current, self._message
        if current is None:
            shown = None
        elif shown is None or shown.row is not current:
            shown = MessageView(current, self._builder)
        self._message = shown
        return shown

    def step(self, by: int, along: str = "rows") -> None:
        """Show the message before (-1) or after (1) the current one.

        `along` is "rows" for the rows found, "partition" for its partition, or "key" for the same key in its
        partition; the last two are found on the broker.
        """
        if along == "rows":
            with self._lock:
                place = self.selection.place_of_current(self.result)
                place = (-1 if by > 0 else len(self.result)) if place is None else place
                self.selection.choose(self.result, place + by)
            self._tell("selection", "detail")
        elif self.message is not None and self.query is not None:
            self._workers["message"].run(partial(self._step, self.message, self.query, by, along == "key"))

    def _step(
        self, message: MessageView, query: Query, by: int, same_key: bool, cancellation: Cancellation
    ) -> None:
        try:
            found = neighbour(self.session, message, query, by, same_key, cancellation)
        except (BrokerError, TimeoutError) as error:
            cancellation.raise_if_cancelled()
            return self._failed(error)
        with self._lock:
            self.selection.show(found)
            self.problem = None
        self._tell("selection", "detail")

    @property
    def compared(self) -> list[Compared]:
        """The first two selected rows, field by field; empty if fewer are selected."""
        with self._lock:
            rows = self.selection.rows(self.result)
        if rows.num_rows < 2:
            return []
        left, right = (MessageView(rows.slice(number, 1), self._builder) for number in (0, 1))
        return compare(left, right)

    # Other widgets.

    def compose(self) -> Composer:
        """Return a composer that starts with the selected messages, to edit them and send them again."""
        made = self.companions.compose(self.topic, self.selected)
        self._tell("companions")
        return made

    def follow(self) -> Tail:
        """Follow the topic live, with the same key and filter."""
        made = self.companions.follow(self.query)
        self._tell("companions")
        return made

    def put_away(self) -> None:
        """Close the composer and the tail."""
        self.companions.put_away()
        self._tell("companions")

    # Jobs in the threads of the workers.

    def refresh(self) -> None:
        """Load the topics, and the description of the current one, again."""
        self._workers["topics"].run(self._load_topics)
        if self.topic is not None:
            self._workers["description"].run(partial(self._describe, self.topic))

    def _load_topics(self, cancellation: Cancellation) -> None:
        try:
            self.topics.load()
        except (BrokerError, TimeoutError) as error:
            return self._failed(error)
        self._tell("topics")

    def _describe(self, topic: str, cancellation: Cancellation) -> None:
        try:
            described = self.topics.describe(topic)
        except (BrokerError, TimeoutError) as error:
            return self._failed(error)
        if topic == self.topic:
            self.description = described
            self._tell("description", "topics")

    def load_backlogs(self, names: Sequence[str]) -> None:
        """Load the backlogs of some topics, one after the other."""

        def load(cancellation: Cancellation) -> None:
            for name in names:
                cancellation.raise_if_cancelled()
                if name not in self.topics.backlogs:
                    try:
                        self.topics.describe(name, count=False)
                    except (BrokerError, TimeoutError):
                        self.topics.backlogs[name] = None
            self._tell("topics")

        self._workers["backlogs"].run(load)

    def count(self, what: str = "topic") -> None:
        """Make the histogram: of the `topic`, where the broker has a time index, or of the `rows` found."""
        if what == "topic" and self.topic is not None and self.session.capabilities.time_index:
            self._workers["histogram"].run(partial(self._count_topic, self.topic))
            return
        self.histogram = of_rows(self.result.rows, "of the rows found")
        if what == "topic":
            self.histogram = of_rows(self.result.rows, "of the rows found: this system has no time index")
        self._tell("histogram")

    def _count_topic(self, topic: str, cancellation: Cancellation) -> None:
        try:
            found = of_topic(self.session, topic, None, cancellation)
        except (BrokerError, TimeoutError) as error:
            cancellation.raise_if_cancelled()
            return self._failed(error)
        if topic == self.topic:
            self.histogram = found
            self._tell("histogram")

    def _found(self, search: Search | None) -> None:
        if search is None or search is not self._search:
            return
        new = search.table is not self._table
        if new:
            self._put(search.table)
        self._tell(*(["rows"] if new else []))

    def _put(self, table: pa.Table) -> None:
        result = ResultTable(table, expanding=self._query is not None and self._query.expand)
        if self._sort is not None and self._sort[0] in result.names:
            result.sort_by(self._sort)
        with self._lock:
            self._table, self.result = table, result
            self.version += 1

    def _failed(self, error: BaseException) -> None:
        self.problem = (
            error if isinstance(error, BrokerError) else BrokerError(str(error) or "no answer in time")
        )
        self._tell()

    def _tell(self, *what: str) -> None:
        if self.on_change is not None:
            self.on_change(*what)


class _Cell:
    """A handle that ends a browser when its cell is run again and its rows are no longer shown."""

    def __init__(self, browser: BrowserModel) -> None:
        self._browser = browser

    def stop(self, why: str = "its cell was run again") -> None:
        self._browser.stop(why)
        self._browser.forget()
