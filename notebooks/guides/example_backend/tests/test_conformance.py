"""The conformance suite of brokerkit on a broker in a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from brokerkit.core import Connection, OutboundMessage
from brokerkit.testing import Conformance, Gap, Harness

NO_SERVER = Gap("never", "the file is the broker: there is no server that could be killed")


class SqliteHarness(Harness):
    name = "sqlite"
    lock_options: Mapping[str, Any] = {"lock": 1.0}
    gaps: Mapping[str, Gap] = {
        "a failed ack is raised": NO_SERVER,
        "a killed and restarted broker loses nothing": NO_SERVER,
        "errors keep their cause and say if retrying helps": NO_SERVER,
        "ordered the next of a key waits for the ack": Gap("not yet", "messages of a key have no order"),
        "what is committed is visible and nothing else": Gap("not yet", "there are no transactions"),
    }

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.options = {"create": True}
        with self.connect():
            self._other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def make_gap(self, connection: Connection, topic: str) -> None:
        with connection.publisher() as publisher:
            made = publisher.topic(topic).publish(OutboundMessage(b"deleted"))
        (number,) = self._other.execute("SELECT number FROM topics WHERE name = ?", (topic,)).fetchone()
        self._other.execute(f"DELETE FROM messages_{number} WHERE number = ?", (made.id,))

    def pause(self) -> None:
        self._other.execute("BEGIN IMMEDIATE")

    def resume(self) -> None:
        self._other.execute("ROLLBACK")

    def close(self) -> None:
        self._other.close()


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    made = SqliteHarness(tmp_path_factory.mktemp("broker") / "broker.db")
    yield made
    made.close()


class TestSqlite(Conformance):
    pass
