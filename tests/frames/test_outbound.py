"""Publishing frames: what goes out is what the frame says, or the row says why not."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.frames import Decoder, FrameBuilder, attach, messages_from_frame, provenance, to_pandas

from . import hostile


def pulled(columns, decode="auto"):
    builder = FrameBuilder(decode)
    half = columns.length // 2
    parts = [columns.slice(0, half), columns.slice(half, columns.length)]
    table = builder.to_table([builder.batch(part) for part in parts])
    return table, attach(to_pandas(table), provenance(builder, source="inmem://"))


def data_of(frame, **options):
    return [item.data for item in messages_from_frame(frame, **options)]


def errors_of(frame, **options):
    items = list(messages_from_frame(frame, **options))
    return {row: str(item) for row, item in enumerate(items) if isinstance(item, BrokerError)}


def expected_messages(columns):
    rows = zip(columns.value, columns.key, columns.attributes, strict=True)
    return [OutboundMessage(value, key, attributes) for value, key, attributes in rows]


@pytest.mark.parametrize("decode", ["auto", "json", "text", "raw"])
@pytest.mark.parametrize("seed", range(5))
def test_a_pulled_frame_goes_back_identical_to_the_byte(decode, seed):
    columns = hostile.columns(seed, 150)
    table, df = pulled(columns, decode)
    expected = expected_messages(columns)
    for frame in (df, table, pl.from_arrow(table), df.copy(), pd.concat([df.head(70), df.tail(80)])):
        outbound = messages_from_frame(frame)
        assert outbound.kind == "messages"
        assert len(outbound) == 150
        assert list(outbound) == expected


def test_types_of_attribute_values_survive():
    pairs = [(str(number), value) for number, value in enumerate(hostile.VALUES)]
    columns = Columns(1, topic="t", value=[b""], attributes=[pairs])
    _, df = pulled(columns)
    [message] = messages_from_frame(df)
    assert [(type(value), value) for _, value in message.attributes] == [(type(v), v) for v in hostile.VALUES]


def test_a_filtered_frame_publishes_its_own_rows():
    columns = hostile.columns(3, 100)
    _, df = pulled(columns)
    expected = expected_messages(columns)
    keep = [1, 5, 6, 77]
    assert list(messages_from_frame(df[df["offset"].isin(keep)])) == [expected[row] for row in keep]


def test_a_frame_of_a_users_decoder_publishes_the_bytes_and_not_what_was_made_of_them():
    upper = Decoder(lambda payload: payload.decode().upper(), pa.string(), "upper")
    table, df = pulled(Columns(3, topic="t", value=[b"a", None, b"\xff"]), upper)
    assert df["value"].tolist()[0] == "A"
    assert data_of(df) == data_of(table) == [b"a", None, b"\xff"]
    numbers = Decoder(len, pa.int64(), "size")
    assert data_of(pulled(Columns(2, topic="t", value=[b"abc", None]), numbers)[0]) == [b"abc", None]


def test_a_frame_with_two_payloads_per_row_and_no_memory_of_its_decoder_is_refused():
    columns = {"value": ["A", None], "raw": [b"a", b"x"], "key": [None, None], "attributes": [None, None]}
    frame = pd.DataFrame(columns).astype({"value": "string[pyarrow]", "raw": pd.ArrowDtype(pa.binary())})
    with pytest.raises(ConfigError, match="drop the column 'raw'"):
        messages_from_frame(frame)
    assert data_of(frame.drop(columns="raw"), kind="messages") == [b"A", None]


def test_value_is_enough_for_messages_and_takes_dicts_as_attributes():
    frame = pd.DataFrame(
        {"value": ["a", b"\xff", None, 5], "attributes": [{"n": 1}, [("a", b"1"), ("a", None)], None, "x"]}
    )
    items = list(messages_from_frame(frame, kind="messages"))
    assert [item.data for item in items[:3]] == [b"a", b"\xff", None]
    assert items[0].attributes == Attributes({"n": 1})
    assert items[1].attributes == Attributes([("a", b"1"), ("a", None)])
    assert items[2].attributes == Attributes()
    assert isinstance(items[3], ConfigError)
    with pytest.raises(ConfigError, match=r"needs the column 'value'.*payload"):
        messages_from_frame(pd.DataFrame({"payload": ["a"]}), kind="messages")


def test_rows_become_json_objects_with_every_digit():
    frame = pd.DataFrame(
        {
            "whole": [2**63 - 1, -(2**63)],
            "float": [1.5, np.nan],
            "text": ["ž", None],
            "flag": [True, False],
            "when": pd.to_datetime(["2026-01-31T12:00:00.000001Z", None]),
            "money": [Decimal("1.10"), Decimal("123456789012345678901234567890.5")],
            "group": pd.Categorical(["u", None]),
            "big": [2**70, {"x": [np.int64(1), 2**70, pd.NA, (1,)]}],
            "day": [date(2026, 1, 31), datetime(2026, 1, 31, tzinfo=UTC)],
            "nullable": pd.array([2**60 + 1, None], dtype="Int64"),
        }
    )
    outbound = messages_from_frame(frame, key="text")
    assert outbound.kind == "rows"
    first, second = outbound
    assert first.data.decode() == (
        '{"whole":9223372036854775807,"float":1.5,"text":"ž","flag":true,"when":"2026-01-31T12:00:00.000001+00:00",'
        '"money":1.10,"group":"u","big":1180591620717411303424,"day":"2026-01-31","nullable":1152921504606846977}'
    )
    assert second.data.decode() == (
        '{"whole":-9223372036854775808,"float":null,"text":null,"flag":false,"when":null,'
        '"money":123456789012345678901234567890.5,"group":null,"big":{"x":[1,1180591620717411303424,null,[1]]},'
        '"day":"2026-01-31T00:00:00+00:00","nullable":null}'
    )
    assert [first.key, second.key] == ["ž".encode(), None]


def test_nested_arrow_values_and_nanoseconds_keep_everything():
    table = pa.table(
        {
            "nested": pa.array([{"a": [1, None], "b": None}, None]),
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
            "ns": pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns")),
            "zoned": pa.array([0, None], pa.timestamp("s", "America/New_York")),
            "decimal": pa.array([Decimal("0.00000001"), None], pa.decimal128(20, 8)),
            "uint": pa.array([2**64 - 1, None], pa.uint64()),
        }
    )
    first, second = messages_from_frame(table)
    assert json.loads(first.data) == {
        "nested": {"a": [1, None], "b": None},
        "map": {"k": 1},
        "ns": "2023-11-14T22:13:20.123456789",
        "zoned": "1969-12-31T19:00:00-05:00",
        "decimal": 1e-8,
        "uint": 2**64 - 1,
    }
    assert set(json.loads(second.data).values()) == {None}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (pd.Series([1.0, np.inf]), "inf has no form in JSON"),
        (pd.Series([1, b"x"], dtype=object), "bytes have no form in JSON"),
        (pd.Series(["a", object()], dtype=object), "a object has no form in JSON"),
        (pd.Series(["a", {1: 2}], dtype=object), "a dict key is int"),
        (pd.Series(["a", {"x": [float("-inf")]}], dtype=object), "-inf has no form in JSON"),
        (pd.Series([1, 1 + 2j], dtype=object), "a complex has no form in JSON"),
        (pd.Series(["a", "\ud800"], dtype=object), "surrogates"),
        (pd.Series([None, [np.inf]], dtype=pd.ArrowDtype(pa.list_(pa.float64()))), "inf has no form in JSON"),
        (pd.Series(["a", Decimal("Infinity")], dtype=object), "Infinity has no form in JSON"),
    ],
)
def test_values_that_json_cannot_hold_fail_in_their_own_row_with_the_column_named(values, reason):
    errors = errors_of(pd.DataFrame({"fine": [1, 2], "odd": values}))
    assert list(errors) == [1]
    assert errors[1].startswith("row 1, column 'odd': ")
    assert reason in errors[1]


def test_keys_are_text_bytes_or_whole_numbers_and_nothing_else():
    frame = pd.DataFrame({"k": ["a", None, b"\xff", 7, 1.5], "n": [1, 2, 3, 4, 5], "f": [0.5] * 5})
    items = list(messages_from_frame(frame, key="k", columns=["n"]))
    assert [item.key for item in items[:4]] == [b"a", None, b"\xff", b"7"]
    assert "a float cannot be a key" in str(items[4])
    whole = messages_from_frame(frame, key="n", columns=["n"])
    assert [item.key for item in whole] == [b"1", b"2", b"3", b"4", b"5"]
    with pytest.raises(ConfigError, match="double"):
        messages_from_frame(frame, key="f", columns=["n"])
    with pytest.raises(ConfigError, match=r"no column 'customer'.*k \(objects\)"):
        messages_from_frame(frame, key="customer")


def test_frames_of_every_library_give_the_same_messages():
    table = pa.table({"a": [1, None, 3], "b": ["x", "y", None]})
    expected = [b'{"a":1,"b":"x"}', b'{"a":null,"b":"y"}', b'{"a":3,"b":null}']
    arrow_backed = table.to_pandas(types_mapper=pd.ArrowDtype)
    for frame in (table, table.to_batches()[0], pl.from_arrow(table), arrow_backed):
        assert data_of(frame) == expected
    with pytest.raises(ConfigError, match="list is not a frame"):
        messages_from_frame([{"a": 1}])


def test_column_names_must_be_unique_text():
    with pytest.raises(ConfigError, match="column name 0 is int"):
        messages_from_frame(pd.DataFrame([[1]]))
    with pytest.raises(ConfigError, match="repeat: a"):
        messages_from_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_chunks_hold_one_item_per_row_in_order():
    outbound = messages_from_frame(pd.DataFrame({"n": range(2_500)}))
    chunks = list(outbound.chunks(1_000))
    assert [len(chunk) for chunk in chunks] == [1_000, 1_000, 500]
    assert chunks[2][499].data == b'{"n":2499}'
    assert list(messages_from_frame(pd.DataFrame({"n": []}))) == []


def test_the_preview_shows_the_first_rows_and_their_errors():
    frame = pd.DataFrame({"n": [1.0, np.inf], "t": ["x" * 1_000, "y"]})
    shown = messages_from_frame(frame, key="t").preview()
    assert len(shown) == 2
    assert shown["bytes"][0] > 1_000
    assert len(shown["data"][0]) == 200
    assert "column 'n'" in shown["error"][1]
