"""Looking changes nothing: asked with the system's own client, before and after."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .messages import publish_numbered
from .systems import System

MESSAGES = 3_000


@pytest.fixture(scope="session", params=["kafka", "nats", pytest.param("pulsar", marks=pytest.mark.extended)])
def system(request: pytest.FixtureRequest) -> System:
    """Each system on which looking is free."""
    found: System = request.getfixturevalue(f"{request.param}_system")
    return found


@pytest.fixture
def topic(system: System, session: Session) -> str:
    """A topic with one subscription that has taken 500 messages, and one that has taken none."""
    name = system.create_topic(session)
    publish_numbered(session, name, range(MESSAGES))
    session.create_subscription(name, "half-way", start="earliest")
    session.create_subscription(name, "untouched", start="earliest")
    session.pull(name, 500, subscription="half-way")
    return name


LOOKS: dict[str, Callable[[Session, str, Path], int]] = {
    "peek at the newest": lambda s, topic, _: len(s.peek(topic, 50)),
    "peek from the start": lambda s, topic, _: len(s.peek(topic, 50, start="earliest")),
    "peek by offset": lambda s, topic, _: len(s.peek(topic, 50, start=-20)),
    "peek by time": lambda s, topic, _: len(s.peek(topic, 50, start="-15min")),
    "peek where": lambda s, topic, _: len(s.peek(topic, 50, where="77")),
    "peek a key": lambda s, topic, _: len(s.peek(topic, 50, key="key-3")),
    "list topics": lambda s, topic, _: len(s.topics()),
    "describe": lambda s, topic, _: s.describe(topic).messages,
    "show a plan": lambda s, topic, _: len(repr(s.scan(topic))),
    "scan": lambda s, topic, _: len(s.scan(topic, progress=False).to_pandas()),
    "export": lambda s, topic, folder: s.scan(topic, progress=False).to_parquet(folder / "out").rows,
    "reread": lambda s, topic, _: len(s.reread(s.peek(topic, 50))),
    "dask": lambda s, topic, _: len(s.scan(topic, slice_rows=500).to_dask().compute()),
}


@pytest.mark.timeout(120)
def test_looking_changes_nothing_on_the_broker(
    system: System, session: Session, topic: str, tmp_path: Path
) -> None:
    before = _settled_facts(system)

    found = {name: look(session, topic, tmp_path) for name, look in LOOKS.items()}

    assert all(found.values()), found
    # what a look needs while it lasts may take the server a moment to forget
    eventually(lambda: system.facts() == before or None, f"the facts are again {before}", within=60)


@pytest.mark.timeout(120)
def test_peeked_messages_are_still_pulled(session: Session, topic: str) -> None:
    session.peek(topic, 100)
    session.scan(topic, progress=False).to_pandas()
    assert len(session.pull(topic, 2 * MESSAGES, subscription="untouched")) == MESSAGES
    assert len(session.pull(topic, 2 * MESSAGES, subscription="half-way")) == MESSAGES - 500


def _settled_facts(system: System) -> dict[str, object]:
    """The facts once they do not change by themselves: a member that left may still be shown."""
    deadline = time.monotonic() + 10
    facts = system.facts()
    while (again := system.facts()) != facts and time.monotonic() < deadline:
        facts = again
    return facts


def test_a_where_that_fails_is_counted_and_reads_on(session: Session, topic: str) -> None:
    def picky(value: int) -> bool:
        return 1 / (value % 2) > 0

    frame = session.peek(topic, 10, start="earliest", where=picky)

    assert len(frame) == 10
    assert not pd.Series([int(value) % 2 == 0 for value in frame["value"]]).any()
    assert session.last_read is not None
    assert session.last_read.filter_errors > 0
