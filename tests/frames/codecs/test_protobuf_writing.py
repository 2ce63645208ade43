"""Columns and objects as Protobuf payloads: what fits is exact, and what does not fit is named by its row."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from google.protobuf import json_format

from brokerkit.frames.codecs.protobuf import Misfit
from brokerkit.frames.dataframe import to_pandas

from .protobuf_messages import class_of, made, old, payloads, shop

SYNTAX = 'syntax = "proto3"; '


def written(text: str, values: Any) -> tuple[list[Any], dict[int, Any]]:
    """The messages that a struct array, or rows of it, are written as; None where there is no payload."""
    schema = made(text if "syntax" in text else SYNTAX + text)
    descriptor = schema.message("R")
    array = values if isinstance(values, pa.Array) else pa.array(values)
    data, failures = schema.writer(descriptor).columns(array)
    assert len(data) == len(array)
    assert data.type == pa.large_binary()
    kind = class_of(descriptor)
    messages = [
        None
        if each is None
        else json_format.MessageToDict(kind.FromString(each), preserving_proto_field_name=True)
        for each in data.to_pylist()
    ]
    for row in failures:
        assert messages[row] is None
    return messages, failures


def object_of(text: str, value: Any) -> dict[str, Any]:
    schema = made(text if "syntax" in text else SYNTAX + text)
    data = schema.writer(schema.message("R")).object(value)
    found: dict[str, Any] = json_format.MessageToDict(
        class_of(schema.message("R")).FromString(data), preserving_proto_field_name=True
    )
    return found


NUMBERS = "message R { int32 a = 1; uint64 b = 2; float c = 3; }"


def test_columns_of_other_types_are_written_if_they_fit_exactly() -> None:
    array = pa.StructArray.from_arrays(
        [
            pa.array([1.0, -5.0, None]),
            pa.array([Decimal("18446744073709551615"), Decimal(0), None], pa.decimal128(20)),
            pa.array([1, 2, None]),
        ],
        ["a", "b", "c"],
    )
    assert written(NUMBERS, array) == (
        [{"a": 1, "b": "18446744073709551615", "c": 1.0}, {"a": -5, "c": 2.0}, {}],
        {},
    )


@pytest.mark.parametrize(
    ("column", "values", "bad"),
    [
        ("a", pa.array([1, 2**31, -(2**31) - 1, 2**31 - 1]), {1, 2}),
        ("a", pa.array([1.0, 1.5, float("nan"), 3.0]), {1, 2}),
        ("a", pa.array(["7", "x", "", "-7"]), {1, 2}),
        ("b", pa.array([1, -1, 0, 5]), {1}),
        ("b", pa.array([1, 2**53 + 1, 7, 9], pa.int64()), set()),
        ("c", pa.array([0.1, 1e39, float("inf"), float("nan")]), {1}),
        ("a", pa.array([True, False, None, True]), {0, 1, 3}),
        ("a", pa.array([b"1", None, b"2", None]), {0, 2}),
    ],
)
def test_each_value_that_does_not_fit_is_named_by_its_row(column: str, values: Any, bad: set[int]) -> None:
    messages, failures = written(NUMBERS, pa.StructArray.from_arrays([values], [column]))
    assert set(failures) == bad
    assert {failure.path for failure in failures.values()} <= {column}
    assert [message is None for message in messages] == [row in bad for row in range(4)]


def test_a_double_that_would_lose_digits_is_a_misfit() -> None:
    text = "message R { double a = 1; }"
    _, failures = written(text, pa.StructArray.from_arrays([pa.array([2**53, 2**53 + 1])], ["a"]))
    assert set(failures) == {1}


def test_null_leaves_a_field_out_and_a_null_row_is_a_null_payload() -> None:
    text = "message R { int32 a = 1; optional int32 b = 2; repeated int32 r = 3; }"
    array = pa.array([{"a": None, "b": 0, "r": None}, None, {"a": 0, "b": None, "r": [1]}])
    schema = made(SYNTAX + text)
    data, failures = schema.writer(schema.message("R")).columns(array)
    assert data.to_pylist() == [b"\x10\x00", None, b"\x1a\x01\x01"]
    assert failures == {}


def test_columns_that_are_missing_are_left_out_and_unknown_ones_are_misfits_where_they_have_a_value() -> None:
    messages, failures = written(NUMBERS, [{"a": 1, "x": None}, {"a": 2, "x": "y"}])
    assert messages == [{"a": 1}, None]
    assert (failures[1].path, failures[1].reason) == ("x", "R has no such field")


def test_negative_zero_is_written() -> None:
    schema = made(f"{SYNTAX} message R {{ double a = 1; float b = 2; repeated double c = 3; }}")
    data, _ = schema.writer(schema.message("R")).columns(pa.array([{"a": -0.0, "b": -0.0, "c": [-0.0, 0.0]}]))
    message = class_of(schema.message("R")).FromString(data[0].as_py())
    assert np.signbit([message.a, message.b, *message.c]).tolist() == [True, True, True, False]


def test_only_one_field_of_a_oneof_can_be_written() -> None:
    text = "message R { oneof o { int32 a = 1; string b = 2; } }"
    messages, failures = written(text, [{"a": 0, "b": None}, {"a": 1, "b": "x"}, {"a": None, "b": "y"}])
    assert messages == [{"a": 0}, None, {"b": "y"}]
    assert failures[1].reason == "only one of a, b can have a value"


def test_enums_are_written_by_name_digits_or_number() -> None:
    text = "enum E { A = 0; B = 1; LOW = -5; } message R { E e = 1; repeated E es = 2; }"
    messages, failures = written(
        text, [{"e": "B", "es": ["A", "LOW", "7"]}, {"e": "C", "es": []}, {"e": None, "es": ["X"]}]
    )
    assert messages == [{"e": "B", "es": ["A", "LOW", 7]}, None, None]
    assert {row: failure.path for row, failure in failures.items()} == {1: "e", 2: "es[]"}
    assert "E has no such value: 'C'" in failures[1].reason
    assert written(text, pa.array([{"e": 1}, {"e": 99}]))[0] == [{"e": "B"}, {"e": 99}]
    categories = pa.StructArray.from_arrays([pa.array(["A", "B", "B"]).dictionary_encode()], ["e"])
    assert written(text, categories)[0] == [{}, {"e": "B"}, {"e": "B"}]


def test_a_closed_enum_takes_its_own_numbers_only() -> None:
    text = 'syntax = "proto2"; enum E { A = 1; B = 2; } message R { optional E e = 1; }'
    for values in ([{"e": 1}, {"e": 7}], [{"e": "A"}, {"e": "7"}]):
        assert set(written(text, pa.array(values))[1]) == {1}


def test_a_missing_required_field_is_named_with_its_path() -> None:
    descriptor = old().message("Event")
    array = pa.array(
        [
            {"id": 1, "inner": {"name": "x", "x": None}},
            {"id": None, "inner": None},
            {"id": 3, "inner": {"name": None, "x": 1.0}},
        ]
    )
    data, failures = old().writer(descriptor).columns(array)
    assert {row: failure.path for row, failure in failures.items()} == {1: "id", 2: "inner.name"}
    assert class_of(descriptor).FromString(data[0].as_py()).inner.name == "x"


def test_groups_are_written() -> None:
    descriptor = old().message("Grouped")
    row = b"\x0b\x10\x05\x0c\x23\x28\x01\x33\x38\x02\x34\x24\x48\x07"
    values = old().columns(descriptor).read(payloads([row])).values
    assert old().writer(descriptor).columns(values)[0].to_pylist() == [row]


@pytest.mark.parametrize(
    ("array", "seconds", "nanos"),
    [
        (pa.array([1_500], pa.timestamp("ms", "UTC")), 1, 500_000_000),
        (pa.array([-1], pa.timestamp("ns", "UTC")), -1, 999_999_999),
        (pa.array([1_000_001], pa.timestamp("us")), 1, 1_000),
        (pa.array([5], pa.timestamp("s", "Europe/Berlin")), 5, 0),
        (pa.array([datetime.date(1970, 1, 2)]), 86_400, 0),
        (pa.array([-62_135_596_800], pa.timestamp("s", "UTC")), -62_135_596_800, 0),
        (pa.array(["0001-01-01T00:00:00.5Z"]), -62_135_596_800, 500_000_000),
        (pa.array(["2026-01-01T00:00:00+01:00"]), 1_767_222_000, 0),
    ],
)
def test_times_of_every_unit_are_written_exactly(array: Any, seconds: int, nanos: int) -> None:
    schema = made(
        f'{SYNTAX} import "google/protobuf/timestamp.proto"; message R {{ google.protobuf.Timestamp t = 1; }}'
    )
    data, failures = schema.writer(schema.message("R")).columns(pa.StructArray.from_arrays([array], ["t"]))
    assert failures == {}
    message = class_of(schema.message("R")).FromString(data[0].as_py())
    assert (message.t.seconds, message.t.nanos) == (seconds, nanos)


def test_times_that_protobuf_does_not_allow_are_misfits() -> None:
    text = (
        f'{SYNTAX} import "google/protobuf/timestamp.proto"; message R {{ google.protobuf.Timestamp t = 1; }}'
    )
    beyond = pa.array([0, 253_402_300_800, -62_135_596_801], pa.timestamp("s", "UTC"))
    for array, bad in ((beyond, {1, 2}), (pa.array(["yesterday", None]), {0}), (pa.array([1, None]), {0})):
        assert set(written(text, pa.StructArray.from_arrays([array], ["t"]))[1]) == bad


def test_a_negative_duration_has_the_sign_in_both_parts() -> None:
    text = (
        f'{SYNTAX} import "google/protobuf/duration.proto"; message R {{ google.protobuf.Duration d = 1; }}'
    )
    array = pa.array([-1_500, 1_500, -1], pa.duration("ms"))
    assert written(text, pa.StructArray.from_arrays([array], ["d"]))[0] == [
        {"d": "-1.500s"},
        {"d": "1.500s"},
        {"d": "-0.001s"},
    ]


def test_maps_and_lists_cannot_hold_null_or_a_key_twice() -> None:
    text = "message R { map<string, int32> m = 1; repeated int32 r = 2; }"
    type = pa.struct({"m": pa.map_(pa.string(), pa.int32()), "r": pa.list_(pa.int32())})
    rows = [
        {"m": [("a", 1), ("b", 2)], "r": [1]},
        {"m": [("a", 1), ("a", 2)], "r": []},
        {"m": [("a", None)], "r": []},
        {"m": [], "r": [1, None]},
        None,
        {"m": None, "r": None},
    ]
    messages, failures = written(text, pa.array(rows, type))
    assert messages == [{"m": {"a": 1, "b": 2}, "r": [1]}, None, None, None, None, {}]
    assert {row: failure.path for row, failure in failures.items()} == {1: "m{}", 2: "m{}", 3: "r[]"}


def test_values_of_another_shape_are_misfits_of_their_rows() -> None:
    text = "message S { int32 x = 1; } message R { S s = 1; repeated int32 r = 2; map<string, int32> m = 3; string t = 4; bytes b = 5; bool f = 6; }"
    for column, array in (
        ("s", pa.array([1, None])),
        ("r", pa.array([1, None])),
        ("m", pa.array([[1], None])),
        ("t", pa.array([1, None])),
        ("b", pa.array(["text", None])),
        ("f", pa.array([1, None])),
    ):
        _, failures = written(text, pa.StructArray.from_arrays([array], [column]))
        assert set(failures) == {0}, column
        assert "expected" in failures[0].reason


def test_text_that_is_json_is_written_as_its_message() -> None:
    descriptor = shop().message("Rich")
    array = pa.array(
        [
            {"any_json": '{"a":[1,null]}', "next": '{"id":5,"big":18446744073709551615}', "value": "null"},
            {"any_json": "[1]", "next": None, "value": None},
            {"any_json": None, "next": '{"nothere":1}', "value": None},
            {"any_json": "{", "next": None, "value": None},
        ]
    )
    data, failures = shop().writer(descriptor).columns(array)
    message = class_of(descriptor).FromString(data[0].as_py())
    assert (message.next.big, message.value.WhichOneof("kind")) == (2**64 - 1, "null_value")
    assert json_format.MessageToDict(message.any_json) == {"a": [1.0, None]}
    assert {row: failure.path for row, failure in failures.items()} == {
        1: "any_json",
        2: "next.nothere",
        3: "any_json",
    }


def test_the_columns_of_a_pandas_frame_come_back_as_they_were() -> None:
    descriptor = shop().message("Order")
    kind = class_of(descriptor)
    messages = []
    for number in range(100):
        message = kind(
            id=2**60 + number, customer=f"c{number}", account=number, colour=number % 3, tags={"a": number}
        )
        message.at.FromJsonString("2026-01-01T00:00:00.000000001Z")
        message.lines.add(sku="s", count=number).deep.z = -number
        messages.append(message)
    rows = [message.SerializeToString(deterministic=True) for message in messages]
    frame = to_pandas(
        pa.Table.from_struct_array(pa.chunked_array([shop().columns(descriptor).read(payloads(rows)).values]))
    )
    assert isinstance(frame, pd.DataFrame)
    again = pa.Table.from_pandas(frame, preserve_index=False).to_struct_array().combine_chunks()
    data, failures = shop().writer(descriptor).columns(again)
    assert failures == {}
    assert data.to_pylist() == rows


@pytest.mark.extended
def test_an_empty_batch_and_a_message_without_fields_are_written() -> None:
    assert written("message R { int32 a = 1; }", pa.array([], pa.struct({"a": pa.int32()}))) == ([], {})
    assert written("message R {}", pa.array([{}, None, {}], pa.struct([])))[0] == [{}, None, {}]


def test_more_rows_than_are_written_at_once_keep_their_numbers() -> None:
    values: list[Any] = list(range(40_000))
    values[39_999] = 2**40
    messages, failures = written(NUMBERS, pa.StructArray.from_arrays([pa.array(values)], ["a"]))
    assert set(failures) == {39_999}
    assert messages[39_998] == {"a": 39_998}


OBJECTS = (
    f'{SYNTAX} import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/wrappers.proto";'
    "enum E { A = 0; B = 1; } message S { int32 x = 1; }"
    "message R { int64 number = 1; double real = 2; bytes data = 3; E kind = 4; S inner_one = 5; repeated S many = 6; map<int32, S> by = 7; bool flag = 8; string text = 9; google.protobuf.Timestamp t = 10; google.protobuf.Duration d = 11; google.protobuf.FieldMask mask = 12; google.protobuf.Int64Value w = 13; float small = 14; oneof o { int32 p = 15; int32 q = 16; } map<bool, int32> flags = 17; }"
)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"number": 2**63 - 1}, {"number": str(2**63 - 1)}),
        ({"number": "-5"}, {"number": "-5"}),
        ({"number": Decimal(7)}, {"number": "7"}),
        ({"number": np.int64(7)}, {"number": "7"}),
        ({"number": 7.0}, {"number": "7"}),
        ({"real": 5}, {"real": 5.0}),
        ({"real": "NaN"}, {"real": "NaN"}),
        ({"real": float("inf")}, {"real": "Infinity"}),
        ({"data": "AP8="}, {"data": "AP8="}),
        ({"data": "-_8="}, {"data": "+/8="}),
        ({"data": b"\x00\xff"}, {"data": "AP8="}),
        ({"kind": "B"}, {"kind": "B"}),
        ({"kind": 1}, {"kind": "B"}),
        ({"inner_one": {"x": 1}}, {"inner_one": {"x": 1}}),
        ({"innerOne": {}}, {"inner_one": {}}),
        ({"inner_one": None}, {}),
        ({"many": [{}, {"x": 2}]}, {"many": [{}, {"x": 2}]}),
        ({"by": {"5": {"x": 1}}}, {"by": {"5": {"x": 1}}}),
        ({"by": [(5, {"x": 1})]}, {"by": {"5": {"x": 1}}}),
        ({"flags": {"true": 1, "false": 2}}, {"flags": {"true": 1, "false": 2}}),
        ({"t": "2026-01-01T00:00:00.000000001Z"}, {"t": "2026-01-01T00:00:00.000000001Z"}),
        ({"t": pd.Timestamp("2026-01-01T00:00:00.123456789Z")}, {"t": "2026-01-01T00:00:00.123456789Z"}),
        ({"t": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)}, {"t": "2026-01-01T00:00:00Z"}),
        ({"d": "-1.5s"}, {"d": "-1.500s"}),
        ({"d": datetime.timedelta(seconds=2)}, {"d": "2s"}),
        ({"mask": {"paths": ["a.b"]}}, {"mask": "a.b"}),
        ({"mask": "a.b,c"}, {"mask": "a.b,c"}),
        ({"w": 0}, {"w": "0"}),
        ({"q": 0}, {"q": 0}),
    ],
)
def test_objects_are_written_as_messages(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert object_of(OBJECTS, given) == wanted


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"nothing": 1}, "nothing"),
        ({"number": 2**63}, "number"),
        ({"number": 1.5}, "number"),
        ({"number": True}, "number"),
        ({"number": "x"}, "number"),
        ({"number": float("nan")}, "number"),
        ({"real": "5"}, "real"),
        ({"real": 2**53 + 1}, "real"),
        ({"real": True}, "real"),
        ({"small": 1e39}, "small"),
        ({"data": "not base64!"}, "data"),
        ({"data": 5}, "data"),
        ({"kind": "C"}, "kind"),
        ({"kind": 2**31}, "kind"),
        ({"inner_one": 5}, "inner_one"),
        ({"inner_one": {"x": "y"}}, "inner_one.x"),
        ({"many": {"x": 1}}, "many"),
        ({"many": "text"}, "many"),
        ({"many": [{}, None]}, "many[1]"),
        ({"by": {"x": {}}}, "by['x']"),
        ({"by": {"1": {}, 1: {}}}, "by[1]"),
        ({"by": 5}, "by"),
        ({"flag": 1}, "flag"),
        ({"flag": "true"}, "flag"),
        ({"text": 5}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"t": "yesterday"}, "t"),
        ({"t": 5}, "t"),
        ({"d": "1"}, "d"),
        ({"p": 1, "q": 2}, "q"),
        ({"inner_one": {}, "innerOne": {}}, "innerOne"),
        ([1], ""),
        (None, ""),
    ],
)
def test_an_object_that_does_not_fit_names_the_field(given: Any, path: str) -> None:
    with pytest.raises(Misfit) as caught:
        object_of(OBJECTS, given)
    assert caught.value.path == path
    assert path in str(caught.value)


def test_an_object_that_contains_itself_is_refused() -> None:
    value: dict[str, Any] = {"id": 1}
    value["next"] = value
    with pytest.raises(Misfit, match="100 levels"):
        shop().writer(shop().message("Rich")).object(value)


def test_an_object_without_a_required_field_is_refused() -> None:
    with pytest.raises(Misfit, match="id: the required field is missing"):
        old().writer(old().message("Event")).object({"retries": 1})


def test_any_is_written_from_its_fields_or_its_bytes() -> None:
    descriptor = shop().message("Rich")
    kind = class_of(descriptor)
    writer = shop().writer(descriptor)
    money = {"@type": "type.googleapis.com/shop.common.Money", "currency": "EUR", "minor": 5}
    message = kind.FromString(writer.object({"any": money}))
    inner = class_of(shop().message("shop.common.Money")).FromString(message.any.value)
    assert (inner.currency, inner.minor) == ("EUR", 5)
    stamp = {"@type": "x/google.protobuf.Timestamp", "value": "1970-01-01T00:00:05Z"}
    assert kind.FromString(writer.object({"any": stamp})).any.value == b"\x08\x05"
    assert kind.FromString(writer.object({"any": {"@type": "x/y", "value": "CAE="}})).any.value == b"\x08\x01"
    for bad in ({"@type": "x/y", "a": 1}, {"@type": money["@type"], "nope": 1}, {"@type": 5}):
        with pytest.raises(Misfit):
            writer.object({"any": bad})


def test_text_that_was_read_and_not_changed_is_the_same_message_again() -> None:
    descriptor = shop().message("Order")
    message = class_of(descriptor)(id=2**63 - 1, rate=float("nan"), blob=b"\xff", words=['"'], card="")
    row = message.SerializeToString()
    text = shop().columns(descriptor).texts(payloads([row])).values[0].as_py()
    assert shop().writer(descriptor).object(json.loads(text)) == row
