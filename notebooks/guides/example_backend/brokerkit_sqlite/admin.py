"""Creating and deleting topics and subscriptions."""

from __future__ import annotations

import sqlite3

from brokerkit.core.contract.consumer import SubscriptionRequest
from brokerkit.core.vocabulary.errors import AlreadyExists
from brokerkit.core.vocabulary.positions import Earliest, resolve

from .connection import Database
from .options import SUBSCRIPTION_OPTIONS
from .tables import MESSAGES, bounds_of, first_at, messages_of


def create_topic(database: Database, topic: str, timeout: float) -> None:
    """Create a topic with its table. Raises AlreadyExists."""
    with database.writing(timeout) as connection:
        try:
            number = connection.execute("INSERT INTO topics (name) VALUES (?)", (topic,)).lastrowid
        except sqlite3.IntegrityError:
            raise AlreadyExists(f"topic {topic!r} already exists") from None
        connection.execute(MESSAGES.format(f"messages_{number}"))


def delete_topic(database: Database, topic: str, timeout: float) -> None:
    """Delete a topic with its table and its subscriptions. Raises NotFound."""
    with database.writing(timeout) as connection:
        connection.execute(f"DROP TABLE {messages_of(connection, topic)}")
        connection.execute("DELETE FROM topics WHERE name = ?", (topic,))


def create_subscription(database: Database, request: SubscriptionRequest, timeout: float) -> None:
    """Create a subscription. Raises NotFound and AlreadyExists."""
    options = SUBSCRIPTION_OPTIONS.read(request.options)
    with database.writing(timeout) as connection:
        table = messages_of(connection, request.topic)
        begins = resolve(
            request.start,
            [bounds_of(connection, table)],
            lambda moment: first_at(connection, table, moment),
            otherwise=Earliest(),
        )
        try:
            connection.execute(
                "INSERT INTO subscriptions (topic, name, next, lock) "
                "SELECT number, ?, ?, ? FROM topics WHERE name = ?",
                (request.subscription, begins[None], options["lock"], request.topic),
            )
        except sqlite3.IntegrityError:
            raise AlreadyExists(
                f"subscription {request.subscription!r} of {request.topic!r} already exists"
            ) from None
