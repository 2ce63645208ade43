"""dead_letters, redrive and move, on the broker in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.core import ConnectedPublisher, OutboundMessage
from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.dead_letters import COMMON_RULES, HeaderRules, is_telling, named_after
from brokerkit.core.vocabulary.settled_offsets import SettledOffsets
from brokerkit.session.filters import FilterWarning
from brokerkit.session.operate.copies import Copies
from brokerkit.session.operate.receipts import MoveWarning
from brokerkit.session.publish.journal import Journal
from brokerkit.workbench import Session

REASONS = ("Timeout", "BadCard", "Timeout")


@pytest.fixture
def desk(s: Session) -> Session:
    """Twelve orders of three partitions that a subscription rejected, each with a reason."""
    s.create_topic("orders", partitions=3)
    s.create_topic("orders-dlq")
    s.create_subscription("orders", "billing", start="earliest", dead_letter_topic="orders-dlq")
    s.publish_batch(
        "orders",
        [OutboundMessage(json.dumps({"id": n}), f"k{n % 4}", {"trace": f"t{n}"}) for n in range(12)],
    )
    with s.consumer("orders", "billing") as consumer:
        for number, each in enumerate(consumer.next_batch(12, 5)):
            each.reject(reason=REASONS[number % 3])
    return s


def ids(frame: pd.DataFrame) -> list[int]:
    return [json.loads(value)["id"] for value in frame["value"]]


def attributes_of(frame: pd.DataFrame, row: int) -> dict[str, bytes]:
    return {each["name"]: each["value"] for each in frame["attributes"].iloc[row]}


def stored_twice(s: Session, topic: str) -> list[str]:
    counts = s.peek(topic, 1000)["value"].value_counts()
    return list(counts.index[counts > 1])


def test_a_dead_letter_says_why_and_where_it_came_from(desk: Session) -> None:
    found = desk.dead_letters("orders")
    assert sorted(ids(found)) == list(range(12))
    origin = desk.peek("orders", 100).set_index(["partition", "offset"])
    for _, row in found.iterrows():
        assert origin.loc[row["origin_partition"], row["origin_offset"]]["value"] == row["value"]
        assert (row["origin_topic"], row["origin_subscription"]) == ("orders", "billing")
        assert row["deliveries"] == 1
        assert row["first_time"].floor("ms") == origin.loc[row["origin_partition"], row["origin_offset"]][
            "publish_time"
        ].floor("ms")
    assert desk.dead_letters("orders-dlq").equals(found)


def test_dead_letters_are_counted_by_reason(desk: Session) -> None:
    found = desk.dead_letters("orders", by="reason")
    assert list(zip(found["reason"], found["count"], strict=True)) == [("Timeout", 8), ("BadCard", 4)]
    assert (found["first_time"] <= found["last_time"]).all()
    both = desk.dead_letters("orders", by=["reason", "origin_partition"])
    assert both["count"].sum() == 12
    with pytest.raises(bk.ConfigError, match="not a column to group by"):
        desk.dead_letters("orders", by="reasons")


def test_a_filter_may_use_the_reason(desk: Session) -> None:
    assert len(desk.dead_letters("orders", where=pc.field("reason") == "BadCard")) == 4
    assert ids(desk.dead_letters("orders", where=lambda value: value["id"] == 7)) == [7]
    assert len(desk.dead_letters("orders", key="k1", limit=2)) == 2


@pytest.mark.parametrize("why", ["missing", "too large"])
def test_a_message_that_cannot_become_a_dead_letter_is_delivered_again(desk: Session, why: str) -> None:
    desk.create_subscription("orders", "again", start="earliest", dead_letter_topic="orders-dlq")
    if why == "missing":
        desk.delete_topic("orders-dlq", confirm="orders-dlq")
    else:
        desk.connection.native.topic("orders-dlq").max_message_bytes = 1
    with desk.consumer("orders", "again") as consumer:
        (message, *_) = consumer.next_batch(1, 5)
        with pytest.raises(bk.AckFailed, match="no topic" if why == "missing" else "the limit is 1"):
            message.reject(reason="bad")
    assert len(desk.pull("orders", 20, subscription="again", timeout=1)) == 12


def test_what_a_filter_cannot_look_into_is_told(s: Session) -> None:
    s.create_topic("t")
    s.create_topic("t-dlq")
    s.publish_batch("t-dlq", [b'{"total": 5}', b"\xff\xfe", b'{"other": 5}', b'{"total": 1}'])
    for call, wanted in (
        (lambda **how: s.dead_letters("t", **how), 1),
        (lambda **how: s.redrive("t", dry_run=True, **how), 1),
        (lambda **how: s.redrive("t", confirm="t", progress=False, **how), 1),
    ):
        with pytest.warns(FilterWarning, match="2 of 4 messages") as caught:
            assert len(call(where=lambda value: value["total"] > 3, limit=1)) == wanted
        assert len([each for each in caught if each.category is FilterWarning]) == 1
    with pytest.warns(FilterWarning, match="none of the 3 messages has a key"):
        assert s.redrive("t", key="k", confirm="t", progress=False).empty


def test_a_filter_of_a_masked_session_looks_at_what_is_sent() -> None:
    with bk.connect("inmem://masked-filter") as owner:
        owner.create_topic("t")
        owner.create_topic("t-dlq")
        for name in ("ada", "bob", "cyd"):
            owner.publish("t-dlq", {"email": f"{name}@example.com"}, key=f"{name}@example.com")
        with bk.connect("inmem://masked-filter", mask="detect:email") as careful:
            for how in (
                {"where": lambda value: value["email"] == "ada@example.com"},
                {"where": "bob@example.com"},
                {"key": "cyd@example.com"},
            ):
                assert len(careful.dead_letters("t", unmask=True, **how)) == 1
                assert len(careful.redrive("t", unmask=True, dry_run=True, **how)) == 1
                assert len(careful.redrive("t", unmask=True, confirm="t", progress=False, **how)) == 1
        assert len(owner.peek("t")) == 3


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
    with pytest.raises(bk.ConfigError, match="type its name again: confirm='orders'"):
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


@pytest.mark.parametrize("with_journal", [True, False])
@pytest.mark.parametrize("lost", ["outcome", "removal"])
def test_a_call_that_ended_between_sending_and_removing_goes_on_without_a_double(
    desk: Session, tmp_path: Path, with_journal: bool, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal" if with_journal else None
    connected = desk.connection.dead_letters()

    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if lost == "removal":
            patch.setattr(connected, "remove", killed)
        else:
            patch.setattr(Journal, "outcome" if with_journal else "gone", killed)
            patch.setattr(connected, "remove", killed)
        with pytest.raises(bk.Interrupted):
            desk.redrive("orders", confirm="orders", journal=journal, progress=False)
    assert len(desk.dead_letters("orders")) == 12
    assert len(desk.peek("orders", 100)) == 24
    # the topic must not know them by itself
    desk.connection.native.topic("orders").published_ids.clear()
    receipts = desk.redrive("orders", confirm="orders", journal=journal, progress=False)
    assert receipts.counts == {"confirmed": 12, "failed": 0, "unknown": 0}
    assert receipts["removed"].all()
    assert len(desk.dead_letters("orders")) == 0
    assert len(desk.peek("orders", 100)) == 24


@pytest.mark.parametrize(
    ("struck", "statuses", "told"),
    [
        ("known_in", set(), ""),
        ("send", {"unknown"}, "interrupted while it was being published"),
        ("remove", {"confirmed"}, "its original was being removed, which may be gone"),
    ],
)
def test_an_interrupt_shows_what_was_tried_and_nothing_else(
    desk: Session, monkeypatch: pytest.MonkeyPatch, struck: str, statuses: set[str], told: str
) -> None:
    owner = {"known_in": Copies, "send": ConnectedPublisher, "remove": desk.connection.dead_letters()}[struck]
    with monkeypatch.context() as patch:
        patch.setattr(owner, struck, killed)
        with pytest.raises(bk.Interrupted, match=f"after {12 * bool(statuses)} messages") as caught:
            desk.redrive("orders", confirm="orders", progress=False)
    receipts = caught.value.frame
    assert receipts is not None
    assert set(receipts["status"]) == statuses
    assert all(told in each for each in receipts["error"])
    assert not receipts["removed"].any()


def test_a_topic_that_was_made_again_with_the_same_ids_is_not_taken_for_redriven(s: Session) -> None:
    s.create_topic("t")
    for text in ("first", "second"):
        s.create_topic("t-dlq")
        s.publish("t-dlq", text)
        assert s.redrive("t", confirm="t", progress=False).counts["confirmed"] == 1
        s.delete_topic("t-dlq", confirm="t-dlq")
    assert list(s.peek("t")["value"]) == ["first", "second"]


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


def test_a_topic_without_dead_letters_says_how_to_name_them(s: Session) -> None:
    s.create_topic("t")
    s.create_topic("errors.of.t")
    with pytest.raises(bk.NotFound, match="naming="):
        s.dead_letters("t")
    with pytest.raises(bk.NotFound, match="no topic 'none'"):
        s.dead_letters("none")
    with pytest.raises(bk.ConfigError, match="{topic}"):
        s.dead_letters("t", naming="errors")
    assert len(s.dead_letters("t", naming="errors.of.{topic}")) == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("orders-dead-letters", "dead letters"), ("orders.DLQ", "dead letters"), ("orders-dlt", "dead letters"),
        ("orders.DLT", "dead letters"), ("dlq.orders", "dead letters"), ("error.orders.billing", "dead letters"),
        ("dead-letter-topic-orders", "dead letters"), ("orders-retry-1000", "retries"), ("orders", None),
        ("orders2-dlq", None), ("my-orders-dlq", None),
    ],
)  # fmt: skip
def test_topics_are_found_by_usual_names(name: str, kind: str | None) -> None:
    assert named_after("orders", [name]).get(name) == kind
    assert is_telling(name) == any(each in name.casefold() for each in ("dead-letter", "dlq", "dlt"))


@pytest.mark.parametrize(
    ("others", "name", "topic"),
    [
        (["orders.eu"], "error.orders.eu.g", "orders.eu"), (["orders.us"], "error.orders.eu.g", "orders"),
        (["Orders"], "Orders-dlq", "Orders"), (["Orders"], "orders-DLQ", "orders"),
        ([], "Orders-dlq", "orders"), (["orders-retry-eu"], "orders-retry-eu-dlt", "orders-retry-eu"),
        (["orders.eu"], "error.orders.billing", "orders"),
    ],
)  # fmt: skip
def test_a_name_belongs_to_the_topic_that_it_names_most_exactly(
    others: list[str], name: str, topic: str
) -> None:
    names = ["orders", *others, name]
    assert [each for each in ["orders", *others] if name in named_after(each, names)] == [topic]


def test_a_rule_of_the_user_belongs_to_the_topic_that_it_names_most_exactly() -> None:
    names = ["orders", "orders.eu", "bad.orders.eu.x", "bad.orders.x"]
    assert named_after("orders", names, "bad.{topic}.*") == {"bad.orders.x": "dead letters"}
    assert named_after("orders.eu", names, "bad.{topic}.*") == {"bad.orders.eu.x": "dead letters"}


def test_dead_letters_of_another_topic_stay_where_they_are(s: Session) -> None:
    for name in ("orders", "orders.eu", "error.orders.eu.g", "error.orders.g", "Orders", "Orders-dlq"):
        s.create_topic(name)
        s.publish(name, name)
    assert list(s.redrive("orders", dry_run=True)["source"]) == ["error.orders.g"]
    assert list(s.redrive("orders.eu", dry_run=True)["source"]) == ["error.orders.eu.g"]
    s.redrive("orders", confirm="orders", progress=False)
    assert list(s.peek("orders")["value"]) == ["orders", "error.orders.g"]
    assert list(s.dead_letters("Orders")["value"]) == ["Orders-dlq"]


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (
            {
                "__connect.errors.topic": b"orders", "__connect.errors.partition": b"2",
                "__connect.errors.offset": b"17", "__connect.errors.connector.name": b"sink",
                "__connect.errors.exception.class.name": b"java.lang.Bad",
                "__connect.errors.exception.message": b"no", "__connect.errors.exception.stacktrace": b"at",
            },
            ("orders", 2, 17, "sink", "java.lang.Bad", "no"),
        ),
        (
            {
                "dead-letter-topic": b"orders", "dead-letter-partition": b"0", "dead-letter-offset": b"3",
                "dead-letter-reason": b"text", "dead-letter-exception-class-name": b"X",
                "dead-letter-cause": b"why",
            },
            ("orders", 0, 3, None, "X", "why"),
        ),
        (
            {
                "x-original-topic": b"orders", "x-original-partition": (1).to_bytes(4, "big"),
                "x-original-offset": (2**40).to_bytes(8, "big"), "x-exception-fqcn": b"Y",
                "x-exception-message": b"m",
            },
            ("orders", 1, 2**40, None, "Y", "m"),
        ),
        (
            {"reason_poisoned": b"R", "topic_poisoned": b"orders", "subscriber_poisoned": b"sub"},
            ("orders", None, None, "sub", "R", None),
        ),
        (
            {
                "__streams.errors.topic": b"orders", "__streams.errors.partition": b"9",
                "__streams.errors.offset": b"x", "__streams.errors.exception": b"E",
                "__streams.errors.message": b"m",
            },
            ("orders", 9, None, None, "E", "m"),
        ),
    ],
)  # fmt: skip
def test_the_headers_of_frameworks_are_read_and_stripped(headers: dict[str, bytes], told: Any) -> None:
    rules = HeaderRules(COMMON_RULES)
    attributes = Attributes({**headers, "own": b"1"})
    found = rules.facts(attributes)
    assert (
        found.topic, found.partition, found.offset, found.subscription, found.reason, found.description,
    ) == told  # fmt: skip
    assert rules.stripped(attributes) == Attributes({"own": b"1"})


@pytest.mark.parametrize(
    "name",
    ["x-original-url", "x-original-host", "x-exception-policy", "X-Original-Topic", "dead-letter-policy"],
)
def test_headers_of_the_user_that_begin_like_those_of_frameworks_are_kept(s: Session, name: str) -> None:
    s.create_topic("t")
    s.create_topic("t-dlq")
    told = {
        "x-original-topic": "t",
        "x-original-timestamp-type": "CreateTime",
        "x-exception-stacktrace": "at",
    }
    s.publish("t-dlq", "x", attributes={name: "/pay", **told})
    s.redrive("t", confirm="t", progress=False)
    assert set(attributes_of(s.peek("t"), 0)) == {name, "bk-redriven", "bk-redrive-id"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-original-timestamp", "999999999999999999"), ("x-original-timestamp", b"\x7f" + b"\xff" * 7),
        ("x-original-timestamp", "-1"), ("x-original-timestamp", b"\x80" + b"\0" * 7),
        ("bk-dead-letter-time", "253402300800000"), ("x-original-offset", b"\x80" + b"\0" * 7),
        ("x-original-partition", "-999999999999999999"), ("bk-redriven", "9" * 5000),
        ("bk-dead-letter-deliveries", 2**70), ("bk-dead-letter-offset", -(2**63) - 1),
    ],
)  # fmt: skip
def test_a_malformed_header_makes_no_dead_letter_unreadable(s: Session, name: str, value: Any) -> None:
    s.create_topic("t")
    s.create_topic("t-dlq")
    try:
        s.publish("t-dlq", "1", attributes={name: value})
    except bk.ConfigError:
        s.publish("t-dlq", "1", attributes={name: str(value)})
    s.publish("t-dlq", "2", attributes={"x-original-timestamp": "1700000000000"})
    found = s.dead_letters("t")
    assert list(found["value"]) == ["1", "2"]
    assert pd.isna(found["first_time"].iloc[0])
    assert found["first_time"].iloc[1] == pd.Timestamp(1700000000, unit="s", tz="UTC")
    assert str(found)
    assert len(s.redrive("t", where=pc.field("redriven") == 0, confirm="t", progress=False)) == 2
    assert list(s.peek("t")["value"]) == ["1", "2"]


def test_a_time_that_no_clock_shows_hides_no_other() -> None:
    rules = HeaderRules(COMMON_RULES)
    attributes = Attributes({"bk-dead-letter-time": "9" * 18, "x-original-timestamp": "1700000000000"})
    assert rules.facts(attributes).time == 1_700_000_000_000_000


def test_a_position_remembers_what_was_settled_behind_what_was_left() -> None:
    state = SettledOffsets(10).after([(10, True), (11, False), (14, True), (900, True)])
    assert (state.next, sorted(state.beyond)) == (11, [14, 900])
    again = SettledOffsets.read(state.next, state.note)
    assert again == state
    assert 10 in again
    assert 11 not in again
    assert again.after([(11, True), (14, True), (900, True)]) == SettledOffsets(901)
    assert SettledOffsets.read(5, "a note of another client") == SettledOffsets(5)
    every_second = SettledOffsets(0).after([(n, n % 100 != 0) for n in range(100_000)])
    assert SettledOffsets.read(0, every_second.note) == every_second
    with pytest.raises(bk.NotSupported, match="take those before it first"):
        _ = SettledOffsets(0, {n * n % 1_000_003 for n in range(300_000)} - {0}).note


def killed(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def killed_before_sending(s: Session, monkeypatch: pytest.MonkeyPatch, *args: Any, **given: Any) -> None:
    """Redrive, and end when the journal has what is about to be sent, and nothing is sent."""
    with monkeypatch.context() as patch:
        patch.setattr(ConnectedPublisher, "send", killed)
        with pytest.raises(bk.Interrupted):
            s.redrive(*args, progress=False, **given)


def test_what_an_earlier_call_did_not_send_is_sent_although_another_place_was_redriven(
    s: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal"
    for name in ("x", "x-dlq", "x-dlt"):
        s.create_topic(name)
    s.publish("x-dlq", "one")
    s.publish("x-dlt", "two")
    letters = s.dead_letters("x")
    of_place = {name: letters[letters["topic"] == name] for name in ("x-dlq", "x-dlt")}
    killed_before_sending(s, monkeypatch, of_place["x-dlq"], confirm="x", journal=journal)
    receipts = s.redrive(of_place["x-dlt"], confirm="x", journal=journal, progress=False)
    assert receipts.counts == {"confirmed": 1, "failed": 0, "unknown": 1}
    assert list(receipts["removed"]) == [False, True]
    receipts = s.redrive("x", confirm="x", journal=journal, progress=False)
    assert receipts.counts == {"confirmed": 2, "failed": 0, "unknown": 0}
    assert sorted(s.peek("x")["value"]) == ["one", "two"]


def test_what_is_gone_and_was_not_found_in_the_target_stays_unknown(
    s: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal"
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    s.publish_batch("x-dlq", ["one", "two"])
    killed_before_sending(s, monkeypatch, "x", confirm="x", journal=journal)
    s.purge("x-dlq", confirm="x-dlq")
    for _ in range(2):
        receipts = s.redrive("x", confirm="x", journal=journal, progress=False)
        assert receipts.counts == {"confirmed": 0, "failed": 0, "unknown": 2}
    assert s.peek("x").empty


def test_what_is_gone_and_was_found_in_the_target_is_confirmed(
    s: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal"
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    s.publish_batch("x-dlq", ["one", "two"])
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "outcome", killed)
        with pytest.raises(bk.Interrupted):
            s.redrive("x", confirm="x", journal=journal, progress=False)
    s.purge("x-dlq", confirm="x-dlq")
    for _ in range(2):
        receipts = s.redrive("x", confirm="x", journal=journal, progress=False)
        assert receipts.counts == {"confirmed": 2, "failed": 0, "unknown": 0}
        assert receipts["removed"].all()
    assert list(s.peek("x")["value"]) == ["one", "two"]


def test_a_journal_does_not_take_messages_of_a_topic_that_was_made_again_for_those_it_knows(
    s: Session, tmp_path: Path
) -> None:
    s.create_topic("x")
    for text in ("first", "second"):
        s.create_topic("x-dlq")
        s.publish("x-dlq", text)
        receipts = s.redrive("x", confirm="x", journal=tmp_path / "journal", progress=False)
        assert receipts["removed"].all()
        s.delete_topic("x-dlq", confirm="x-dlq")
    assert list(s.peek("x")["value"]) == ["first", "second"]
    assert receipts.counts == {"confirmed": 2, "failed": 0, "unknown": 0}


def test_a_target_that_did_not_answer_is_not_taken_for_one_without_copies(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    s.publish_batch("x-dlq", ["one", "two"])
    with monkeypatch.context() as patch:
        patch.setattr(s.connection.dead_letters(), "remove", killed)
        with pytest.raises(bk.Interrupted):
            s.redrive("x", confirm="x", progress=False)
    # the topic must not know them by itself
    s.connection.native.topic("x").published_ids.clear()
    bounds, silent = s.inspector.bounds, [True]

    def silent_once(topic: str, **given: Any) -> Any:
        if topic == "x" and silent:
            silent.pop()
            raise bk.Unavailable("no answer")
        return bounds(topic, **given)

    with monkeypatch.context() as patch:
        patch.setattr(s.inspector, "bounds", silent_once)
        with pytest.warns(MoveWarning, match="no answer"):
            receipts = s.redrive("x", confirm="x", progress=False)
        assert receipts.counts == {"confirmed": 0, "failed": 2, "unknown": 0}
        assert not receipts["removed"].any()
    assert len(s.dead_letters("x")) == 2
    assert s.redrive("x", confirm="x", progress=False)["removed"].all()
    assert list(s.peek("x")["value"]) == ["one", "two"]


def test_a_target_that_may_not_be_read_is_sent_to_with_a_warning(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    s.publish("x", "earlier")
    s.publish_batch("x-dlq", ["one", "two"])
    read = s.inspector.read

    def refused(what: Any, **given: Any) -> Any:
        if what.topic == "x":
            raise bk.Unauthorized("reading is not allowed")
        return read(what, **given)

    with monkeypatch.context() as patch:
        patch.setattr(s.inspector, "read", refused)
        with pytest.warns(MoveWarning, match="reading is not allowed"):
            receipts = s.redrive("x", confirm="x", progress=False)
    assert receipts["removed"].all()
    assert list(s.peek("x")["value"]) == ["earlier", "one", "two"]


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


@pytest.mark.parametrize(
    "by", [[], "first_time", "attributes", ["reason", "attributes"], 5, [5], [["reason"]]]
)
def test_only_some_columns_are_grouped_by(desk: Session, by: Any) -> None:
    with pytest.raises(bk.ConfigError, match="such are reason, description"):
        desk.dead_letters("orders", by=by)
    assert desk.dead_letters("orders", by=["reason", "reason", "redriven"])["count"].sum() == 12


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
