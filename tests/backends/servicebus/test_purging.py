"""Emptying queues, with the state asked of Microsoft's own clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .conftest import new_queue, new_topic

pytestmark = pytest.mark.broker


@pytest.fixture(params=["batch deletion", "taking"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways: a service that does not know the request to delete a batch answers 501."""
    if request.param == "taking":
        monkeypatch.setattr(
            "brokerkit.backends.servicebus.client_internals.BATCH_DELETE", b"com.microsoft:not-known"
        )
    return str(request.param)


def counts(session: Session, queue: str) -> tuple[int, int, int, int]:
    """Active, scheduled, deferred and dead-lettered messages, as the administration says."""
    found = session.native.administration.get_queue_runtime_properties(queue)
    known = found.active_message_count, found.scheduled_message_count, found.dead_letter_message_count
    return known[0], known[1], found.total_message_count - sum(known), known[2]


def mixed(session: Session, count: int, **options: Any) -> str:
    """A queue with active messages, and one each that is scheduled, deferred and dead-lettered."""
    queue = new_queue(session, **options)
    session.publish_batch(queue, [f"{n}" for n in range(count + 2)])
    client = session.native.client
    with client.get_queue_receiver(queue, max_wait_time=2) as receiver:
        first, second = receiver.receive_messages(2, max_wait_time=2)
        receiver.defer_message(first)
        receiver.dead_letter_message(second, reason="bad")
    later = {"$sb.scheduled_enqueue_time": datetime.now(UTC) + timedelta(hours=1)}
    session.publish(queue, "later", attributes=later)
    assert counts(session, queue) == (count, 1, 1, 1)
    return queue


def test_a_queue_is_emptied_of_what_is_active(session: Session, how: str) -> None:
    queue = mixed(session, 1_203)
    plan = session.purge(queue, dry_run=True)
    assert list(plan["messages"]) == [1_203]
    assert plan.attrs["brokerkit"]["notes"] == ["deferred, scheduled and locked messages stay"]
    assert counts(session, queue) == (1_203, 1, 1, 1)
    done = session.purge(queue, confirm=queue)
    assert (list(done["status"]), list(done["removed"])) == (["done"], [1_203])
    assert counts(session, queue) == (0, 1, 1, 1)
    dead = f"{queue}/$deadletterqueue"
    assert list(session.purge(dead, confirm=dead)["removed"]) == [1]
    assert counts(session, queue) == (0, 1, 1, 0)


def test_only_what_was_enqueued_before_a_time_goes(session: Session, how: str) -> None:
    queue = new_queue(session)
    session.publish_batch(queue, ["a", "b", "c"])
    moment = session.peek(queue)["publish_time"].max() + timedelta(milliseconds=2)
    eventually(lambda: datetime.now(UTC) > moment, "the time has passed")
    session.publish_batch(queue, ["d", "e"])
    plan = session.purge(queue, before=moment, dry_run=True)
    assert list(plan["messages"]) == [3]
    done = session.purge(queue, before=moment, confirm=queue)
    assert (list(done["status"]), list(done["removed"])) == (["done"], [3])
    assert list(session.peek(queue)["value"]) == ["d", "e"]


def test_locked_messages_stay_and_later_ones_are_not_eaten(session: Session, how: str) -> None:
    queue = new_queue(session)
    session.publish_batch(queue, ["locked", "b", "c"])
    with session.native.client.get_queue_receiver(queue, max_wait_time=2) as receiver:
        (held,) = receiver.receive_messages(1, max_wait_time=2)
        done = session.purge(queue, confirm=queue)
        assert (list(done["status"]), list(done["removed"])) == (["differs"], [2])
        receiver.abandon_message(held)
    session.publish_batch(queue, ["later", "latest"])
    assert list(session.pull(queue, 5, timeout=3)["value"]) == ["locked", "later", "latest"]


def test_sessions_and_subscriptions_are_emptied_as_well(session: Session) -> None:
    queue = new_queue(session, sessions=True)
    session.publish_batch(queue, [bk.OutboundMessage(b"x", key=key) for key in (b"A", b"B", b"A")])
    assert list(session.purge(queue, confirm=queue)["removed"]) == [3]
    assert counts(session, queue)[0] == 0
    topic = new_topic(session, "one", "two")
    session.publish_batch(topic, ["a", "b"])
    path = f"{topic}/Subscriptions/one"
    assert list(session.purge(path, confirm=path)["removed"]) == [2]
    assert session.subscriptions(topic).set_index("subscription")["lag"].to_dict() == {"one": 0, "two": 2}
    with pytest.raises(bk.NotSupported, match="whose messages are in its subscriptions"):
        session.purge(topic, confirm=topic)


def test_single_messages_are_removed_also_deferred_and_scheduled_ones(session: Session) -> None:
    queue = mixed(session, 5)
    plan = session.purge(queue, where=lambda value: value in (0, 3, 5, "later"), dry_run=True)
    assert sorted(plan["value"]) == ["0", "3", "5", "later"]
    assert counts(session, queue) == (5, 1, 1, 1)
    done = session.purge(queue, rows=plan, confirm=queue)
    assert list(done["status"]) == ["removed"] * 4
    assert counts(session, queue) == (3, 0, 0, 1)
    assert sorted(session.pull(queue, 5, timeout=3)["value"]) == ["2", "4", "6"]
    again = session.purge(queue, rows=plan, confirm=queue)
    assert list(again["status"]) == ["gone"] * 4


def test_a_message_that_another_consumer_holds_is_not_said_to_be_gone(session: Session) -> None:
    queue = new_queue(session)
    session.publish_batch(queue, ["locked", "free", "gone"])
    plan = session.purge(queue, where=lambda value: True, dry_run=True)
    assert (
        session.purge(queue, rows=plan[plan["value"] == "gone"], confirm=queue)["status"].item() == "removed"
    )
    with session.native.client.get_queue_receiver(queue, max_wait_time=2) as receiver:
        (held,) = receiver.receive_messages(1, max_wait_time=2)
        done = session.purge(queue, rows=plan, confirm=queue)
        assert list(done["status"]) == ["failed", "removed", "gone"]
        assert "locked by another consumer" in done["error"].iloc[0]
        place = (None, int(plan["offset"].iloc[0]))
        ((error,),) = session.connection.purging().remove(queue, [place], timeout=1.0)
        assert isinstance(error, bk.Unavailable), error
        receiver.abandon_message(held)
    assert list(session.purge(queue, rows=plan, confirm=queue)["status"]) == ["removed", "gone", "gone"]


def test_a_position_is_refused_with_what_there_is(session: Session) -> None:
    queue = new_queue(session)
    session.publish(queue, "a")
    for how in ({"before": 1}, {"keep": 1}):
        with pytest.raises(bk.NotSupported, match="give a time as before="):
            session.purge(queue, **how, confirm=queue)
    assert counts(session, queue)[0] == 1


def test_a_subscription_beside_the_queue_is_refused_without_naming_what_is_refused_too(
    session: Session,
) -> None:
    with pytest.raises(bk.NotSupported, match="without subscription= removes what is there") as refused:
        session.purge(new_queue(session), subscription="billing", dry_run=True)
    assert "reset(" not in str(refused.value)


def test_scheduled_messages_are_listed_and_cancelled(session: Session) -> None:
    queue = new_queue(session)
    assert list(session.scheduled(queue)["due"]) == []
    now = datetime.now(UTC).replace(microsecond=0)
    for hours in (3, 1, 2):
        due = {"$sb.scheduled_enqueue_time": now + timedelta(hours=hours)}
        session.publish(queue, {"hours": hours}, attributes=due)
    session.publish(queue, "active")
    found = session.scheduled(queue)
    assert list(found["due"]) == [now + timedelta(hours=hours) for hours in (1, 2, 3)]
    assert counts(session, queue)[:2] == (1, 3)
    done = session.purge(queue, rows=found[found["due"] > now + timedelta(hours=1)], confirm=queue)
    assert list(done["status"]) == ["removed", "removed"]
    assert counts(session, queue)[:2] == (1, 1)
    assert list(session.scheduled(queue, expand=True)["value.hours"]) == [1]


def test_deferred_messages_are_listed_taken_and_removed(session: Session) -> None:
    queue = new_queue(session)
    session.publish_batch(queue, [f"{n}" for n in range(4)])
    with session.native.client.get_queue_receiver(queue, max_wait_time=2) as receiver:
        for message in receiver.receive_messages(3, max_wait_time=2):
            receiver.defer_message(message)
    found = session.deferred(queue)
    assert list(found["value"]) == ["0", "1", "2"]
    assert counts(session, queue)[:3] == (1, 0, 3)
    taken = session.pull(queue, 1, deferred=list(found["offset"][:1]), timeout=5)
    assert list(taken["value"]) == ["0"]
    assert list(session.purge(queue, rows=found[1:2], confirm=queue)["status"]) == ["removed"]
    assert list(session.deferred(queue)["value"]) == ["2"]
    assert counts(session, queue)[:3] == (1, 0, 1)
