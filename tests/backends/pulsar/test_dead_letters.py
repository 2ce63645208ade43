"""Dead letters of Pulsar: the topics that its clients name, taken through a subscription of ours."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .test_operating import backlog

THROUGH = "brokerkit-redrive"


@pytest.fixture
def s(pulsar_server: PulsarServer) -> Iterator[Session]:
    with bk.connect(f"{pulsar_server.url}?admin={pulsar_server.admin}&nack_delay=0.1") as session:
        yield session


def failed(s: Session, count: int, **options: int) -> str:
    """A topic whose subscription `billing` has given up all of its messages."""
    topic = f"t-{uuid.uuid4().hex[:8]}"
    s.create_topic(topic, **options)
    s.create_subscription(topic, "billing", start="earliest")
    s.publish_batch(topic, [OutboundMessage(str(n), f"k{n % 5}", {"own": "1"}) for n in range(count)])
    with s.consumer(topic, "billing", max_redeliveries=1) as consumer:
        refused = 0
        while refused < 2 * count:
            for each in consumer.next_batch(count, 10):
                each.nack()
                refused += 1
        # the client sends them away when they come once more

        def all_there() -> bool:
            for each in consumer.next_batch(1, 0.2):
                each.nack()
            try:
                return len(s.dead_letters(topic)) == count
            except bk.NotFound:
                return False

        eventually(all_there, "all are dead letters", within=60)
    return topic


@pytest.mark.parametrize("options", [{}, pytest.param({"partitions": 2}, marks=pytest.mark.extended)])
def test_a_dead_letter_goes_back_to_its_topic_once(
    s: Session, pulsar_server: PulsarServer, options: dict[str, int]
) -> None:
    topic = failed(s, 20, **options)
    full = f"persistent://public/default/{topic}"
    found = s.dead_letters(topic)
    assert set(found["origin_topic"]) == {full}
    assert set(found["origin_subscription"]) == {"billing"}
    assert len(s.redrive(topic, limit=5, confirm=topic, progress=False)) == 5
    assert len(s.dead_letters(topic)) == 15
    left = sum(backlog(pulsar_server, each, THROUGH) for each in set(found["topic"]))
    assert left == 15, "as the broker says"
    assert backlog(pulsar_server, full, "billing") == 5
    receipts = s.redrive(topic, confirm=topic, progress=False)
    assert receipts.counts == {"confirmed": 15, "failed": 0, "unknown": 0}
    assert s.dead_letters(topic).empty
    assert sum(backlog(pulsar_server, each, THROUGH) for each in set(found["topic"])) == 0
    assert backlog(pulsar_server, full, "billing") == 20
    assert s.redrive(topic, confirm=topic, progress=False).empty
    again = s.peek(topic, 100)
    assert set(Counter(again["value"]).values()) == {2}
    names = {each["name"] for each in again["attributes"].iloc[-1]}
    assert names == {"own", "bk-redriven", "bk-redrive-id"}


def test_chosen_rows_go_and_the_others_stay(s: Session) -> None:
    topic = failed(s, 20)
    letters = s.dead_letters(topic, key="k3")
    letters["value"] = "mended " + letters["value"].astype(str)
    assert s.redrive(letters, confirm=topic, progress=False).counts["confirmed"] == 4
    left = s.dead_letters(topic)
    assert len(left) == 16
    assert "k3" not in set(left["key"])
    assert len(s.peek(topic, 100, where=lambda value: str(value).startswith("mended"))) == 4
    assert len(s.redrive(topic, confirm=topic, progress=False)) == 16


@pytest.mark.parametrize("others", [[], ["audit"]])
def test_messages_are_moved_for_a_subscription(
    s: Session, pulsar_server: PulsarServer, others: list[str]
) -> None:
    topic, there = (f"t-{uuid.uuid4().hex[:8]}" for _ in range(2))
    s.create_topic(topic)
    s.create_topic(there)
    for name in ("work", *others):
        s.create_subscription(topic, name, start="earliest")
    s.publish_batch(topic, [str(n) for n in range(10)])
    frame = s.peek(topic)
    frame = frame[frame["value"].astype(int) < 5]
    given = {"confirm": frame["topic"].iloc[0], "progress": False}
    if others:
        for how in (given, {"dry_run": True}):
            with pytest.raises(bk.ConfigError, match=r"several subscriptions \(audit, work\)"):
                s.move(frame, there, **how)
    receipts = s.move(frame, there, **given, **({"through": "work"} if others else {}))
    assert set(s.subscriptions(topic)["subscription"]) == {"work", *others}
    for name in others:
        assert backlog(pulsar_server, frame["topic"].iloc[0], name) == 10
    assert receipts["removed"].all()
    assert backlog(pulsar_server, frame["topic"].iloc[0], "work") == 5, "as the broker says"
    assert sorted(s.peek(there)["value"]) == ["0", "1", "2", "3", "4"]
    assert sorted(s.pull(topic, 10, subscription="work", timeout=5)["value"]) == ["5", "6", "7", "8", "9"]


def test_dead_letters_of_a_topic_with_a_longer_name_stay_where_they_are(s: Session) -> None:
    topic = f"t-{uuid.uuid4().hex[:8]}"
    for name in ("", "-eu", "-sub-DLQ", "-us-DLQ", "-eu-sub-DLQ", "-eu-DLQ", "-eu-sub-RETRY"):
        s.create_topic(topic + name)
        s.publish(topic + name, name)
    assert sorted(s.redrive(topic, dry_run=True)["source"].str.partition(topic)[2]) == ["-sub-DLQ", "-us-DLQ"]
    eu = s.redrive(f"{topic}-eu", dry_run=True)
    assert sorted(eu["source"].str.partition(topic)[2]) == ["-eu-DLQ", "-eu-sub-DLQ"]
    places = s.connection.dead_letters().places(f"{topic}-eu")
    told = {each.name.rpartition(topic)[2]: (each.kind, each.subscription) for each in places}
    assert told == {
        "-eu-DLQ": ("dead letters", None),
        "-eu-sub-DLQ": ("dead letters", "sub"),
        "-eu-sub-RETRY": ("retries", "sub"),
    }


@pytest.mark.extended
@pytest.mark.parametrize("options", [{}, {"partitions": 2}])
def test_a_reset_of_the_subscription_brings_back_what_was_redriven(
    s: Session, options: dict[str, int]
) -> None:
    topic = f"t-{uuid.uuid4().hex[:8]}"
    letters = f"{topic}-dlq"
    for name in (topic, letters):
        s.create_topic(name, **options)
    told = {"bk-dead-letter-topic": topic}
    s.publish_batch(letters, [OutboundMessage(str(n), f"k{n % 5}", told) for n in range(20)])
    receipts = s.redrive(topic, limit=13, confirm=topic, progress=False)
    with pytest.raises(bk.NotSupported, match=f"'{THROUGH}', 'earliest', confirm='{THROUGH}'\\) lists"):
        s.undo(receipts, confirm=topic)
    assert s.reset(letters, THROUGH, "earliest", confirm=THROUGH)["status"].eq("done").all()
    assert len(s.dead_letters(topic)) == 20
    assert len(s.peek(topic, 100)) == 13
    # those that have a copy already are only removed
    receipts = s.redrive(topic, confirm=topic, progress=False)
    assert (receipts.counts["confirmed"], receipts["removed"].sum()) == (20, 20)
    assert Counter(s.peek(topic, 100)["value"]) == Counter(map(str, range(20)))
