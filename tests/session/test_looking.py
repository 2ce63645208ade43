"""Looking at topics: topics, describe, peek, and the columns and attrs of a frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.workbench import Session

COLUMNS = [
    "topic", "partition", "offset", "id", "key", "raw_key", "value", "raw", "format", "schema", "attributes",
    "publish_time", "ingestion_time", "delivery_count",
]  # fmt: skip


def ids(df) -> list[int]:
    return [json.loads(value)["id"] for value in df["value"]]


def test_topics_lists_what_is_there_with_counts(orders: Session) -> None:
    (row,) = orders.topics().to_dict("records")
    assert (row["topic"], row["partitions"], row["messages"]) == ("orders", 3, 20)


def test_describe_gives_partitions_and_the_lag_of_subscriptions(orders: Session) -> None:
    orders.create_subscription("orders", "me", start="earliest")
    described = orders.describe("orders")
    assert described.messages == 20
    assert described.partitions["end"].tolist() == [7, 7, 6]
    assert described.subscriptions[["subscription", "lag"]].values.tolist() == [["me", 20]]
    assert "me" in repr(described)
    assert "me" in described._repr_html_()


def test_every_frame_has_the_same_columns_in_the_same_order(orders: Session) -> None:
    frames = [
        orders.peek("orders"),
        orders.peek("orders", start="latest"),
        orders.scan("orders").to_pandas(),
        orders.pull("orders", 5, subscription="me", start="earliest"),
    ]
    assert all(list(frame.columns) == COLUMNS for frame in frames)
    assert all(isinstance(kind, pd.ArrowDtype) for kind in frames[1].dtypes)


def test_peek_shows_the_newest_oldest_first(orders: Session) -> None:
    assert ids(orders.peek("orders", 5)) == [15, 16, 17, 18, 19]
    assert orders.last_read is not None
    assert orders.last_read.stopped == "at the limit"
    assert orders.last_read.matched == 5


def test_peek_of_fewer_messages_than_asked_says_that_it_reached_the_end(orders: Session) -> None:
    assert ids(orders.peek("orders", 100)) == list(range(20))
    assert orders.last_read is not None
    assert (orders.last_read.stopped, orders.last_read.read) == ("at the end", 20)


def test_peek_never_reverses_a_partition_whose_clock_went_back(s: Session) -> None:
    s.create_topic("clocks", partitions=2)
    s.publish_batch("clocks", [{"id": number} for number in range(8)])
    entries = s.native.topics["clocks"].partitions[0]._entries
    entries[1] = replace(entries[1], time=entries[1].time - 3_600_000_000)
    frame = s.peek("clocks")
    for _, rows in frame.groupby("partition"):
        assert rows["offset"].is_monotonic_increasing


def test_peek_from_a_position_gives_the_first_from_there(orders: Session) -> None:
    assert ids(orders.peek("orders", 4, start="earliest")) == [0, 1, 2, 3]
    assert orders.last_read is not None
    assert orders.last_read.stopped == "at the limit"
    assert ids(orders.peek("orders", 100, start=5)) == [15, 16, 17, 18, 19]
    assert orders.last_read.matched == 5
    assert orders.last_read.stopped == "at the end"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (6, [18, 19]),
        (-1, [17, 18, 19]),
        (np.int64(6), [18, 19]),
        ("latest", []),
        ({0: 6, 1: "latest", 2: -1}, [17, 18]),
        ("-15min", list(range(20))),
        ("2020-01-01", list(range(20))),
        (datetime(2020, 1, 1), list(range(20))),
        (datetime.now(UTC) + timedelta(days=1), []),
    ],
)
def test_positions_apply_to_each_partition(orders: Session, start: object, expected: list[int]) -> None:
    assert sorted(ids(orders.peek("orders", start=start))) == expected
    assert sorted(ids(orders.scan("orders", start=start).to_pandas())) == expected


def test_the_end_is_exclusive_also_for_the_newest(orders: Session) -> None:
    assert sorted(ids(orders.peek("orders", end=2))) == [0, 1, 2, 3, 4, 5]
    assert ids(orders.peek("orders", 2, end={0: 1, 1: 1, 2: 1})) == [1, 2]
    assert ids(orders.peek("orders", end="2020-01-01")) == []


def test_peek_filters_by_key_text_function_and_expression(orders: Session) -> None:
    orders.publish("orders", "grüße <b>", key="k")
    assert orders.peek("orders", key="k")["value"].tolist() == ["grüße <b>"]
    assert orders.peek("orders", where="grüße")["value"].tolist() == ["grüße <b>"]
    assert ids(orders.peek("orders", 2, where=lambda value: value["id"] < 3)) == [1, 2]
    assert ids(orders.peek("orders", where=pc.field("offset") == 0)) == [0, 1, 2]


def test_peek_looks_further_back_until_it_has_enough(s: Session) -> None:
    s.create_topic("t", partitions=2)
    s.publish_batch("t", ["wanted"] * 6 + ["other"] * 994)
    assert len(s.peek("t", 4, where="wanted")) == 4
    assert s.last_read is not None
    assert s.last_read.matched == 4


def test_a_text_is_looked_for_in_bytes_and_in_what_a_decoder_made_numbers_of(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", [b"12", b"34", b"\xff34"])
    number = bk.Decoder(int, pa.int64(), "number of test_looking")
    assert s.peek("t", where="34", decode=number)["value"].tolist()[0] == 34
    assert len(s.peek("t", where="34")) == 2
    assert len(s.peek("t", where="34", decode="raw")) == 2


def test_a_predicate_that_raises_does_not_match_and_is_counted_once_per_row(orders: Session) -> None:
    with pytest.warns(bk.FilterWarning, match=r"failed on 20 of 20 messages \(KeyError: 'nope'\)"):
        assert orders.peek("orders", 3, where=lambda value: value["nope"] == 1).empty
    assert orders.last_read is not None
    assert orders.last_read.filter_errors == 20
    assert "KeyError" in str(orders.last_read)


def test_an_empty_scan_says_so_when_its_predicate_failed_each_time(orders: Session, tmp_path: Path) -> None:
    scan = orders.scan("orders", where=lambda value: value["nope"] == 1)
    reads: list[Callable[[], object]] = [
        scan.to_pandas,
        scan.to_arrow,
        lambda: list(scan.batches()),
        lambda: scan.to_parquet(tmp_path / "orders"),
    ]
    for read in reads:
        with pytest.warns(bk.FilterWarning, match="failed on 20 of 20 messages"):
            read()


def test_a_predicate_that_fails_on_some_and_finds_others_says_so_once(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", [{"total": 1}, {"id": 2}, "text"])
    with pytest.warns(bk.FilterWarning) as warned:
        assert len(s.peek("t", where=lambda value: value["total"] == 1)) == 1
    [text] = [str(each.message) for each in warned]
    assert text.startswith(
        "where= could not look at 2 of 3 messages (1 KeyError: 'total'; 1 not JSON: TypeError"
    )
    assert s.last_read is not None
    assert s.last_read.filter_errors == 2


def test_peek_and_scan_leave_subscriptions_where_they_are(orders: Session) -> None:
    orders.create_subscription("orders", "me", start="earliest")
    before = orders.describe("orders").subscriptions.to_dict("records")
    orders.peek("orders")
    orders.scan("orders").to_pandas()
    assert orders.describe("orders").subscriptions.to_dict("records") == before


def test_gaps_neither_hang_nor_shorten_a_peek(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", [{"id": number} for number in range(200)])
    for offset in range(20, 190):
        s.native.topics["t"].partitions[0].delete(offset)
    assert ids(s.peek("t", 25)) == [*range(5, 20), *range(190, 200)]


def test_expand_adds_the_fields_and_failures_knows_them(orders: Session) -> None:
    orders.publish("orders", "[1]")
    frame = orders.peek("orders", expand=True)
    assert frame["value.id"].dropna().tolist() == list(range(20))
    assert bk.failures(frame)["step"].tolist() == ["expand"]


def test_attr_gives_an_attribute_as_a_column(orders: Session) -> None:
    orders.publish("orders", "x", attributes={"kind": "new"})
    assert bk.attr(orders.peek("orders", 2), "kind").tolist()[-1] == "new"


def test_attributes_can_be_left_out(orders: Session) -> None:
    orders.publish("orders", "x", attributes={"kind": "new"})
    assert orders.peek("orders", 1, attributes=False)["attributes"].isna().all()


@pytest.mark.extended
def test_attrs_are_plain_json_below_4_kb_and_say_where_rows_came_from(s: Session) -> None:
    topic = "t" * 5_000
    s.create_topic(topic, partitions=200)
    s.publish_batch(topic, [b"\xff" * 2_000] * 300)
    frame = s.scan(topic, decode="json").to_pandas()
    kept = json.dumps(frame.attrs)
    assert len(kept) < 4_000
    assert json.loads(kept)["brokerkit"]["source"] == "inmem://"
    assert frame.attrs["brokerkit"]["counts"]["failures"] == 300
    assert len(frame.attrs["brokerkit"]["failures"]) <= 10


def test_a_decoder_with_a_type_fills_value_and_keeps_raw(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", ["1", "x"])
    frame = s.peek("t", decode=bk.Decoder(int, pa.int64(), "int of test_looking"))
    assert frame["value"].tolist()[0] == 1
    assert frame["raw"].tolist() == [b"1", b"x"]
    assert len(bk.failures(frame)) == 1


def test_reread_gives_the_rows_of_a_filtered_frame_in_its_order(orders: Session) -> None:
    frame = orders.peek("orders").iloc[[7, 2, 2, 19]]
    again = orders.reread(frame)
    assert ids(again) == [7, 2, 2, 19]
    assert again["value"].tolist() == frame["value"].tolist()


def test_reread_decodes_as_before_or_as_asked(s: Session) -> None:
    s.create_topic("t")
    s.publish_batch("t", ["1", "2"])
    for _ in range(2):  # the second one gets a name of its own
        number = bk.Decoder(int, pa.int64(), "reread of test_looking")
    frame = s.peek("t", decode=number)
    assert s.reread(frame)["value"].tolist() == [1, 2]
    assert s.reread(frame, decode="text")["value"].tolist() == ["1", "2"]


def test_reread_of_no_rows_is_a_frame_of_no_rows(orders: Session) -> None:
    assert list(orders.reread(orders.peek("orders", start="latest")).columns) == COLUMNS


def test_reread_shows_no_message_of_a_topic_that_was_made_again(s: Session) -> None:
    for text in ("old", "new"):
        s.create_topic("again")
        s.publish_batch("again", [f"{text} {n}" for n in range(3)])
        if text == "old":
            frame = s.peek("again")
            s.delete_topic("again", confirm="again")
    with pytest.warns(UserWarning, match="3 of 3 rows were left out: .* messages of other times now"):
        assert s.reread(frame).empty
    assert len(s.reread(s.peek("again"))) == 3
    assert len(s.reread(frame.drop(columns="publish_time"))) == 3


def test_reread_leaves_out_what_is_gone_and_says_so(orders: Session) -> None:
    frame = orders.peek("orders")
    orders.native.topics["orders"].partitions[1].delete(2)
    with pytest.warns(UserWarning, match="1 of 20 rows are no longer on the broker"):
        assert len(orders.reread(frame)) == 19
