"""dead_letters, on the broker in memory: what is found, what it says, and how it is chosen."""

from __future__ import annotations

import random
import tracemalloc
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.dead_letters import COMMON_RULES, HeaderRules, is_telling, named_after
from brokerkit.core.vocabulary.settled_offsets import SettledOffsets
from brokerkit.session.filters import FilterWarning
from brokerkit.workbench import Session

from .letters import attributes_of, desk, ids

__all__ = ["desk"]


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


@pytest.mark.extended
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


@pytest.mark.extended
def test_a_position_remembers_what_was_settled_behind_what_was_left() -> None:
    state = SettledOffsets(10).after([(10, True), (11, False), (14, True), (900, True)])
    assert (state.next, state.beyond) == (11, ((14, 15), (900, 901)))
    again = SettledOffsets.read(state.next, state.note)
    assert again == state
    assert 10 in again
    assert 11 not in again
    assert again.after([(11, True), (14, True), (900, True)]) == SettledOffsets(901)
    assert SettledOffsets.read(5, "a note of another client") == SettledOffsets(5)
    every_second = SettledOffsets(0).after([(n, n % 100 != 0) for n in range(20_000)])
    assert SettledOffsets.read(0, every_second.note) == every_second
    with pytest.raises(bk.NotSupported, match="take those before it first"):
        settled = {n * n % 1_000_003 for n in range(60_000)} - {0}
        _ = SettledOffsets(0).after(((n, True) for n in sorted(settled)), left=True).note


def test_what_is_settled_behind_a_position_is_that_of_sets_of_offsets() -> None:
    drawn = random.Random(5)
    for _ in range(300):
        ends = sorted(drawn.sample(range(5, 90), drawn.randrange(12)))
        settled = {n for n in range(5) if n < ends[0]} if ends else set[int]()
        settled |= {n for a, b in zip(ends[::2], ends[1::2], strict=False) for n in range(a, b)}
        state = SettledOffsets(0).after(((n, True) for n in sorted(settled)), left=True)
        assert {n for n in range(95) if n in state} == settled
        assert SettledOffsets.read(0, state.note) == state
        undone = set(drawn.sample(range(95), drawn.randrange(9)))
        less = SettledOffsets(40, state.after([], left=True).beyond).after([]).without(undone)
        assert {n for n in range(95) if n in less} == (settled | set(range(40))) - undone
        assert SettledOffsets.read(less.next, less.note) == less


def test_a_letter_is_undone_far_before_a_position_in_little_memory() -> None:
    tracemalloc.start()
    state = SettledOffsets(5_000_000).without({0, 3, 4_999_999})
    again = SettledOffsets.read(state.next, state.note)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert state == again == SettledOffsets(0, ((1, 3), (4, 4_999_999)))
    assert peak < 10_000_000


@pytest.mark.parametrize(
    "by", [[], "first_time", "attributes", ["reason", "attributes"], 5, [5], [["reason"]]]
)
def test_only_some_columns_are_grouped_by(desk: Session, by: Any) -> None:
    with pytest.raises(bk.ConfigError, match="such are reason, description"):
        desk.dead_letters("orders", by=by)
    assert desk.dead_letters("orders", by=["reason", "reason", "redriven"])["count"].sum() == 12
