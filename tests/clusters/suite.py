"""What a user may rely on when the server that leads a topic is killed in the middle of the work.

A subclass in a file of its own has the fixture `cluster`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pandas as pd
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import AckFailed, Unavailable
from brokerkit.testing import eventually
from brokerkit.workbench import Session
from tests.conftest import lacking, missing

CASE_SECONDS = 120
ROWS = 20_000
KEYS = 7
PAD = "." * 200
_numbers = count(1)


class Cluster(Protocol):
    """Several servers that keep each topic together."""

    url: str

    def options(self) -> dict[str, Any]:
        """How to create a topic with a replica on each server."""

    def leader(self, topic: str) -> str:
        """The name of the server that leads a topic, or the first partition of it."""

    def urls(self, leader: str) -> dict[str, str]:
        """Ways to connect, by name."""

    def kill(self, server: str) -> None: ...

    def mend(self) -> None:
        """Start the servers that do not run, and wait until all take part."""


C = TypeVar("C")


def running(kind: Callable[[Path], AbstractContextManager[C]], system: str, folder: Path) -> Iterator[C]:
    """Start a cluster in a folder where its system can be started, as the fixtures of one server do."""
    lack = lacking()[system]
    if lack is not None:
        missing(system, lack)
    with kind(folder) as started:
        yield started


@pytest.fixture
def whole(cluster: Cluster) -> Cluster:
    """The cluster with all its servers."""
    cluster.mend()
    return cluster


@pytest.fixture
def topic(whole: Cluster) -> Iterator[str]:
    with bk.connect(whole.url) as session:
        yield new_topic(session, whole)


def new_topic(session: Session, cluster: Cluster) -> str:
    name = f"cluster-{next(_numbers)}"
    session.create_topic(name, **cluster.options())
    return name


def frame(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "key": [f"key-{number % KEYS}" for number in range(rows)],
            "value": [f"{number}:{PAD}" for number in range(rows)],
        }
    )


def numbers_of(values: pd.Series | list[str]) -> list[int]:
    return [int(value.partition(":")[0]) for value in values]


def filled(session: Session, topic: str) -> None:
    outcome = session.publish_frame(topic, frame(ROWS), kind="messages", progress=False)
    assert outcome["status"].eq("confirmed").all()


@contextmanager
def killed(cluster: Cluster, leader: str, topic: str) -> Iterator[None]:
    """Kill a server as soon as a topic has messages, while the block runs."""
    over = threading.Event()

    def strike() -> bool:
        with bk.connect(cluster.url) as session:
            browser = session.inspector
            eventually(
                lambda: over.is_set() or any(each.end > each.start for each in browser.bounds(topic)),
                "the work has begun",
                within=60,
            )
            in_time = not over.is_set()
            cluster.kill(leader)
        return in_time

    with ThreadPoolExecutor(1) as pool:
        striking = pool.submit(strike)
        try:
            yield
        finally:
            over.set()
        assert striking.result(30), "the work was over before anything was killed"


def check_outcome(outcome: pd.DataFrame, session: Session, topic: str) -> Counter[int]:
    """Check that a topic has what an outcome says, each key in order. Return how often each row is there."""
    found = session.scan(topic, progress=False).to_pandas()
    for _, rows in found.groupby("key"):
        numbers = numbers_of(rows["value"])
        assert numbers == sorted(numbers)
    times = Counter(numbers_of(found["value"]))
    most = 1 if session.capabilities.idempotent_publish else len(outcome)
    for status, least, limit in (("confirmed", 1, most), ("failed", 0, 0), ("unknown", 0, most)):
        rows = outcome["row"][outcome["status"] == status]
        wrong = {int(row): times[row] for row in rows if not least <= times[row] <= limit}
        assert not wrong, f"{len(wrong)} {status} rows are stored so often: {dict(list(wrong.items())[:5])}"
    return times


@pytest.mark.timeout(CASE_SECONDS)
class Publishing:
    """Outcomes are true, and nothing is stored out of order."""

    def test_a_frame_is_stored_once_and_in_order_when_the_leader_is_killed(
        self, whole: Cluster, topic: str
    ) -> None:
        leader = whole.leader(topic)
        with bk.connect(whole.url) as session:
            with killed(whole, leader, topic):
                outcome = session.publish_frame(topic, frame(ROWS), kind="messages", progress=False)
            assert outcome["status"].eq("confirmed").all()
            assert check_outcome(outcome, session, topic) == Counter(range(ROWS))


@pytest.mark.soak
@pytest.mark.timeout(CASE_SECONDS)
class Working:
    """Nothing is lost in any other work."""

    def test_it_does_not_matter_which_server_is_known(self, whole: Cluster, topic: str) -> None:
        for name in ("the leader", "another"):
            with bk.connect(whole.url) as around:
                own = new_topic(around, whole)
                leader = whole.leader(own)
                with bk.connect(whole.urls(leader)[name]) as session, killed(whole, leader, own):
                    outcome = session.publish_frame(own, frame(ROWS), kind="messages", progress=False)
                assert outcome["status"].eq("confirmed").all(), name
                assert check_outcome(outcome, around, own) == Counter(range(ROWS)), name
            whole.mend()

    def test_a_publish_that_has_little_time_says_what_is_stored(self, whole: Cluster, topic: str) -> None:
        leader = whole.leader(topic)
        with bk.connect(whole.url) as session:
            with killed(whole, leader, topic):
                outcome = session.publish_frame(
                    topic, frame(ROWS), kind="messages", timeout=2.0, progress=False
                )
            whole.mend()
            check_outcome(outcome, session, topic)
            resumed = session.publish_frame(
                topic, frame(ROWS), kind="messages", resume=outcome, progress=False
            )
            times = Counter(numbers_of(session.scan(topic, progress=False).to_pandas()["value"]))
            assert not resumed["status"].eq("failed").any()
            assert all(times[row] == 1 for row in resumed["row"][resumed["status"] == "confirmed"])
            assert max(times.values()) == 1

    def test_a_scan_has_all_rows_in_order(self, whole: Cluster, topic: str) -> None:
        with bk.connect(whole.url) as session:
            filled(session, topic)
            leader = whole.leader(topic)
            parts = []
            for batch in session.scan(topic, slice_rows=3_000, progress=False).batches():
                if not parts:
                    whole.kill(leader)
                parts.append(batch)
            found = pa.Table.from_batches(parts).to_pandas()
        assert sorted(numbers_of(found["value"])) == list(range(ROWS))
        for _, rows in found.groupby("key"):
            numbers = numbers_of(rows["value"])
            assert numbers == sorted(numbers)

    def test_a_peek_and_a_description_work_again(self, whole: Cluster, topic: str) -> None:
        with bk.connect(whole.url) as session:
            filled(session, topic)
            whole.kill(whole.leader(topic))

            def look() -> int:
                try:
                    return len(session.peek(topic, 2 * ROWS))
                except Unavailable:
                    return 0

            assert eventually(look, "the rest of the cluster answers", within=60) == ROWS
            assert session.describe(topic).messages == ROWS

    def test_a_loop_over_batches_works_off_everything(self, whole: Cluster, topic: str) -> None:
        acknowledged: Counter[int] = Counter()
        doubtful: set[int] = set()
        with bk.connect(whole.url) as session:
            session.create_subscription(topic, "me", start="earliest")
            filled(session, topic)
            leader = whole.leader(topic)
            with session.batches(topic, subscription="me", size=500, window=0.2, idle=45.0) as batches:
                for turn, batch in enumerate(batches):
                    if turn == 5:
                        whole.kill(leader)
                    numbers = numbers_of(batch.frame["value"])
                    try:
                        batch.ack()
                    except AckFailed:
                        doubtful.update(numbers)
                        continue
                    acknowledged.update(numbers)
                    if len(acknowledged.keys() | doubtful) == ROWS:
                        break
        assert acknowledged.keys() | doubtful == set(range(ROWS))

    @pytest.mark.parametrize("which", ["source", "target"])
    def test_a_copy_is_complete_and_in_order(self, whole: Cluster, topic: str, which: str) -> None:
        with bk.connect(whole.url) as session, bk.connect(whole.url) as other:
            filled(session, topic)
            target = new_topic(session, whole)
            leader = whole.leader(topic if which == "source" else target)
            with killed(whole, leader, target):
                outcome = session.copy(topic, other, target, progress=False)
            assert outcome["status"].eq("confirmed").all()
            ids = session.scan(topic, progress=False).to_pandas()
            numbers = dict(zip(ids["id"], numbers_of(ids["value"]), strict=True))
            told = outcome.assign(row=outcome["source"].map(numbers))
            assert check_outcome(told, session, target) == Counter(range(ROWS))
