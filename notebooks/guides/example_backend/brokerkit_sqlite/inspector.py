"""The inspector: what is in the file, without changing it."""

from __future__ import annotations

import time

from brokerkit.core.contract.inspector import InspectorDriver
from brokerkit.core.vocabulary.topics import Bounds, SubscriptionInfo, TopicDescription, TopicInfo
from brokerkit.core.vocabulary.windows import TimeOrder

from .connection import Database
from .tables import bounds_of, first_at, messages_of


class SqliteInspector(InspectorDriver):
    """A view of the topics in a file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def topics(self, timeout: float) -> list[TopicInfo]:
        with self._database.reading(timeout) as connection:
            names = connection.execute("SELECT name, number FROM topics").fetchall()
            counts = {name: bounds_of(connection, f"messages_{number}").estimate for name, number in names}
        return [TopicInfo(name, messages=count, counted="at most") for name, count in counts.items()]

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        with self._database.reading(timeout) as connection:
            return [bounds_of(connection, messages_of(connection, topic))]

    def describe(self, topic: str, timeout: float) -> TopicDescription:
        with self._database.reading(timeout) as connection:
            table = messages_of(connection, topic)
            bounds = bounds_of(connection, table)
            rows = connection.execute(
                "SELECT s.name, s.next, s.lock, "
                "(SELECT count(*) FROM deliveries WHERE subscription = s.number), "
                "(SELECT count(*) FROM deliveries WHERE subscription = s.number AND until > :now), "
                f"(SELECT count(*) FROM {table} WHERE number >= s.next) "
                "FROM subscriptions s JOIN topics t ON s.topic = t.number WHERE t.name = :topic",
                {"now": time.time(), "topic": topic},
            ).fetchall()
        readers = tuple(
            SubscriptionInfo(
                name,
                "subscription",
                lag=unsettled + fresh,
                in_flight=locked,
                position={None: following},
                details={"lock": lock},
            )
            for name, following, lock, unsettled, locked, fresh in rows
        )
        return TopicDescription(topic, (bounds,), readers)

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        with self._database.reading(timeout) as connection:
            return first_at(connection, messages_of(connection, topic), microseconds)

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        # publishers may set times of their own
        return "first"

    def close(self, timeout: float) -> None:
        self._database.close()
