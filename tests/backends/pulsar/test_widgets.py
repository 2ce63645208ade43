"""The browser and the tail go along a topic by the positions of its messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.build import FrameBuilder
from brokerkit.testing import eventually
from brokerkit.widgets.browse.histogram import of_topic
from brokerkit.widgets.browse.message import MessageView
from brokerkit.widgets.browse.neighbours import neighbour
from brokerkit.widgets.browse.query import Query
from brokerkit.widgets.tail import Tail
from brokerkit.workbench import Session

from .conftest import Make, publish, publish_as_one_batch

pytestmark = pytest.mark.broker


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with bk.connect(url) as opened:
        yield opened


@pytest.mark.parametrize("partitions", [None, 2])
def test_stepping_goes_from_message_to_message_in_and_between_batches(
    session: Session, make: Make, partitions: int | None
) -> None:
    topic = make(partitions)
    part = topic if partitions is None else f"{topic}-partition-1"
    publish(session.connection, part, b"0")
    publish_as_one_batch(session.connection, part, b"1", b"2", b"3")
    publish(session.connection, part, b"4")
    query = Query(topic, 10)

    def step(name: str, by: int) -> str:
        row = session.scan(topic, end="latest").to_arrow()
        row = row.filter(row.column("id").to_pandas().eq(name).to_numpy())
        message = MessageView(row, FrameBuilder())
        found, _ = neighbour(session, message, query, by, "partition", None, Cancellation())
        return str(found.column("value")[0])

    ids = list(session.scan(topic).to_pandas()["id"])
    for place in range(4):
        assert step(ids[place], 1) == str(place + 1)
        assert step(ids[place + 1], -1) == str(place)
    for name, by in ((ids[4], 1), (ids[0], -1)):
        with pytest.raises(ConfigError, match="there is no"):
            step(name, by)


def test_the_histogram_counts_all(session: Session, make: Make) -> None:
    topic = make()
    publish_as_one_batch(session.connection, topic, *(b"%d" % n for n in range(50)))
    publish(session.connection, topic, b"50")
    assert sum(of_topic(session, topic).counts) == 51


def test_a_tail_shows_what_was_there_and_what_comes_also_in_batches(session: Session, make: Make) -> None:
    topic = make()
    publish(session.connection, topic, b"0")
    tail = Tail(session, topic, interval=0.05)
    try:
        publish_as_one_batch(session.connection, topic, *(b"%d" % n for n in range(1, 100)))
        publish(session.connection, topic, b"100")
        right = [str(number) for number in range(101)]
        eventually(lambda: tail.frame["value"].tolist() == right, "all are shown", within=60)
        tail.selected = tail.frame["id"].iloc[50]
        assert tail.selected["value"].tolist() == ["50"]
        assert not [note for note in tail.notes if "skipped" in note or "created again" in note]
    finally:
        tail.close()


@pytest.mark.parametrize("partitions", [None, 2])
def test_the_fixed_call_of_a_browser_gives_the_same_rows_when_others_have_come(
    session: Session, make: Make, partitions: int | None
) -> None:
    topic = make(partitions)
    parts = [topic] if partitions is None else [f"{topic}-partition-{number}" for number in range(partitions)]
    for part in parts:
        publish_as_one_batch(session.connection, part, b"1", b"2", b"3")
    browser = session.browse(topic)
    assert browser.wait(20)
    shown = browser.frame["id"].tolist()
    assert len(shown) == 3 * len(parts)
    fixed = browser.fixed_call
    browser.close()
    for part in parts:
        publish(session.connection, part, b"later")
    again = eval(fixed, {"s": session})  # the call is what the widget offers for copying
    assert again["id"].tolist() == shown
