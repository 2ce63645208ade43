"""What is counted on a real broker whose offsets have gaps: markers, aborted records, compaction."""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Callable, Iterator

import pandas as pd
import pytest
from confluent_kafka import Producer

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing import eventually
from brokerkit.widgets.browse.gaps import gaps_before
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker
MakeTopic = Callable[..., str]
Transact = Callable[..., Producer]


@pytest.fixture
def session(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as s:
        yield s


@pytest.fixture
def transact(kafka_server: KafkaServer) -> Transact:
    """Produces values in a transaction, and commits or aborts it or leaves it open."""

    def run(topic: str, values: list[str], end: str, partition: int = 0) -> Producer:
        producer = Producer(
            {"bootstrap.servers": kafka_server.bootstrap, "transactional.id": uuid.uuid4().hex}
        )
        producer.init_transactions(20)
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=partition)
        assert producer.flush(20) == 0
        if end == "commit":
            producer.commit_transaction(20)
        elif end == "abort":
            producer.abort_transaction(20)
        return producer

    return run


def end_at(session: Session, topic: str, offset: int, partition: int = 0) -> None:
    """Wait until the markers of transactions are written."""
    eventually(lambda: session.inspector.bounds(topic)[partition].end == offset, f"{topic} ends at {offset}")


def values(frame: pd.DataFrame) -> list[str]:
    return [str(value) for value in frame["value"]]


def compacted(session: Session, make_topic: MakeTopic, rows: int = 300) -> str:
    """A topic of which compaction leaves few of many rows."""
    topic = make_topic(
        **{
            "cleanup.policy": "compact",
            "segment.ms": 100,
            "min.cleanable.dirty.ratio": 0.001,
            "max.compaction.lag.ms": 100,
            "min.compaction.lag.ms": 0,
        }
    )
    session.publish_batch(topic, [bk.OutboundMessage(str(n), key=f"k{n % 3}") for n in range(rows)])
    return topic


def test_after_transactions_counts_and_lag_are_exact(
    session: Session, make_topic: MakeTopic, transact: Transact
) -> None:
    topic = make_topic()
    transact(topic, list("abcde"), "commit")
    end_at(session, topic, 6)
    described = session.describe(topic)
    assert (described.messages, described.exact) == (5, True)
    assert len(session.pull(topic, 10, subscription="g", start="earliest")) == 5
    session.create_subscription(topic, "behind", start=3)
    session.create_subscription(topic, "fresh", start="earliest")
    table = session.describe(topic).subscriptions.set_index("subscription")
    assert dict(table["lag"]) == {"g": 0, "behind": 2, "fresh": 5}
    assert table["exact"].all()
    transact(topic, list("xyz"), "abort")
    end_at(session, topic, 10)
    described = session.describe(topic)
    assert (described.messages, described.exact) == (5, True)
    assert described.subscriptions.set_index("subscription")["lag"]["g"] == 0


def test_a_range_too_long_to_be_counted_is_marked(
    session: Session, make_topic: MakeTopic, transact: Transact
) -> None:
    topic = make_topic(2)
    transact(topic, ["x"] * 1_500, "commit")
    transact(topic, ["y"] * 3, "commit", 1)
    end_at(session, topic, 1_501)
    end_at(session, topic, 4, 1)
    described = session.describe(topic)
    assert not described.exact
    assert list(described.partitions["exact"]) == [False, True]
    assert list(described.partitions["messages"]) == [1_501, 3]
    assert "up to 1,504 messages" in repr(described)
    assert "up to 1,501" in described._repr_html_()
    listed = session.topics().set_index("topic").loc[topic]
    assert (listed["messages"], listed["exact"]) == (1_505, False)
    assert "up to 1,505 messages" in repr(session.scan(topic))
    session.create_subscription(topic, "far", start="earliest")
    session.create_subscription(topic, "near", start={0: 1_400}[0])
    lags = session.describe(topic).subscriptions.set_index("subscription")
    assert dict(lags["exact"]) == {"far": False, "near": True}
    assert dict(lags["lag"]) == {"far": 1_504, "near": 100}
    assert "up to 1,504" in repr(session.describe(topic))


def test_a_compacted_topic_is_counted_by_its_messages(session: Session, make_topic: MakeTopic) -> None:
    topic = compacted(session, make_topic)

    def cleaned() -> bool:
        # the segment that is written to is never compacted
        session.publish(topic, "last", key="k0")
        return len(session.scan(topic, progress=False).to_pandas()) < 100

    eventually(cleaned, "the broker compacts", within=60)

    def settled() -> bool:
        before = session.scan(topic, progress=False).to_pandas()
        time.sleep(1.0)  # in which the broker looks five times for something to compact
        after = session.scan(topic, progress=False).to_pandas()
        return list(before["offset"]) == list(after["offset"]) and len(after) < 10

    eventually(settled, "nothing is left to compact", within=60)
    there = session.scan(topic, progress=False).to_pandas()
    described = session.describe(topic)
    assert described.partitions["end"].iloc[0] > 300
    assert (described.messages, described.exact) == (len(there), True)
    for count in (1, 3, len(there), 10_000):
        expected = values(there)[-count:]
        assert values(session.peek(topic, 10_000, start=-count)) == expected
        assert values(session.scan(topic, start=-count).to_pandas()) == expected
        assert values(session.scan(topic, start={0: -count}).to_pandas()) == expected
    assert values(session.scan(topic, end=-1).to_pandas()) == values(there)[:-1]


def test_negative_positions_count_messages_behind_aborted_records(
    session: Session, make_topic: MakeTopic, transact: Transact
) -> None:
    topic, target = make_topic(2), make_topic()
    transact(topic, list("abcde"), "commit")
    transact(topic, ["gone"] * 50, "abort")
    transact(topic, list("vwx"), "commit", 1)
    end_at(session, topic, 57)
    end_at(session, topic, 4, 1)
    assert sorted(values(session.peek(topic, start=-3))) == ["c", "d", "e", "v", "w", "x"]
    assert values(session.scan(topic, start=-3, partitions=[0]).to_pandas()) == ["c", "d", "e"]
    assert values(session.scan(topic, start={0: -3, 1: "latest"}).to_pandas()) == ["c", "d", "e"]
    assert values(session.scan(topic, start=-4, end=-2, partitions=[0]).to_pandas()) == ["b", "c"]
    assert len(session.copy(topic, session, target, start=-2)) == 4
    assert sorted(values(session.pull(topic, subscription="new", start=-2))) == ["d", "e", "w", "x"]
    session.create_subscription(topic, "made", start=-1)
    assert sorted(values(session.pull(topic, subscription="made"))) == ["e", "x"]


def test_messages_behind_an_open_transaction_are_named(
    session: Session, make_topic: MakeTopic, transact: Transact
) -> None:
    topic = make_topic()
    session.publish_batch(topic, ["1", "2"])
    producer = transact(topic, ["3", "4"], "leave open")
    session.publish_batch(topic, ["5", "6", "7"])
    said = "not readable yet, behind an open transaction: 5 offsets from 2 on in partition 0"
    assert said in repr(session.describe(topic))
    assert said in repr(session.scan(topic))
    with pytest.warns(bk.NotYetReadableWarning, match=said):
        assert values(session.peek(topic)) == ["1", "2"]
    assert said in str(session.last_read)
    tail = session.tail(topic)
    try:
        assert any(said in note for note in tail.notes)
    finally:
        tail.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert values(session.peek(topic, end=1)) == ["1"]
    producer.commit_transaction(20)
    end_at(session, topic, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert values(session.peek(topic)) == list("1234567")
    assert "not readable" not in repr(session.describe(topic))


def test_the_workbench_says_why_offsets_between_records_hold_none(
    session: Session, make_topic: MakeTopic, transact: Transact
) -> None:
    topic = make_topic()
    session.publish(topic, "a")
    # what is sent before a marker is written lies before it
    transact(topic, ["b"], "commit")
    end_at(session, topic, 3)
    transact(topic, ["c"], "abort")
    end_at(session, topic, 5)
    session.publish(topic, "d")
    # a, b, its marker, c that was aborted, its marker, d
    assert list(session.peek(topic)["offset"]) == [0, 1, 5]
    browser = session.browse(topic)
    assert browser.wait(60)
    gaps = gaps_before(browser.query, session.capabilities.unseen, browser._model.rows.result.rows, 0, 3)
    assert list(gaps) == [2]
    assert gaps[2].startswith("offsets 2 to 4 hold no message: a marker of a transaction (control record), ")
    browser.selected = [(0, 1)]
    browser.step(1, "partition")
    assert browser.wait(60)
    assert browser.message is not None
    assert ("stepped over", gaps[2]) in browser.message.view(None)["fields"]
    browser.close()
