"""redrive and move, on the broker in memory: what is sent where, and what stays."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace

import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.session.operate.sources import ReadSource, all_opened
from brokerkit.workbench import Session

from .letters import attributes_of, desk, ids

__all__ = ["desk"]


def test_a_redrive_sends_each_back_to_where_it_came_from_and_removes_it(desk: Session) -> None:
    before = desk.peek("orders", 100)
    receipts = desk.redrive("orders", confirm="orders", progress=False)
    assert receipts.counts == {"confirmed": 12, "failed": 0, "unknown": 0}
    assert receipts["removed"].all()
    assert len(desk.dead_letters("orders")) == 0
    after = desk.peek("orders", 100)
    copies = after[~after["id"].isin(before["id"])]
    assert sorted(ids(copies)) == list(range(12))
    for row in range(12):
        told = attributes_of(copies, row)
        assert set(told) == {"trace", "bk-redriven", "bk-redrive-id"}
        (original,) = before[before["value"] == copies["value"].iloc[row]].to_dict("records")
        assert (original["partition"], original["key"]) == (
            copies["partition"].iloc[row],
            copies["key"].iloc[row],
        )
    for key in ("k0", "k1", "k2", "k3"):
        numbers = ids(copies[copies["key"] == key].sort_values(["partition", "offset"]))
        assert numbers == sorted(numbers)


def test_edited_rows_are_sent_as_they_were_edited(desk: Session) -> None:
    letters = desk.dead_letters("orders", where=pc.field("reason") == "BadCard")
    letters["value"] = [json.dumps({"id": each, "mended": True}) for each in ids(letters)]
    receipts = desk.redrive(letters.iloc[1:3], confirm="orders", progress=False)
    assert list(receipts["status"]) == ["confirmed"] * 2
    assert len(desk.dead_letters("orders")) == 10
    mended = desk.peek("orders", 100, where=lambda value: value.get("mended"))
    assert sorted(ids(mended)) == sorted(ids(letters.iloc[1:3]))


def test_a_dry_run_shows_what_would_be_sent_and_changes_nothing(desk: Session) -> None:
    before = desk.dead_letters("orders")
    plan = desk.redrive("orders", where=pc.field("reason") == "BadCard", dry_run=True)
    assert list(plan["target"]) == ["orders"] * 4
    assert list(plan["source_id"]) == list(before[before["reason"] == "BadCard"]["id"])
    assert list(plan["partition"]) == list(before[before["reason"] == "BadCard"]["origin_partition"])
    assert desk.dead_letters("orders").equals(before)
    assert len(desk.peek("orders", 100)) == 12


@pytest.mark.parametrize("confirm", [None, "", "orders-dlq", "ORDERS"])
def test_a_redrive_needs_the_name_typed_again(desk: Session, confirm: str | None) -> None:
    with pytest.raises(bk.ConfigError, match="type the name again: confirm='orders'"):
        desk.redrive("orders", confirm=confirm)
    assert len(desk.dead_letters("orders")) == 12


def test_a_read_only_session_shows_them_and_redrives_nothing() -> None:
    with bk.connect("inmem://letters") as owner:
        owner.create_topic("t")
        owner.create_topic("t-dlq")
        owner.publish("t-dlq", "x")
        with bk.connect("inmem://letters", read_only=True) as looker:
            assert len(looker.dead_letters("t")) == 1
            assert len(looker.redrive("t", dry_run=True)) == 1
            for change in (
                lambda: looker.redrive("t", confirm="t"),
                lambda: looker.move(looker.peek("t-dlq"), "t", confirm="t-dlq"),
            ):
                with pytest.raises(bk.NotSupported, match="read-only"):
                    change()
        assert len(owner.dead_letters("t")) == 1


def test_a_masked_session_hides_reasons_and_redrives_nothing() -> None:
    with bk.connect("inmem://masked-letters") as owner:
        owner.create_topic("t")
        owner.create_topic("t-dlq")
        told = {"dead-letter-reason": "no account for ada@example.com"}
        owner.publish("t-dlq", {"mail": "ada@example.com"}, attributes=told)
        with bk.connect("inmem://masked-letters", mask="detect:email") as careful:
            found = careful.dead_letters("t")
            assert "ada@" not in found.to_string()
            assert "ada@" not in careful.dead_letters("t", by="reason").to_string()
            with pytest.raises(bk.NotSupported, match="unmask=True"):
                careful.redrive("t", confirm="t")
            assert len(careful.redrive("t", confirm="t", unmask=True, progress=False)) == 1
        assert owner.peek("t")["value"].iloc[0] == '{"mail":"ada@example.com"}'


def test_what_was_redriven_too_often_stays(desk: Session) -> None:
    for times in range(1, 4):
        assert desk.redrive("orders", confirm="orders", progress=False).counts["confirmed"] == 12
        with desk.consumer("orders", "billing") as consumer:
            for each in consumer.next_batch(12, 5):
                each.reject(reason="again")
        assert list(desk.dead_letters("orders")["redriven"]) == [times] * 12
    receipts = desk.redrive("orders", confirm="orders", progress=False)
    assert list(receipts["status"]) == ["failed"] * 12
    assert "redriven 3 times already" in receipts["error"].iloc[0]
    assert not receipts["removed"].any()
    assert len(desk.dead_letters("orders")) == 12
    assert desk.redrive("orders", confirm="orders", max_redrives=4, progress=False).counts["failed"] == 0


def test_what_the_target_refuses_stays_with_the_reason(s: Session) -> None:
    s.create_topic("t-dlq")
    s.create_topic("t")
    s.connection.native.topic("t").max_message_bytes = 100
    s.publish_batch("t-dlq", ["x" * (200 if number % 100 == 99 else 10) for number in range(1000)])
    receipts = s.redrive("t", confirm="t", progress=False)
    assert receipts.counts == {"confirmed": 990, "failed": 10, "unknown": 0}
    left = s.dead_letters("t")
    assert list(left["id"]) == list(receipts.failed["source_id"])
    assert not receipts.failed["removed"].any()
    assert all("the limit is 100" in each for each in receipts.failed["error"])


def test_headers_may_be_kept_and_the_target_named(desk: Session) -> None:
    desk.create_topic("aside")
    desk.redrive("orders", to="aside", headers="keep", confirm="orders", limit=2, progress=False)
    found = desk.peek("aside")
    assert len(found) == 2
    assert attributes_of(found, 0)["bk-dead-letter-reason"] == b"Timeout"
    assert len(desk.dead_letters("orders")) == 10


def test_without_an_origin_a_target_is_asked_for(s: Session) -> None:
    s.create_topic("some-dlq")
    s.publish("some-dlq", "x")
    receipts = s.redrive("some-dlq", confirm="some-dlq", progress=False)
    assert "name one, to=..." in receipts["error"].iloc[0]
    receipts = s.redrive("some-dlq", to="some-dlq", confirm="some-dlq", progress=False)
    assert "where it is" in receipts["error"].iloc[0]
    assert len(s.dead_letters("some-dlq")) == 1


def test_rows_that_are_gone_are_told_and_not_sent(desk: Session) -> None:
    letters = desk.dead_letters("orders")
    desk.redrive("orders", confirm="orders", limit=9, progress=False)
    plan = desk.redrive(letters, dry_run=True)
    assert sorted(plan["source_id"]) == sorted(letters["id"])
    assert plan["error"].str.contains("not in 'orders-dlq' any more").sum() == 9
    desk.redrive("orders", confirm="orders", progress=False)
    receipts = desk.redrive(letters, confirm="orders", progress=False)
    assert list(receipts["status"]) == ["failed"] * 12
    assert "not in 'orders-dlq' any more" in receipts["error"].iloc[0]
    assert len(desk.peek("orders", 100)) == 24


@pytest.mark.extended
def test_a_rate_is_kept(s: Session) -> None:
    s.create_topic("t")
    s.create_topic("t-dlq")
    s.publish_batch("t-dlq", [str(number) for number in range(40)])
    receipts = s.redrive("t", confirm="t", rate=40, progress=False)
    assert len(receipts) == 40
    times = s.peek("t")["publish_time"]
    assert len(times) == 40
    assert s.redrive("t", confirm="t", rate=40, progress=False).empty


def test_to_another_broker(desk: Session) -> None:
    with bk.connect("inmem://") as other:
        other.create_topic("orders")
        receipts = desk.redrive("orders", to_session=other, confirm="orders", progress=False)
        assert receipts.counts["confirmed"] == 12
        assert sorted(ids(other.peek("orders"))) == list(range(12))
    assert len(desk.dead_letters("orders")) == 0


def test_messages_of_a_queue_are_moved(s: Session) -> None:
    s.create_topic("here", partitions=2)
    s.create_topic("there")
    s.publish_batch("here", [OutboundMessage(str(n), f"k{n}", {"a": "1"}) for n in range(10)])
    frame = s.peek("here", where=lambda value: int(value) % 2 == 0)
    assert list(s.move(frame, "there", dry_run=True)["target"]) == ["there"] * 5
    with pytest.raises(bk.ConfigError, match="confirm='here'"):
        s.move(frame, "there", confirm="there")
    receipts = s.move(frame, "there", confirm="here", progress=False)
    assert receipts["removed"].all()
    assert sorted(s.peek("there")["value"]) == ["0", "2", "4", "6", "8"]
    assert sorted(s.peek("here")["value"]) == ["1", "3", "5", "7", "9"]
    assert attributes_of(s.peek("there"), 0).keys() == {"a", "bk-redrive-id"}


@pytest.mark.parametrize("named", ["a\0b", "not there", "x" * 5000])
def test_a_header_that_names_no_topic_keeps_only_its_own_message(s: Session, named: str) -> None:
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    s.publish("x-dlq", "wrong", attributes={"bk-dead-letter-topic": named})
    s.publish_batch("x-dlq", ["one", "two"])
    receipts = s.redrive("x", confirm="x", progress=False)
    assert list(receipts["status"]) == ["failed", "confirmed", "confirmed"]
    assert list(s.dead_letters("x")["value"]) == ["wrong"]


def test_a_limit_counts_what_can_be_sent(s: Session) -> None:
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    for number in range(6):
        s.publish("x-dlq", str(number), attributes={"bk-redriven": "3" if number < 2 else "0"})
    plan = s.redrive("x", limit=2, dry_run=True)
    assert plan["error"].isna().tolist() == [False, False, True, True]
    receipts = s.redrive("x", limit=2, confirm="x", progress=False)
    assert receipts.counts == {"confirmed": 2, "failed": 2, "unknown": 0}
    assert list(s.peek("x")["value"]) == ["2", "3"]
    s.redrive("x", limit=2, confirm="x", progress=False)
    assert list(s.peek("x")["value"]) == ["2", "3", "4", "5"]
    assert list(s.dead_letters("x")["value"]) == ["0", "1"]


def test_what_is_to_be_retried_is_not_redriven_unless_its_topic_is_named(s: Session) -> None:
    for name in ("orders", "orders-retry"):
        s.create_topic(name)
    s.publish("orders-retry", "still to be retried")
    for change in ({"confirm": "orders"}, {"dry_run": True}):
        with pytest.raises(bk.NotFound, match="'orders-retry'"):
            s.redrive("orders", progress=False, **change)
    assert len(s.dead_letters("orders")) == 1
    receipts = s.redrive("orders-retry", to="orders", confirm="orders-retry", progress=False)
    assert receipts.counts["confirmed"] == 1
    assert list(s.peek("orders")["value"]) == ["still to be retried"]


@pytest.mark.parametrize("rate", [0, 0.0, float("inf"), float("nan"), -1])
def test_a_rate_that_cannot_be_kept_is_refused(desk: Session, rate: float) -> None:
    with pytest.raises(bk.ConfigError, match="rate"):
        desk.redrive("orders", rate=rate, confirm="orders", progress=False)
    with pytest.raises(bk.ConfigError, match="rate"):
        desk.move(desk.dead_letters("orders"), "orders", rate=rate, confirm="orders-dlq", progress=False)
    assert len(desk.dead_letters("orders")) == 12


def test_no_rows_are_no_receipts(desk: Session) -> None:
    none = desk.dead_letters("orders").iloc[:0]
    receipts = desk.redrive(none, confirm="orders", progress=False)
    assert (len(receipts), list(receipts.counts.values())) == (0, [0, 0, 0])
    assert {"source", "source_id", "target", "removed"} <= set(receipts.columns)
    assert list(desk.redrive(none, dry_run=True)) == list(desk.redrive("orders", dry_run=True))
    assert desk.move(desk.peek("orders").iloc[:0], "orders-dlq", progress=False).empty


def test_a_frame_that_was_read_by_a_rule_for_names_is_redriven_by_it(s: Session) -> None:
    for name in ("orders", "bad.orders"):
        s.create_topic(name)
    s.publish_batch("bad.orders", ["one", "two"])
    letters = s.dead_letters("orders", naming="bad.{topic}")
    receipts = s.redrive(letters, confirm="orders", progress=False)
    assert receipts.counts == {"confirmed": 2, "failed": 0, "unknown": 0}
    assert list(s.peek("orders")["value"]) == ["one", "two"]


@pytest.mark.parametrize("verb", ["redrive", "move"])
def test_rows_of_a_topic_that_was_made_again_remove_no_message_of_the_new_one(verb: str) -> None:
    with bk.connect("inmem://") as s:
        for topic in ("orders", "orders-dlq"):
            s.create_topic(topic)
        s.publish("orders-dlq", "old")
        frame = s.dead_letters("orders") if verb == "redrive" else s.peek("orders-dlq")
        s.delete_topic("orders-dlq", confirm="orders-dlq")
        s.create_topic("orders-dlq")
        s.publish("orders-dlq", "new")
        assert s.peek("orders-dlq")["id"].tolist() == frame["id"].tolist()
        if verb == "redrive":
            outcome = s.redrive(frame, confirm="orders")
        else:
            outcome = s.move(frame, "orders", confirm="orders-dlq")
        assert outcome["status"].tolist() == ["failed"]
        assert s.peek("orders-dlq")["value"].tolist() == ["new"]
        assert len(s.peek("orders")) == 0


def test_each_place_that_is_opened_is_closed_if_a_later_one_fails(desk: Session) -> None:
    closed: list[str] = []

    class Looked(ReadSource):
        def close(self) -> None:
            closed.append(self.place.name)

    def look(place: DeadLetterPlace) -> ReadSource:
        if place.name == "third":
            raise bk.NotSupported("it cannot be looked at")
        return Looked(desk, place)

    connected = desk.connection.dead_letters()
    places = [replace(connected.place("orders"), name=name) for name in ("first", "second", "third")]
    with pytest.raises(bk.NotSupported, match="cannot be looked at"), ExitStack() as looking:
        all_opened(looking, map(look, places))
    assert closed == ["second", "first"]
