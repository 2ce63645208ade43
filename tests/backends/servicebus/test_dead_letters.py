"""Dead letters of Service Bus: sub-queues of queues and subscriptions, taken, sent again, and completed."""

from __future__ import annotations

from threading import Timer
from typing import Any

import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.session.operate.copies import Copies
from brokerkit.session.operate.receipts import MoveWarning
from brokerkit.session.operate.taken_source import TakenSource
from brokerkit.workbench import Session

from .conftest import new_name, new_queue, new_topic
from .test_purging import counts


def reject(session: Session, topic: str, subscription: str | None, count: int) -> None:
    """Reject so many messages, every second one as odd."""
    with session.consumer(topic, subscription) as consumer:
        left = count
        while left:
            for each in consumer.next_batch(left, 10):
                each.reject(reason="Odd" if int(each.data or b"") % 2 else "Even")
                left -= 1


def fill(session: Session, topic: str, count: int, subscription: str | None = None) -> None:
    session.publish_batch(
        topic,
        [OutboundMessage(str(n), None, {"own": n, "$sb.message_id": f"m{n}"}) for n in range(count)],
    )
    reject(session, topic, subscription, count)


def numbers(frame: Any) -> list[int]:
    return [int(each) for each in frame["value"]]


def test_a_queue_shows_reasons_and_gets_its_messages_back_in_order(session: Session) -> None:
    queue = new_queue(session)
    fill(session, queue, 700)
    found = session.dead_letters(queue)
    assert numbers(found) == list(range(700))
    assert list(found["reason"][:2]) == ["Even", "Odd"]
    assert set(found["topic"]) == {f"{queue}/$deadletterqueue"}
    assert len(session.redrive(queue, dry_run=True)) == 700
    assert counts(session, queue) == (0, 0, 0, 700), "as the administration says"
    receipts = session.redrive(queue, confirm=queue, progress=False)
    assert receipts.counts == {"confirmed": 700, "failed": 0, "unknown": 0}
    assert receipts["removed"].all()
    assert counts(session, queue) == (700, 0, 0, 0)
    again = session.peek(queue, 1000)
    assert numbers(again) == list(range(700))
    names = {each["name"] for each in again["attributes"].iloc[0]}
    assert {"own", "bk-redriven", "bk-redrive-id"} <= names
    assert not names & {"DeadLetterReason", "DeadLetterErrorDescription", "$sb.dead_letter_source"}
    assert session.dead_letters(queue).empty


def test_an_interrupt_shows_what_was_sent_and_the_same_call_goes_on(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = new_queue(session, lock_seconds=5)
    fill(session, queue, 700)
    search, remove = Copies.known_in, TakenSource.remove
    removed: list[int] = []

    def interrupted(copies: Copies, *given: Any) -> Any:
        if removed:
            raise KeyboardInterrupt
        return search(copies, *given)

    def counted(source: TakenSource, part: Any, rows: Any) -> Any:
        removed.extend(rows)
        return remove(source, part, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Copies, "known_in", interrupted)
        patch.setattr(TakenSource, "remove", counted)
        with pytest.raises(bk.Interrupted, match="after 500 messages") as caught:
            session.redrive(queue, confirm=queue, progress=False)
    receipts = caught.value.frame
    assert receipts is not None
    assert list(receipts["status"]) == ["confirmed"] * 500
    assert receipts["removed"].all()
    assert len(session.redrive(queue, confirm=queue, progress=False)) == 200
    assert numbers(session.peek(queue, 1000)) == list(range(700))


def test_chosen_and_edited_rows_go_and_the_others_stay(session: Session) -> None:
    queue = new_queue(session)
    fill(session, queue, 40)
    odd = session.dead_letters(queue, where=pc.field("reason") == "Odd")
    odd["value"] = [str(1000 + each) for each in numbers(odd)]
    receipts = session.redrive(odd.iloc[:10], confirm=queue, progress=False)
    assert receipts.counts["confirmed"] == 10
    assert counts(session, queue) == (10, 0, 0, 30)
    assert numbers(session.peek(queue)) == [1000 + each for each in range(1, 21, 2)]
    assert len(session.dead_letters(queue)) == 30
    reject(session, queue, None, 10)
    assert list(session.dead_letters(queue, by="redriven")["count"]) == [30, 10]


def test_a_subscription_gives_back_to_its_topic_and_says_who_else_gets_it(session: Session) -> None:
    topic = new_topic(session, "billing", "audit")
    fill(session, topic, 6, "billing")
    found = session.dead_letters(topic)
    assert set(found["origin_subscription"]) == {"billing"}
    assert set(found["origin_topic"]) == {topic}
    ask = session.native.administration.get_subscription_runtime_properties
    assert [ask(topic, name).dead_letter_message_count for name in ("billing", "audit")] == [6, 0]
    with pytest.warns(MoveWarning, match="2 subscriptions"):
        session.redrive(topic, confirm=topic, progress=False)
    assert [ask(topic, name).dead_letter_message_count for name in ("billing", "audit")] == [0, 0]
    assert [ask(topic, name).active_message_count for name in ("billing", "audit")] == [6, 12]
    assert numbers(session.peek(f"{topic}/Subscriptions/billing")) == list(range(6))
    assert len(session.peek(f"{topic}/Subscriptions/audit")) == 12


def test_duplicate_detection_does_not_swallow_what_is_sent_again(session: Session) -> None:
    queue = new_queue(session, duplicate_detection=600)
    fill(session, queue, 5)
    receipts = session.redrive(queue, confirm=queue, progress=False)
    assert receipts.counts["confirmed"] == 5
    again = session.peek(queue)
    assert numbers(again) == list(range(5))
    old = {each["name"]: each["value"] for each in again["attributes"].iloc[3]}
    assert old["bk-message-id"] == b"m3"


def test_sessions_are_kept(session: Session) -> None:
    queue = new_queue(session, sessions=True)
    session.publish_batch(queue, [OutboundMessage(str(n), f"s{n % 3}") for n in range(9)])
    with session.consumer(queue) as consumer:
        left = 9
        while left:
            for each in consumer.next_batch(left, 15):
                each.reject(reason="later")
                left -= 1
    session.redrive(queue, confirm=queue, progress=False)
    again = session.peek(queue)
    assert [(key, int(value)) for key, value in zip(again["key"], again["value"], strict=True)] == [
        (f"s{int(value) % 3}", int(value)) for value in again["value"]
    ]
    for _, of_session in again.groupby("key"):
        assert numbers(of_session) == sorted(numbers(of_session))
    assert session.dead_letters(queue).empty


def test_what_the_target_refuses_stays_with_the_reason(session: Session) -> None:
    queue, plain = new_queue(session), new_queue(session)
    sent = [OutboundMessage("x" * (200_000 if n % 10 == 9 else 10), None, {"n": n}) for n in range(30)]
    session.publish_batch(queue, sent)
    with session.consumer(queue) as consumer:
        left = 30
        while left:
            for each in consumer.next_batch(left, 10):
                each.reject(reason="any")
                left -= 1
    receipts = session.redrive(queue, to=new_name(), confirm=queue, progress=False)
    assert receipts.counts["failed"] == 30
    assert not receipts["removed"].any()
    assert len(session.dead_letters(queue)) == 30
    with bk.connect("inmem://") as small:
        small.create_topic(plain)
        small.connection.native.topic(plain).max_message_bytes = 1000
        receipts = session.redrive(queue, to=plain, to_session=small, confirm=queue, progress=False)
        assert receipts.counts == {"confirmed": 27, "failed": 3, "unknown": 0}
    left = session.dead_letters(queue)
    assert list(left["value"].str.len()) == [200_000] * 3
    assert list(left["id"]) == list(receipts.failed["source_id"])


def test_messages_that_another_consumer_holds_are_told_and_left(session: Session) -> None:
    queue = new_queue(session, lock_seconds=5)
    fill(session, queue, 3)
    letters = session.dead_letters(queue)
    with session.consumer(f"{queue}/$deadletterqueue") as other:
        held = other.next_batch(1, 10)
        receipts = session.redrive(letters, confirm=queue, progress=False)
        assert sorted(receipts["status"]) == ["confirmed", "confirmed", "failed"]
        assert "another consumer holds it" in receipts.failed["error"].iloc[0]
        for each in held:
            each.nack()
    assert len(session.dead_letters(queue)) == 1


@pytest.mark.extended
@pytest.mark.parametrize("sessions", [False, True], ids=["dead letters", "sessions"])
def test_originals_whose_locks_end_while_their_copies_are_sent_are_removed_too(
    session: Session, monkeypatch: pytest.MonkeyPatch, sessions: bool
) -> None:
    monkeypatch.setattr("brokerkit.session.operate.taken_source.HOLD_SECONDS", 0.5)
    queue = new_queue(session, lock_seconds=5, sessions=sessions)
    with bk.connect("inmem://") as slow:
        slow.create_topic(queue)
        faults = slow.connection.native.faults
        resume = Timer(12, faults.resume)
        if sessions:
            session.publish_batch(queue, [OutboundMessage(str(n), f"s{n % 2}") for n in range(10)])
            rows = session.peek(queue)
            faults.pause()
            resume.start()
            receipts = session.move(rows, queue, to_session=slow, confirm=queue, timeout=60, progress=False)
        else:
            fill(session, queue, 10)
            faults.pause()
            resume.start()
            receipts = session.redrive(queue, to_session=slow, confirm=queue, timeout=60, progress=False)
        assert receipts.counts == {"confirmed": 10, "failed": 0, "unknown": 0}
        assert receipts["removed"].all(), receipts["error"].dropna().unique()
        assert len(slow.peek(queue)) == 10
    assert session.dead_letters(queue).empty
    assert session.peek(queue).empty


def test_messages_of_a_queue_are_moved(session: Session) -> None:
    here, there = new_queue(session), new_queue(session)
    session.publish_batch(here, [str(n) for n in range(10)])
    frame = session.peek(here)
    receipts = session.move(frame.iloc[::2], there, confirm=here, progress=False)
    assert receipts["removed"].all()
    assert counts(session, here) == counts(session, there) == (5, 0, 0, 0)
    for queue, kept in ((there, range(0, 10, 2)), (here, range(1, 10, 2))):
        with session.native.client.get_queue_receiver(queue) as receiver:
            assert [int(str(each)) for each in receiver.peek_messages(20)] == list(kept)


@pytest.mark.parametrize("many", [60, pytest.param(1200, marks=pytest.mark.extended)])
def test_messages_of_sessions_are_moved_and_keep_their_sessions(session: Session, many: int) -> None:
    here, there = new_queue(session, sessions=True, lock_seconds=5), new_queue(session, sessions=True)
    # more sessions than a consumer holds at once
    session.publish_batch(here, [OutboundMessage(str(n), f"s{n % 12}") for n in range(many)])
    frame = session.peek(here, many)
    wanted = frame[frame["value"].astype(int) % 7 == 3]
    receipts = session.move(wanted, there, confirm=here, progress=False)
    assert (receipts.counts["confirmed"], receipts["removed"].sum()) == (len(wanted), len(wanted))
    moved, left = session.peek(there, many), session.peek(here, many)
    assert set(zip(moved["key"], moved["value"], strict=True)) == set(
        zip(wanted["key"], wanted["value"], strict=True)
    )
    assert sorted(numbers(left)) == sorted({*range(many)} - {*numbers(wanted)})
    for _, of_session in [*moved.groupby("key"), *left.groupby("key")]:
        assert numbers(of_session) == sorted(numbers(of_session))
    with session.consumer(here) as consumer:
        again = list(consumer.next_batch(5, 5))
        assert again, "what was held meanwhile is delivered again"
        for each in again:
            each.nack()


@pytest.mark.extended
def test_sessions_that_another_consumer_holds_are_told_and_left(session: Session) -> None:
    here, there = new_queue(session, sessions=True, lock_seconds=5), new_queue(session)
    session.publish_batch(here, [OutboundMessage(str(n), f"s{n % 3}") for n in range(9)])
    frame = session.peek(here)
    with session.consumer(here, session="s1") as other:
        held = other.next_batch(1, 10)
        receipts = session.move(frame, there, confirm=here, progress=False)
        for each in held:
            each.nack()
    assert receipts.counts == {"confirmed": 6, "failed": 3, "unknown": 0}
    assert list(receipts.failed["source_id"]) == list(frame["id"][frame["key"] == "s1"])
    assert receipts.failed["error"].str.contains("another consumer holds it").all()
    assert numbers(session.peek(here)) == [1, 4, 7]
    assert sorted(numbers(session.peek(there))) == [0, 2, 3, 5, 6, 8]
