"""The state of a browser: the topics, a query, the search for its rows, and the jobs that fill them in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.display.sanitize import plain

from ..confirming import check_confirmed
from ..latest_only_worker import Job, Workers
from ..protocol.companions import Which
from .companions import Companions
from .compare import Compared
from .letters import Letters
from .lifetime import tied
from .neighbours import neighbour
from .query import Query
from .reading import WORKERS as READING
from .reading import Reading
from .search import Search
from .shown_rows import ShownRows
from .table import Column, Deeper
from .topic_facts import WORKERS as FACTS
from .topic_facts import TopicFacts
from .topics import TopicList

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.session.session import DataSession

    from ..compose import Composer
    from ..tail import Tail

PATIENCE = 2.0
"""Seconds that `frame` waits for a running read."""
MOVED = ("histogram", "topics", "description", "subscriptions", "lag", "schema", "letters", "change")
"""What is shown of a topic besides its messages."""
WORKERS = (*FACTS, *READING, "message", "export", "reset", "change", "letters")


class BrowserModel:
    """The state of a browser, without a widget. `TopicBrowser` says what its properties mean.

    Attributes:
        owner: Returns the object that a notebook has a variable for, or None.
        rows: The rows found, with their columns, order and selection.
        facts, letters: What is known of the topic besides its messages, and its dead letters.
        on_change: Called with the parts that changed.
        on_begin, on_forget: Called when a new query begins, and when the rows are dropped.
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
        self.owner: Callable[[], object] = lambda: None
        self.rows = ShownRows(session.schema_source)
        self._workers = Workers(WORKERS, f"the browser of {plain(session.name, 40)}")
        self._reading = Reading(session, self.rows, self._workers, self.tell)
        self.facts = TopicFacts(session, self.topics, self._workers, self.tell, self._failed)
        self.companions = Companions(session, self.facts.count_again)
        self.letters = Letters(session, self._workers["letters"], self.tell)
        self.on_change: Callable[..., None] | None = None
        self.on_begin: Callable[[], None] | None = None
        self.on_forget: Callable[[], None] | None = None
        self._cell = tied(self, session)
        self.refresh()
        if topic is not None:
            self.ask(Query.of({"topic": topic, **options}, None), confirm=confirm)
        if sort is not None or columns is not None:
            self.settle()
        if sort is not None:
            self.sort_by(sort)
        if columns is not None:
            self.choose_columns(columns)

    # Reading.

    @property
    def query(self) -> Query | None:
        """The arguments of `peek` for the rows; None before a topic is chosen."""
        return self._reading.query

    @property
    def topic(self) -> str | None:
        """The topic whose messages are shown."""
        return self._reading.topic

    def ask(
        self, query: Query, *, confirm: str | None = None, columns: Sequence[Column] | None = None
    ) -> None:
        """Read the messages of a query.

        Args:
            query: The query.
            columns: The columns to show from then on, where only JSON fields are shown or hidden.
            confirm: The topic's name, if the look changes something and the connection is marked as
                production.

        Raises:
            ConfigError: The query cannot be used, or the name is missing or wrong.
        """
        if self._reading.only_fields_differ(query):
            return self._reading.expand(query, columns)
        if query.side_effects is not None:
            check_confirmed(self.session, query.topic, confirm, "look with side effects")
        moved, search = self._reading.turn_to(query)
        self.problem = None
        if self.on_begin is not None:
            self.on_begin()
        if search is not None:
            search.start()
        if moved:
            self.facts.turn_to(query.topic)
        self.letters.turn_to(query)
        counted = self.facts.forget_rows()
        self.tell("rows", "detail", *(MOVED if moved else ["histogram"] if counted else []))

    def show_fields(self, deeper: Deeper, columns: Sequence[Column]) -> None:
        """Show fields of fields as columns, beside these."""
        self.rows.deeper = deeper
        if (query := self.query) is not None:
            self._reading.expand(query.but(expand=True), columns)

    def ask_without_effect(self, query: Query, *, columns: Sequence[Column] | None = None) -> None:
        """Read the messages of a query, for a click in which no side effect is chosen; see `ask`.

        Raises:
            ConfigError: The query cannot be used, or it would have a side effect.
        """
        if query.side_effects is not None and not self._reading.only_fields_differ(query):
            raise ConfigError(
                f"to read again has a side effect ({query.side_effects}): choose it, and press Search"
            )
        self.ask(query, columns=columns)

    def stop(self, why: str = "you stopped it") -> None:
        """Stop all reading; the rows found so far stay."""
        self.stop_reading(*WORKERS)
        self.companions.stop(why)

    def stop_reading(self, *workers: str) -> None:
        """Stop the search and the step to another message, or only the named workers."""
        self._workers.stop(*(workers or ("search", "message")))

    def forget(self) -> None:
        """Stop, and drop the rows; a notebook may keep the browser object for a long time."""
        self.stop()
        self._reading.forget()
        self.letters.clear()
        if self.on_forget is not None:
            self.on_forget()
        self.tell("rows", "detail", "letters")

    def go_on(self, more: int = 0) -> None:
        """Continue a search where it stopped, with a limit raised by `more` rows."""
        self._reading.go_on(more)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being read; return whether that is so."""
        return self._workers.wait(timeout)

    def run(self, worker: str, job: Job) -> None:
        """Run a job in the thread of a worker; it replaces the one that runs there."""
        self._workers[worker].run(job)

    def wait_for(self, *workers: str, timeout: float) -> None:
        """Wait for the named workers, each at most `timeout` seconds."""
        self._workers.wait_for(*workers, timeout=timeout)

    def settle(self) -> None:
        """Wait a while for a running read: for code, which wants the rows. Clicks do not wait."""
        self.wait_for("search", "fields", timeout=PATIENCE)

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and wait for the threads."""
        self.stop("it was closed")
        self.wait(timeout)

    @property
    def search(self) -> Search | None:
        """The search that found the rows."""
        return self._reading.search

    @property
    def running(self) -> bool:
        """Whether rows are being read now."""
        search = self.search
        return search is not None and search.running

    # The rows.

    def frame(self) -> pd.DataFrame:
        """Return the rows, as the shown call returns them."""
        self.settle()
        return self._reading.frame()

    def as_frame(self, rows: pa.Table) -> pd.DataFrame:
        """Return rows as a frame that remembers where they came from."""
        return self._reading.as_frame(rows)

    def select(self, wanted: Any) -> None:
        """Select the rows that a user named; see `ShownRows.choose_named`."""
        self.rows.choose_named(wanted)
        self.tell("selection", "detail")

    def choose_columns(self, wanted: Sequence[str] | None) -> None:
        """Show these columns; None shows the usual ones."""
        self.rows.choose_columns(wanted)
        self.tell("rows")

    def sort_by(self, wanted: str | tuple[str, bool] | None) -> None:
        """Order the rows by a column, ascending or not."""
        self.rows.sort_by((wanted, True) if isinstance(wanted, str) else wanted)
        self.tell("rows")

    # One message.

    def compared(self) -> list[Compared]:
        """Return the first two selected rows as they are shown, field by field; empty for fewer."""
        return self.rows.compared(newest_on_top=self.query is not None and self.query.backwards)

    def step(self, by: int, along: str = "rows", header: str | None = None) -> None:
        """Show the message before or after the current one; see `TopicBrowser.step`."""
        message, query = self.rows.message, self.query
        if along == "rows":
            self.rows.choose_next(by)
            return self.tell("selection", "detail")
        if message is None or query is None:
            return None

        def find(cancellation: Cancellation) -> None:
            try:
                found = neighbour(self.session, message, query, by, along, header, cancellation)
            except (BrokerError, TimeoutError) as error:
                cancellation.raise_if_cancelled()
                return self._failed(error)
            self.rows.show(*found)
            self.problem = None
            return self.tell("selection", "detail")

        return self._workers["message"].run(find)

    # Other widgets.

    def compose(self, *, new: bool = False) -> Composer:
        """Return a composer that starts with the selected messages, or with a `new` one."""
        rows = None if new else self.as_frame(self.rows.selected())
        made = self.companions.compose(self.topic, rows)
        self.tell("companions")
        return made

    def follow(self) -> Tail:
        """Follow the topic live, with the same key and filter."""
        made = self.companions.follow(self.query)
        self.tell("companions")
        return made

    def put_away(self, *which: Which) -> None:
        """Close the composer, the tail, or both."""
        self.companions.put_away(*which)
        self.tell("companions")

    # Jobs in the threads of the workers.

    def refresh(self) -> None:
        """Load the topics, and the description of the current one, again."""
        self.facts.refresh()

    def count(self, what: str = "topic") -> None:
        """Make the histogram of the `topic` or of the `rows` found; see `TopicFacts.count`."""
        self.facts.count(what, self.rows.result.rows)

    def _failed(self, error: BaseException) -> None:
        said = str(error) or "no answer in time"
        self.problem = error if isinstance(error, BrokerError) else BrokerError(said)
        self.tell()

    def tell(self, *what: str) -> None:
        """Show what has changed: the state, and these parts."""
        if self.on_change is not None:
            self.on_change(*what)
