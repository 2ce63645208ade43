"""The calls of a session: the same frames as of every other system."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import AckFailed, ConfigError, LockLost, NotSupported, OutboundMessage, RetentionWarning
from brokerkit.frames.schema import schema_for
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .conftest import new_name, new_queue, new_topic

pytestmark = pytest.mark.broker

COLUMNS = [
    "topic",
    "partition",
    "offset",
    "id",
    "key",
    "raw_key",
    "value",
    "raw",
    "format",
    "schema",
    "attributes",
    "publish_time",
    "ingestion_time",
    "delivery_count",
]


def same(left: pd.DataFrame, right: pd.DataFrame, *names: str) -> None:
    for name in names:
        assert left[name].tolist() == right[name].tolist(), name


def filled(session: Session, count: int = 5) -> str:
    queue = new_queue(session)
    session.publish_batch(
        queue,
        [
            OutboundMessage(json.dumps({"n": n}), key=f"k{n}", attributes={"n": n, "source": "test"})
            for n in range(count)
        ],
    )
    return queue


def test_peek_scan_pull_and_reread_give_the_same_frame(session: Session) -> None:
    queue = filled(session)
    peeked = session.peek(queue)
    assert list(peeked.columns) == COLUMNS
    assert peeked.dtypes.equals(session.peek(queue, 1).dtypes)
    assert peeked["offset"].tolist() == [1, 2, 3, 4, 5]
    assert peeked["id"].tolist() == ["1", "2", "3", "4", "5"]
    assert peeked["key"].tolist() == [f"k{n}" for n in range(5)]
    scanned = session.scan(queue).to_pandas()
    reread = session.reread(peeked.iloc[[3, 1]])
    assert reread["offset"].tolist() == [4, 2]
    pulled = session.pull(queue, 5, timeout=60, idle=20)
    for other in (scanned, pulled):
        same(peeked, other, "topic", "offset", "id", "key", "value", "publish_time", "ingestion_time")
        assert [list(row) for row in peeked["attributes"]] == [list(row) for row in other["attributes"]]
    assert pulled["delivery_count"].tolist() == [1] * 5
    assert len(session.peek(queue)) == 0
    with pytest.warns(RetentionWarning), pytest.warns(UserWarning, match="no longer on the broker"):
        assert len(session.reread(peeked)) == 0


def test_the_frame_has_the_schema_of_every_system(session: Session) -> None:
    queue = filled(session, 1)
    scan = session.scan(queue)
    assert scan.to_arrow().schema.equals(scan.schema)
    assert scan.schema.equals(schema_for(scan._reader.whole.decoder))


def test_attributes_and_fields_become_columns(session: Session) -> None:
    frame = session.peek(filled(session), expand=True)
    assert frame["value.n"].tolist() == list(range(5))
    assert bk.attr(frame, "source").tolist() == ["test"] * 5


def test_a_topic_is_pulled_by_subscription_and_looked_at_by_its_path(session: Session) -> None:
    topic = new_topic(session, "me")
    session.publish(topic, {"id": 1}, key="c1")
    path = f"{topic}/Subscriptions/me"
    seen = session.peek(path)
    taken = session.pull(topic, 1, subscription="me", timeout=60)
    same(seen, taken, "topic", "offset", "key", "value")
    assert taken["topic"].tolist() == [path]
    with pytest.raises(NotSupported, match="Subscriptions/NAME"):
        session.peek(topic)


def test_dead_letters_are_pulled_and_published_again_to_the_byte(session: Session) -> None:
    topic = new_topic(session, "me")
    sent = [
        OutboundMessage(b'{"a": 1.0}', key="k", attributes={"n": 2**53 + 1, "b": b"\xff"}),
        OutboundMessage(b"\xff\xfe", attributes={"$sb.subject": "label"}),
        OutboundMessage(b'{"v": 1}', attributes={"$sb.body_type": "value:json"}),
    ]
    session.publish_batch(topic, sent)
    with session.consumer(topic, "me") as consumer:
        held = consumer.fetch(3, 60)
        assert held is not None
        held.reject(reason="tried")
    dead = session.pull(f"{topic}/$deadletterqueue", 3, subscription="me", timeout=60, idle=20)
    assert bk.attr(dead, "DeadLetterReason").tolist() == ["tried"] * 3
    queue = new_queue(session)
    outcome = session.publish_frame(queue, dead, progress=False)
    assert outcome["status"].tolist() == ["confirmed"] * 3
    again = session.pull(queue, 3, timeout=60, idle=20)
    same(dead, again, "key", "value", "raw")
    for mine, theirs in zip(again["attributes"], dead["attributes"], strict=True):
        kept = [pair for pair in theirs if pair["name"] != "$sb.dead_letter_source"]
        assert list(mine) == kept


def test_batches_are_acknowledged_after_the_work_and_given_back_when_it_fails(session: Session) -> None:
    queue = filled(session, 4)
    with pytest.raises(ZeroDivisionError):
        for batch in session.batches(queue, size=4):
            with batch:
                raise ZeroDivisionError
    seen: list[Any] = []
    for batch in session.batches(queue, size=2, idle=1.0):
        with batch:
            seen += batch.frame["delivery_count"].tolist()
    assert seen == [2, 2, 2, 2]
    assert len(session.peek(queue)) == 0


def test_giving_back_wants_to_be_said_and_raises_the_count(session: Session) -> None:
    queue = filled(session, 2)
    with pytest.raises(ConfigError, match="side_effects"):
        session.pull(queue, 2, ack=False)
    taken = session.pull(queue, 2, ack=False, side_effects="give back", timeout=60, idle=20)
    assert len(taken) == 2
    assert session.pull(queue, 2, timeout=60, idle=20)["delivery_count"].tolist() == [2, 2]


def test_a_pull_whose_locks_were_lost_carries_its_frame(session: Session) -> None:
    queue = new_queue(session, lock_seconds=3)
    session.publish(queue, "x")
    batches = session.batches(queue, size=1, hold=0.2)
    batch = next(iter(batches))
    assert len(session.pull(queue, 1, timeout=60)) == 1
    with pytest.raises(AckFailed) as raised:
        batch.ack()
    assert isinstance(raised.value, LockLost)
    assert raised.value.frame["value"].tolist() == ["x"]


def test_sessions_and_deferred_messages_are_options_of_pull(session: Session) -> None:
    queue = new_queue(session, sessions=True)
    for key in ("a", "b"):
        session.publish(queue, key, key=key)
    assert session.pull(queue, 10, session="b")["value"].tolist() == ["b"]
    assert session.pull(queue, 10)["value"].tolist() == ["a"]


def test_topics_and_describe_are_frames(session: Session) -> None:
    queue = filled(session, 3)
    topics = session.topics().set_index("topic")
    assert topics.loc[queue, "messages"] == 3
    described = session.describe(queue)
    assert described.partitions["messages"].tolist() == [3]
    assert "max_delivery_count" in repr(described)
    topic = new_topic(session, "me")
    assert session.describe(topic).subscriptions["subscription"].tolist() == ["me"]


def test_a_copy_arrives_complete_in_another_system_and_back(session: Session) -> None:
    queue, back = filled(session, 20), new_queue(session)
    with bk.connect(f"inmem://{new_name()}") as other:
        other.create_topic("orders")
        assert session.copy(queue, other, "orders", progress=False)["status"].eq("confirmed").all()
        assert other.copy("orders", session, back, progress=False)["status"].eq("confirmed").all()
    original, copied = session.peek(queue), session.peek(back)
    same(original, copied, "key", "value")
    names = [[pair["name"] for pair in row] for row in copied["attributes"]]
    # what the other system gave more is in an attribute of ours, and a number stays one
    assert names == [["n", "source", "bk-publish-time"]] * 20


def test_a_tail_follows_a_queue_while_others_take_from_it(session: Session) -> None:
    queue = filled(session, 2)
    tail = session.tail(queue, start="earliest", interval=0.1)
    try:
        eventually(lambda: len(tail.frame) == 2, "what is there is shown", within=60)
        assert len(session.pull(queue, 2, timeout=60, idle=20)) == 2
        session.publish(queue, {"n": 2})
        eventually(lambda: len(tail.frame) == 3, "what comes is shown", within=60)
        assert tail.frame["offset"].tolist() == [1, 2, 3]
        assert session.describe(queue).messages == 1
    finally:
        tail.stop()
