"""What is known of the chosen topic besides its messages: loaded in threads, shown in tabs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.subscriptions import SubscriptionDescription
from brokerkit.core.vocabulary.topics import SubscriptionInfo, TopicDescription

from ..latest_only_worker import Workers
from .histogram import Histogram, of_rows, of_topic
from .lag_looks import LagLooks
from .topics import NOT_KNOWN, TopicList

if TYPE_CHECKING:
    from brokerkit.session.schemas.versions import SchemaVersions
    from brokerkit.session.session import DataSession

WORKERS = ("topics", "description", "backlogs", "histogram", "subscriptions", "lag", "schema")


@dataclass(frozen=True)
class Readers:
    """The subscriptions of the topic.

    Attributes:
        loading: Whether they are being loaded.
        rows: Each of them, as a list shows it.
        chosen: The chosen one, in full.
        problem: Why they could not be loaded.
    """

    loading: bool = False
    rows: tuple[SubscriptionInfo, ...] = ()
    chosen: SubscriptionDescription | None = None
    problem: str = ""


@dataclass(frozen=True)
class SchemaFound:
    """The schema of the topic's values or keys, or the `problem` why there is none."""

    loading: bool = False
    key: bool = False
    versions: SchemaVersions | None = None
    problem: str = ""


class TopicFacts:
    """Facts about a topic. Any thread may call it; each fact is replaced, never changed.

    Args:
        session: The session.
        topics: The list of topics, which keeps the backlogs.
        workers: A worker for each of `WORKERS`.
        tell: Called with the names of the facts that changed.
        failed: Called with errors that no fact has a place for.

    Attributes:
        topic: The name of the topic; None before one is chosen.
        description: Its partitions and settings.
        problem: Why they could not be loaded.
        readers: Its subscriptions.
        lag: Their lag over time.
        schema: Its schema.
        histogram: Its messages over time.
    """

    def __init__(
        self,
        session: DataSession,
        topics: TopicList,
        workers: Workers,
        tell: Callable[..., None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._session, self._topics, self._workers = session, topics, workers
        self._tell, self._failed = tell, failed
        self.topic: str | None = None
        self.lag = LagLooks(session, workers["lag"], tell)
        self.clear()

    def clear(self) -> None:
        """Forget what was known."""
        self.description: TopicDescription | None = None
        self.problem = ""
        self.readers = Readers()
        self.schema = SchemaFound()
        self.histogram: Histogram | None = None
        self._rows_counted = False
        self.lag.clear()

    def forget_rows(self) -> bool:
        """Drop a histogram of rows, for other ones are to come; return whether there was one."""
        gone = self._rows_counted
        if gone:
            self.histogram, self._rows_counted = None, False
        return gone

    def turn_to(self, topic: str) -> None:
        """Load the facts about another topic."""
        self.topic = topic
        self.clear()
        self._workers["description"].run(partial(self._describe, topic))

    def refresh(self) -> None:
        """Load the topics, and the description of the chosen one, again."""
        self._workers["topics"].run(self._load_topics)
        if self.topic is not None:
            self._workers["description"].run(partial(self._describe, self.topic))

    def count_again(self) -> None:
        """Load the description of the topic again, after messages were sent."""
        if self.topic is not None:
            self._workers["description"].run(partial(self._describe, self.topic))

    def _load_topics(self, cancellation: Cancellation) -> None:
        try:
            self._topics.load()
        except (BrokerError, TimeoutError) as error:
            return self._failed(error)
        self._tell("topics")

    def _describe(self, topic: str, cancellation: Cancellation) -> None:
        try:
            described = self._topics.describe(topic)
        except (BrokerError, TimeoutError) as error:
            cancellation.raise_if_cancelled()
            # of another topic than the one shown, it would be a riddle
            if topic == self.topic:
                self.problem = str(error) or "no answer in time"
                self._failed(error)
                self._tell("description")
            return
        if topic == self.topic:
            self.description, self.problem = described, ""
            self._tell("description", "topics")

    def load_backlogs(self, names: Sequence[str]) -> None:
        """Load the backlogs of some topics, one after the other."""

        def load(cancellation: Cancellation) -> None:
            for name in names:
                cancellation.raise_if_cancelled()
                if name not in self._topics.backlogs:
                    try:
                        self._topics.describe(name, count=False)
                    except (BrokerError, TimeoutError):
                        self._topics.backlogs[name] = NOT_KNOWN
            self._tell("topics")

        self._workers["backlogs"].run(load)

    # Subscriptions.

    def load_readers(self) -> None:
        """Load the subscriptions of the topic."""
        topic = self.topic
        if topic is None:
            return
        self.readers = replace(self.readers, loading=True)
        self._tell("subscriptions")
        self._workers["subscriptions"].run(partial(self._load_readers, topic, None))

    def choose_reader(self, place: int | None) -> None:
        """Load one subscription in full, by its place in the list; None for none."""
        rows, topic = self.readers.rows, self.topic
        if topic is None or place is None or place >= len(rows):
            self.readers = replace(self.readers, chosen=None)
            return self._tell("subscriptions")
        self._workers["subscriptions"].run(partial(self._load_readers, topic, rows[place].name))

    def look_at_lag(self) -> None:
        """Look at the lag of the subscriptions, and of the chosen one in full."""
        chosen, topic = self.readers.chosen, self.topic
        if topic is not None:
            self.lag.look(topic, None if chosen is None else chosen.info.name)

    def load_chosen_again(self) -> None:
        """Load the subscriptions and the chosen one again, after it was changed."""
        chosen, topic = self.readers.chosen, self.topic
        if topic is not None:
            name = None if chosen is None else chosen.info.name
            self._workers["subscriptions"].run(partial(self._load_readers, topic, name))
            if self.lag.looks:
                self.lag.look(topic, name, again=True)
            self._workers["description"].run(partial(self._describe, topic))

    def _load_readers(self, topic: str, chosen: str | None, cancellation: Cancellation) -> None:
        found = Readers()
        try:
            subscriptions = self._session.connection.subscriptions()
            found = replace(found, rows=tuple(subscriptions.listed(topic)))
            if chosen is not None:
                found = replace(found, chosen=subscriptions.described(topic, chosen))
        except (BrokerError, TimeoutError) as error:
            cancellation.raise_if_cancelled()
            known = () if self.description is None else self.description.subscriptions
            found = replace(found, rows=found.rows or known, problem=str(error) or "no answer in time")
        if topic == self.topic:
            self.readers = found
            self._tell("subscriptions")

    # Schema.

    def load_schema(self, *, key: bool) -> None:
        """Load the versions of the schema of the topic's values or keys."""
        topic = self.topic
        if topic is None:
            return
        self.schema = SchemaFound(loading=True, key=key)
        self._tell("schema")
        self._workers["schema"].run(partial(self._load_schema, topic, key))

    def _load_schema(self, topic: str, key: bool, cancellation: Cancellation) -> None:
        found = SchemaFound(key=key)
        try:
            found = replace(found, versions=self._session.schema(topic, key=key))
        except (BrokerError, TimeoutError) as error:
            cancellation.raise_if_cancelled()
            found = replace(found, problem=str(error) or "no answer in time")
        if topic == self.topic:
            self.schema = found
            self._tell("schema")

    # Over time.

    def count(self, what: str, rows: pa.Table) -> None:
        """Make the histogram: of the `topic`, where the broker has a time index, or of these `rows`."""
        if what == "topic" and self.topic is not None and self._session.capabilities.time_index:
            self._workers["histogram"].run(partial(self._count_topic, self.topic))
            return
        note = ": this system has no time index" if what == "topic" else ""
        self.histogram, self._rows_counted = of_rows(rows, f"of the rows found{note}"), True
        self._tell("histogram")

    def _count_topic(self, topic: str, cancellation: Cancellation) -> None:
        try:
            found = of_topic(self._session, topic, None, cancellation)
        except (BrokerError, TimeoutError) as error:
            cancellation.raise_if_cancelled()
            return self._failed(error) if topic == self.topic else None
        if topic == self.topic:
            self.histogram, self._rows_counted = found, False
            self._tell("histogram")
