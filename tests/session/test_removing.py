"""purge, scheduled and deferred, on the broker in memory."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.workbench import Session


def left(s: Session) -> list[int]:
    return sorted(json.loads(each)["id"] for each in s.peek("t", 100)["value"])


@pytest.fixture
def filled(s: Session) -> Session:
    """Ten messages in each of two partitions, the times of which are an hour apart."""
    s.create_topic("t", partitions=2)
    first = datetime.now(UTC) - timedelta(hours=10, minutes=30)
    for number in range(20):
        moment = first + timedelta(hours=number // 2)
        s.publish("t", {"id": number}, partition=number % 2, publish_time=moment)
    return s


@pytest.mark.parametrize(
    ("how", "count"),
    [
        ({}, 0),
        ({"before": "-3h"}, 4),
        ({"before": {0: 4}}, 16),
        ({"before": "earliest"}, 20),
        ({"before": -1}, 2),
        ({"keep": 3}, 6),
    ],
)
def test_the_plan_counts_what_is_removed(filled: Session, how: dict[str, Any], count: int) -> None:
    plan = filled.purge("t", **how, dry_run=True)
    assert sum(plan["messages"]) == 20 - count
    assert len(left(filled)) == 20
    done = filled.purge("t", **how, confirm="t")
    assert set(done["status"]) == {"done"}
    assert sum(done["removed"]) == 20 - count
    assert left(filled) == list(range(20 - count, 20)) or how == {"before": {0: 4}}
    assert len(left(filled)) == count
    assert sum(filled.purge("t", **how, confirm="t")["messages"]) == 0


def test_single_messages_are_removed_and_can_be_published_again(filled: Session) -> None:
    chosen = filled.purge("t", where=lambda value: value["id"] % 5 == 0, before="-2h", dry_run=True)
    assert set(chosen["status"]) == {"planned"}
    done = filled.purge("t", rows=chosen, confirm="t")
    assert set(done["status"]) == {"removed"}
    assert not {0, 5, 10, 15} & set(left(filled))
    assert set(filled.purge("t", rows=chosen, confirm="t")["status"]) == {"gone"}
    filled.publish_frame("t", done.drop(columns=["status", "error"]))
    assert left(filled) == list(range(20))


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({"where": lambda value: value["id"] < 10, "before": {0: 2}}, [0, 2]),
        ({"where": "id", "before": {1: 3, 0: 1}}, [0, 1, 3, 5]),
        ({"key": "k", "before": {1: -8}}, [1, 3]),
        ({"header": "h", "before": {0: "-8h"}}, [0, 2, 4]),
    ],
)
def test_single_messages_of_other_partitions_than_those_named_stay(
    s: Session, how: dict[str, Any], wanted: list[int]
) -> None:
    s.create_topic("t", partitions=2)
    first = datetime.now(UTC) - timedelta(hours=10, minutes=30)
    for number in range(20):
        moment = first + timedelta(hours=number // 2)
        s.publish(
            "t", {"id": number}, key="k", attributes={"h": "1"}, partition=number % 2, publish_time=moment
        )
    planned = s.purge("t", **how, dry_run=True)
    assert sorted(json.loads(each)["id"] for each in planned["value"]) == wanted
    assert set(s.purge("t", **how, confirm="t")["status"]) == {"removed"}
    assert left(s) == [number for number in range(20) if number not in wanted]


@pytest.mark.extended
def test_what_is_not_known_to_be_removed_is_not_said_to_be_there(
    filled: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = filled.purge("t", where=lambda value: value["id"] < 4, dry_run=True)
    filled.connection.native.faults.stop()
    with pytest.raises(bk.BrokerError, match="is stopped"), monkeypatch.context() as patch:
        patch.setattr(filled.inspector, "read", partial(filled.inspector.read, stall=0.3))
        # they are looked at before anything is removed
        filled.purge("t", rows=plan, confirm="t")
    filled.connection.native.faults.start()
    connected = filled.connection.purging()
    ask, calls = connected._ask, iter(range(9))

    def stopped(question: Any, timeout: float) -> Any:
        # the first two ask whether the topic allows it
        if next(calls) == 2:
            filled.connection.native.faults.stop()
        return ask(question, timeout)

    with monkeypatch.context() as patch:
        patch.setattr(connected, "_ask", stopped)
        receipts = filled.purge("t", rows=plan, confirm="t")
    assert list(receipts["status"]) == ["unknown"] * 4
    assert receipts["error"].notna().all()
    filled.connection.native.faults.start()
    assert list(filled.purge("t", rows=plan, confirm="t")["status"]) == ["removed"] * 4


def test_an_interrupt_does_not_say_of_what_is_under_way_that_it_is_there(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    s.create_topic("t")
    s.publish_batch("t", [json.dumps({"id": number}) for number in range(250)])
    plan = s.purge("t", where="id", dry_run=True)
    connected = s.connection.purging()
    ask, calls = connected._ask, iter(range(9))

    def interrupted(question: Any, timeout: float) -> Any:
        answer = ask(question, timeout)
        # the first two ask whether the topic allows it
        if next(calls) == 3:
            raise KeyboardInterrupt
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(connected, "_ask", interrupted)
        with pytest.raises(bk.Interrupted) as caught:
            s.purge("t", rows=plan, confirm="t", progress=False)
    told = list(caught.value.frame["status"])
    assert told == ["removed"] * 100 + ["unknown"] * 100 + ["planned"] * 50
    again = list(s.purge("t", rows=plan, confirm="t")["status"])
    assert again == ["gone"] * 200 + ["removed"] * 50


@pytest.mark.extended
def test_subscriptions_neither_hold_nor_wait_for_what_is_removed(filled: Session) -> None:
    filled.create_subscription("t", "me", start="earliest")
    with filled.consumer("t", "me") as consumer:
        held = list(consumer.next_batch(4, 5))
        filled.purge("t", before={0: 5, 1: 5}, confirm="t")
        with pytest.raises(bk.LockLost):
            held[0].ack()
    found = filled.subscriptions("t")
    assert (list(found["lag"]), list(found["in_flight"])) == ([10], [0])
    assert len(filled.pull("t", 50, subscription="me")) == 10


def test_what_has_not_been_settled_is_named(filled: Session) -> None:
    filled.create_subscription("t", "behind", start="earliest")
    filled.create_subscription("t", "ahead", start="latest")
    filled.create_subscription("t", "group", model="record", start="earliest")
    notes = filled.purge("t", before={0: 1}, dry_run=True).attrs["brokerkit"]["notes"]
    assert notes == ["not settled yet by behind, group: these never get what is removed"]
    assert filled.purge("t", before="earliest", dry_run=True).attrs["brokerkit"]["notes"] == []


@pytest.mark.parametrize("confirm", [None, "", "T"])
def test_a_purge_needs_the_name_typed_again(filled: Session, confirm: str | None) -> None:
    for how in ({}, {"where": "1"}, {"rows": pd.DataFrame()}):
        with pytest.raises(bk.ConfigError, match="type the name again: confirm='t'"):
            filled.purge("t", **how, confirm=confirm)
    assert len(left(filled)) == 20


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"before": 11}, bk.ConfigError, "11 lies after 10, the end of partition 0"),
        ({"before": {1: 99}}, bk.ConfigError, "99 lies after 10, the end of partition 1"),
        ({"before": {5: 1}}, bk.NotFound, "no partition 5"),
        ({"before": 1, "keep": 1}, bk.ConfigError, "before= or keep="),
        ({"keep": 0}, bk.ConfigError, "keep"),
        ({"where": "x", "keep": 1}, bk.ConfigError, "single messages are chosen by"),
        ({"rows": pd.DataFrame({"topic": ["other"]})}, bk.ConfigError, "messages of other, not only of 't'"),
        ({"subscription": "me"}, bk.NotSupported, r"reset\('t', 'me', to=\.\.\.\) skips"),
    ],
)
def test_what_cannot_be_meant_removes_nothing(
    filled: Session, how: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        filled.purge("t", **how, confirm=how.get("subscription", "t"))
    assert len(left(filled)) == 20


def test_a_read_only_session_shows_plans_and_removes_nothing() -> None:
    with bk.connect("inmem://removing") as owner:
        owner.create_topic("t")
        owner.publish_batch("t", ["a", "b"])
        with bk.connect("inmem://removing", read_only=True) as looker:
            assert list(looker.purge("t", dry_run=True)["messages"]) == [2]
            assert list(looker.purge("t", where="a", dry_run=True)["status"]) == ["planned"]
            for change in (
                lambda: looker.purge("t", confirm="t"),
                lambda: looker.purge("t", where="a", confirm="t"),
                lambda: looker.connection.purging().purge(looker.connection.purging().plan("t")),
                lambda: list(looker.connection.purging().remove("t", [(0, 0)])),
            ):
                with pytest.raises(bk.NotSupported, match="read-only"):
                    change()
        assert len(owner.peek("t")) == 2


def test_a_system_without_schedules_says_so(filled: Session) -> None:
    for look in (filled.scheduled, filled.deferred):
        with pytest.raises(bk.NotSupported, match=r"peek\('t'\) shows what there is"):
            look("t")


def test_rows_of_a_topic_that_was_made_again_remove_no_message_of_the_new_one() -> None:
    with bk.connect("inmem://") as s:
        s.create_topic("jobs")
        s.publish_batch("jobs", ["old 0", "old 1"])
        frame = s.peek("jobs")
        s.delete_topic("jobs", confirm="jobs")
        s.create_topic("jobs")
        s.publish("jobs", "new")
        for dry_run in (True, False):
            outcome = s.purge("jobs", rows=frame, confirm="jobs", dry_run=dry_run)
            assert outcome["status"].tolist()[0] == "gone"
        assert outcome["status"].tolist() == ["gone", "gone"]
        assert s.peek("jobs")["value"].tolist() == ["new"]
        assert s.purge("jobs", rows=s.peek("jobs"), confirm="jobs")["status"].tolist() == ["removed"]
