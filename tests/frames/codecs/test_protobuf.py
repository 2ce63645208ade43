"""Protobuf payloads as columns and as JSON text: exact values, the traps, and failures that say where and why."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from brokerkit.frames.codecs.protobuf import ProtobufColumns, ProtobufSchema, Reading
from brokerkit.frames.codecs.protobuf.plan import MOST_FIELDS
from brokerkit.frames.codecs.row_failure import RowFailure

from .protobuf_messages import class_of, made, old, payloads, shop

SYNTAX = 'syntax = "proto3"; '
TIMES = (
    f'{SYNTAX} import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";'
    "message R { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; }"
)


def columns_of(text: str, name: str = "R", times: Any = "ns") -> ProtobufColumns:
    schema = made(text if "syntax" in text or "edition" in text else SYNTAX + text)
    return schema.columns(schema.message(name), times)


def both(text: str, *rows: Any) -> tuple[list[Any], list[Any]]:
    """The values and the parsed texts of rows that are read without a failure; a row may be the fields of one."""
    schema = made(text if "syntax" in text or "edition" in text else SYNTAX + text)
    kind = class_of(schema.message("R"))
    data = [row if isinstance(row, bytes) else kind(**row).SerializeToString() for row in rows]
    columns = schema.columns(schema.message("R"))
    typed, texts = columns.read(payloads(data)), columns.texts(payloads(data))
    assert typed.failures == texts.failures == {}
    return typed.values.to_pylist(), [json.loads(text) for text in texts.values.to_pylist()]


def read(text: str, *rows: bytes | None) -> Reading:
    return columns_of(text).read(payloads(list(rows)))


def test_numbers_of_64_bits_keep_every_digit() -> None:
    text = "message R { int64 a = 1; uint64 b = 2; fixed64 c = 3; sfixed64 d = 4; sint64 e = 5; }"
    values, texts = both(
        text,
        {"a": -(2**63), "b": 2**64 - 1, "c": 2**64 - 1, "d": -(2**63), "e": -(2**63)},
        {"a": 2**53 + 1},
    )
    assert values[0] == {"a": -(2**63), "b": 2**64 - 1, "c": 2**64 - 1, "d": -(2**63), "e": -(2**63)}
    assert values[1]["a"] == 2**53 + 1
    assert texts == values


def test_floats_keep_nan_infinity_and_negative_zero() -> None:
    text = "message R { double a = 1; float b = 2; }"
    columns = columns_of(text)
    kind = class_of(made(SYNTAX + text).message("R"))
    rows = [
        kind(a=a, b=b).SerializeToString()
        for a, b in ((float("nan"), float("nan")), (float("inf"), -float("inf")), (-0.0, -0.0), (0.1, 0.1))
    ]
    assert columns.texts(payloads(rows)).values.to_pylist() == [
        '{"a":NaN,"b":NaN}',
        '{"a":Infinity,"b":-Infinity}',
        '{"a":-0.0,"b":-0.0}',
        '{"a":0.1,"b":0.1}',
    ]
    assert np.signbit(columns.read(payloads(rows)).values.field("a")[2].as_py())


def test_bytes_are_binary_columns_and_base64_in_text() -> None:
    values, texts = both("message R { bytes a = 1; }", {"a": b"\x00\xff"}, {})
    assert [value["a"] for value in values] == [b"\x00\xff", b""]
    assert [text["a"] for text in texts] == ["AP8=", ""]


def test_a_field_that_is_not_set_is_null_or_its_default() -> None:
    text = "message R { int32 a = 1; optional int32 b = 2; oneof o { int32 c = 3; string d = 4; } S s = 5; repeated int32 r = 6; map<int32, int32> m = 7; } message S { int32 x = 1; }"
    values, texts = both(text, {}, {"b": 0, "c": 0, "s": {}}, {"d": ""})
    assert texts == [
        {"a": 0, "b": None, "c": None, "d": None, "s": None, "r": [], "m": {}},
        {"a": 0, "b": 0, "c": 0, "d": None, "s": {"x": 0}, "r": [], "m": {}},
        {"a": 0, "b": None, "c": None, "d": "", "s": None, "r": [], "m": {}},
    ]
    assert [value["b"] for value in values] == [None, 0, None]


def test_the_last_field_of_a_oneof_wins() -> None:
    values, texts = both("message R { oneof o { int32 a = 1; int32 b = 2; } }", b"\x08\x01\x10\x02")
    assert values == texts == [{"a": None, "b": 2}]


def test_the_last_value_of_a_field_wins_and_a_split_message_is_merged() -> None:
    text = "message S { int32 x = 1; int32 y = 2; } message R { int32 a = 1; S s = 2; }"
    values, texts = both(text, b"\x08\x01\x08\x02\x12\x02\x08\x05\x12\x02\x10\x06")
    assert values == texts == [{"a": 2, "s": {"x": 5, "y": 6}}]


def test_a_split_message_is_merged_also_where_it_becomes_text() -> None:
    _, texts = both("message R { int32 v = 1; R next = 2; }", b"\x12\x02\x08\x05\x12\x02\x12\x00")
    assert texts[0]["next"] == {"v": 5, "next": {"v": 0, "next": None}}


@pytest.mark.parametrize("keys", [3, 30])
def test_the_last_value_of_a_key_of_a_map_wins(keys: int) -> None:
    entry = b"\x0a\x05\x0a\x01a\x10\x01\x0a\x05\x0a\x01a\x10\x02\x0a\x03\x0a\x01b"
    others = b"".join(b"\x0a\x06\x0a\x02k" + bytes([65 + n]) + b"\x10\x05" for n in range(keys - 3))
    values, texts = both("message R { map<string, int64> m = 1; }", entry + others)
    assert len(values[0]["m"]) == keys - 1
    assert texts[0]["m"] == {"a": 2, "b": 0} | {f"k{chr(65 + n)}": 5 for n in range(keys - 3)}
    assert dict(values[0]["m"]) == texts[0]["m"]


def test_maps_have_keys_of_every_type() -> None:
    text = "message S { int32 x = 1; } message R { map<bool, string> a = 1; map<int64, S> b = 2; map<uint64, bytes> c = 3; map<sint32, double> d = 4; }"
    values, texts = both(
        text, {"a": {True: "t", False: ""}, "b": {-1: {"x": 5}}, "c": {2**64 - 1: b"\xff"}, "d": {-7: 0.0}}
    )
    assert dict(values[0]["a"]) == {True: "t", False: ""}
    assert values[0]["b"] == [(-1, {"x": 5})]
    assert values[0]["c"] == [(2**64 - 1, b"\xff")]
    assert texts[0] == {
        "a": {"true": "t", "false": ""},
        "b": {"-1": {"x": 5}},
        "c": {"18446744073709551615": "/w=="},
        "d": {"-7": 0.0},
    }


def test_a_map_entry_without_its_message_has_an_empty_one() -> None:
    values, _ = both("message S { int32 x = 1; } message R { map<string, S> m = 1; }", b"\x0a\x03\x0a\x01a")
    assert values == [{"m": [("a", {"x": 0})]}]


def test_packed_and_unpacked_values_may_be_mixed() -> None:
    assert both("message R { repeated int32 a = 1; }", b"\x0a\x02\x01\x02\x08\x03")[0] == [{"a": [1, 2, 3]}]
    text = 'syntax = "proto2"; message R { repeated int32 a = 1; repeated int32 b = 2 [packed = true]; }'
    assert both(text, b"\x0a\x02\x01\x02\x08\x03\x10\x01\x12\x01\x02")[0] == [{"a": [1, 2, 3], "b": [1, 2]}]


def test_an_enum_is_its_name_and_a_number_without_one_its_digits() -> None:
    text = "enum E { option allow_alias = true; ZERO = 0; A = 1; ALSO_A = 1; LOW = -5; FAR = 2000000000; } message R { E e = 1; repeated E es = 2; }"
    values, texts = both(text, {"e": 1, "es": [0, -5, 7, -(2**31), 2_000_000_000]})
    assert values == texts == [{"e": "A", "es": ["ZERO", "LOW", "7", "-2147483648", "FAR"]}]


@pytest.mark.parametrize("least", [0, -1])
def test_names_of_an_enum_without_gaps_are_those_of_its_numbers(least: int) -> None:
    low = "LOW = -1; " if least else ""
    text = f"enum E {{ ZERO = 0; A = 1; {low}}} message R {{ E e = 1; optional E maybe = 2; repeated E es = 3; }}"
    rows: list[dict[str, Any]] = [{"e": 1, "maybe": least, "es": [1, least, 0]}, {}, {"maybe": 1}]
    values, texts = both(text, *rows)
    name = "LOW" if least else "ZERO"
    assert values[0] == {"e": "A", "maybe": name, "es": ["A", name, "ZERO"]}
    assert values[1:] == [{"e": "ZERO", "maybe": None, "es": []}, {"e": "ZERO", "maybe": "A", "es": []}]
    assert [each["es"] for each in texts] == [each["es"] for each in values]


def test_a_closed_enum_has_no_unknown_numbers() -> None:
    result = old().columns(old().message("Event")).read(payloads([b"\x08\x01\x18\x07\x20\x07\x20\x01"]))
    (value,) = result.values.to_pylist()
    assert (value["level"], value["levels"]) == ("HIGH", ["LOW"])
    assert result.unknown == [0]


def test_defaults_that_the_schema_declares_are_read_where_nothing_is_set() -> None:
    (value,) = old().columns(old().message("Event")).read(payloads([b"\x08\x01"])).values.to_pylist()
    assert (value["retries"], value["level"], value["text"], value["blob"]) == (3, "HIGH", None, None)


def test_a_missing_required_field_is_a_failure_with_its_path() -> None:
    reading = (
        old()
        .columns(old().message("Event"))
        .read(payloads([b"\x10\x01", b"\x08\x01", b"\x08\x01\x52\x00", b"\x08\x01\x4a\x09\x11" + bytes(8)]))
    )
    assert {row: failure.path for row, failure in reading.failures.items()} == {
        0: "id",
        2: "inners[0].name",
        3: "inner.name",
    }
    assert reading.failures[0].reason == "the required field is missing"


def test_a_map_key_that_is_not_text_does_not_end_the_process() -> None:
    # the reference library crashes when it looks for required fields behind such a key
    row = b"\x42\x05\x0a\x01\xc3\x12\x00"
    columns = old().columns(old().message("Grouped"))
    for reading in (columns.read(payloads([row])), columns.texts(payloads([row]))):
        assert reading.failures == {0: RowFailure(4, "inners{}.key", "the text is not UTF-8")}


def test_groups_are_messages() -> None:
    columns = old().columns(old().message("Grouped"))
    reading = columns.read(
        payloads([b"\x0b\x10\x05\x0c\x23\x28\x01\x33\x38\x02\x34\x24\x48\x07", b"\x0b\x10", None])
    )
    assert reading.values.to_pylist()[0] == {
        "one": {"a": 5, "b": None},
        "many": [{"c": 1, "deep": [{"d": 2}]}],
        "inners": [],
        "last": 7,
    }
    assert list(reading.failures) == [1]


def test_a_schema_with_an_edition_is_read() -> None:
    text = 'edition = "2023"; message S { int32 x = 1; } message R { int32 a = 1; int32 b = 2 [features.field_presence = IMPLICIT]; S s = 3 [features.message_encoding = DELIMITED]; }'
    assert both(text, b"\x1b\x08\x05\x1c", b"")[0] == [
        {"a": None, "b": 0, "s": {"x": 5}},
        {"a": None, "b": 0, "s": None},
    ]


def test_wrappers_are_values_that_may_be_null() -> None:
    text = f'{SYNTAX} import "google/protobuf/wrappers.proto"; message R {{ google.protobuf.Int64Value a = 1; repeated google.protobuf.Int64Value r = 2; map<string, google.protobuf.BytesValue> m = 3; }}'
    values, _ = both(text, b"", b"\x0a\x00\x12\x00\x12\x02\x08\x05\x1a\x05\x0a\x01a\x12\x00")
    assert values == [{"a": None, "r": [], "m": []}, {"a": 0, "r": [0, 5], "m": [("a", b"")]}]


def test_timestamps_are_in_utc_to_the_nanosecond() -> None:
    values, texts = both(
        TIMES,
        {"t": {"seconds": 1_767_225_600, "nanos": 123_456_789}, "d": {"seconds": -1, "nanos": -500_000_000}},
        {"t": {"seconds": -1, "nanos": 1}, "d": {"seconds": 90}},
        {},
    )
    assert values[0]["t"] == pd.Timestamp("2026-01-01T00:00:00.123456789Z")
    assert values[1]["t"] == pd.Timestamp("1969-12-31T23:59:59.000000001Z")
    assert [value["d"] for value in values] == [pd.Timedelta("-1.5s"), pd.Timedelta("90s"), None]
    assert texts == [
        {"t": "2026-01-01T00:00:00.123456789Z", "d": "-1.500s"},
        {"t": "1969-12-31T23:59:59.000000001Z", "d": "90s"},
        {"t": None, "d": None},
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-62_135_596_800, "0001-01-01T00:00:00Z"), (253_402_300_799, "9999-12-31T23:59:59Z")],
)
def test_a_time_beyond_nanoseconds_is_never_another_time(seconds: int, shown: str) -> None:
    kind = class_of(made(TIMES).message("R"))
    row = payloads([b"", kind(t={"seconds": seconds}).SerializeToString()])
    typed = columns_of(TIMES).read(row)
    assert typed.values.to_pylist()[1] is None
    assert typed.failures[1].path == "t"
    assert "outside of what timestamp[ns, tz=UTC] holds" in typed.failures[1].reason
    assert json.loads(columns_of(TIMES).texts(row).values[1].as_py())["t"] == shown
    micros = columns_of(TIMES, times="us").read(row)
    assert micros.failures == {}
    assert micros.values.field("t").cast(pa.int64())[1].as_py() == seconds * 10**6


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("R next = 3;", "next.t"),
        ("repeated google.protobuf.Timestamp ts = 3;", "ts[]"),
        ("map<string, google.protobuf.Timestamp> ts = 3;", "ts{}.value"),
        ("message S { google.protobuf.Timestamp at = 1; } map<int32, S> ts = 3;", "ts{}.value.at"),
    ],
)
def test_a_time_that_does_not_fit_is_named_wherever_it_is(field: str, path: str) -> None:
    text = TIMES.replace("d = 2;", f"d = 2; {field}")
    kind = class_of(made(text).message("R"))
    time = {"seconds": 10**12}
    value: Any = {"next.t": {"t": time}, "ts[]": [time], "ts{}.value": {"a": time}}.get(
        path, {1: {"at": time}}
    )
    row = kind(**{path[:2] if path.startswith("ts") else "next": value}).SerializeToString()
    failure = columns_of(text).read(payloads([row])).failures[0]
    assert failure.path == path
    assert failure.offset is not None
    assert "Protobuf allows" in failure.reason


@pytest.mark.parametrize(
    "time",
    [
        {"t": {"seconds": -9223372037, "nanos": 145224192}},
        {"d": {"seconds": -9223372036, "nanos": -854775808}},
        {"ts": [{}, {"seconds": -9223372037, "nanos": 145224192}]},
        {"ds": [{}, {"seconds": -9223372036, "nanos": -854775808}]},
        {"next": {"t": {"seconds": -9223372037, "nanos": 145224192}}},
        {"all": [{}, {"d": {"seconds": -9223372036, "nanos": -854775808}}]},
    ],
    ids=["timestamp", "duration", "list of timestamps", "list of durations", "struct", "list of structs"],
)
def test_a_time_that_pandas_has_for_none_is_a_failure(time: dict[str, Any]) -> None:
    more = "repeated google.protobuf.Timestamp ts = 3; repeated google.protobuf.Duration ds = 4; "
    text = TIMES.replace("d = 2;", f"d = 2; {more} message S {{ google.protobuf.Timestamp t = 1; "
                         "google.protobuf.Duration d = 2; } S next = 5; repeated S all = 6;")  # fmt: skip
    kind = class_of(made(text).message("R"))
    rows = [b"", kind(t={"seconds": -9223372036}).SerializeToString(), kind(**time).SerializeToString()]
    read = columns_of(text).read(payloads(rows))
    assert list(read.failures) == [2]
    assert read.values.to_pylist()[2] is None


def test_nanoseconds_are_not_cut_off_in_microseconds() -> None:
    kind = class_of(made(TIMES).message("R"))
    row = payloads([kind(t={"nanos": 1}).SerializeToString(), kind(t={"nanos": 1_000}).SerializeToString()])
    assert list(columns_of(TIMES, times="us").read(row).failures) == [0]


@pytest.mark.parametrize(
    "fields",
    [
        {"t": {"nanos": -1}},
        {"t": {"nanos": 10**9}},
        {"t": {"seconds": 10**12}},
        {"d": {"seconds": 1, "nanos": -1}},
    ],
)
def test_a_time_that_protobuf_does_not_allow_is_a_failure(fields: dict[str, Any]) -> None:
    row = payloads([class_of(made(TIMES).message("R"))(**fields).SerializeToString()])
    for reading in (columns_of(TIMES).read(row), columns_of(TIMES).texts(row)):
        assert "Protobuf allows" in reading.failures[0].reason
        assert reading.failures[0].path == next(iter(fields))


def test_struct_and_any_are_json_text() -> None:
    schema = shop()
    kind = class_of(schema.message("Rich"))
    message = kind(id=1)
    message.any_json.update({"a": [1, None, 2.5, {"b": True}]})
    message.value.null_value = 0
    message.any.type_url = "type.googleapis.com/shop.common.Money"
    message.any.value = class_of(schema.message("shop.common.Money"))(
        currency="EUR", minor=-1
    ).SerializeToString()
    message.nothing.SetInParent()
    reading = schema.columns(schema.message("Rich")).read(payloads([message.SerializeToString()]))
    (value,) = reading.values.to_pylist()
    assert value["any_json"] == '{"a":[1,null,2.5,{"b":true}]}'
    assert value["value"] == "null"
    assert value["any"] == '{"@type":"type.googleapis.com/shop.common.Money","currency":"EUR","minor":-1}'
    assert value["nothing"] == "{}"
    assert value["next"] is None
    assert reading.values.type.field("any").metadata == {b"brokerkit.json": b"1"}


def test_any_of_an_unknown_type_keeps_its_bytes() -> None:
    kind = class_of(shop().message("Rich"))
    rows = [
        kind(any={"type_url": "x/not.Known", "value": b"\x08\x01"}).SerializeToString(),
        kind(any={"type_url": "x/google.protobuf.Timestamp", "value": b"\x08\x05"}).SerializeToString(),
        kind(any={"type_url": "x/shop.common.Money", "value": b"\x08"}).SerializeToString(),
    ]
    texts = shop().columns(shop().message("Rich")).texts(payloads(rows)).values.to_pylist()
    assert [json.loads(text)["any"] for text in texts] == [
        {"@type": "x/not.Known", "value": "CAE="},
        {"@type": "x/google.protobuf.Timestamp", "value": "1970-01-01T00:00:05Z"},
        {"@type": "x/shop.common.Money", "value": "CA=="},
    ]


def test_any_within_any_without_end_is_shown_as_bytes() -> None:
    kind = class_of(
        made(
            f'{SYNTAX} import "google/protobuf/any.proto"; message R {{ google.protobuf.Any a = 1; }}'
        ).message("R")
    )
    inner = b""
    for _ in range(300):
        inner = kind(a={"type_url": "x/google.protobuf.Any", "value": inner}).a.SerializeToString()
    row = kind()
    row.a.MergeFromString(inner)
    text = f'{SYNTAX} import "google/protobuf/any.proto"; message R {{ google.protobuf.Any a = 1; }}'
    assert columns_of(text).texts(payloads([row.SerializeToString()])).failures == {}


def test_a_message_within_itself_is_read_to_the_depth_of_the_reference_library() -> None:
    def nested(levels: int) -> bytes:
        data = b"\x08\x01"
        for _ in range(levels):
            length = len(data)
            head = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
            data = b"\x12" + head + data
        return data

    reading = columns_of("message R { int32 v = 1; R next = 2; }").texts(payloads([nested(100), nested(101)]))
    assert list(reading.failures) == [1]
    assert "100 levels" in reading.failures[1].reason
    depth, value = 0, json.loads(reading.values[0].as_py())
    while value["next"]:
        depth, value = depth + 1, value["next"]
    assert (depth, value["v"]) == (100, 1)


def test_a_null_payload_is_a_null_row_and_not_a_row_of_defaults() -> None:
    reading = read("message R { int32 a = 1; }", None, b"", None, b"\x08\x05")
    assert reading.values.to_pylist() == [None, {"a": 0}, None, {"a": 5}]
    assert reading.failures == {}
    assert columns_of("message R { int32 a = 1; }").texts(payloads([None, b""])).values.to_pylist() == [
        None,
        '{"a":0}',
    ]
    assert read("message R { int32 a = 1; }", None, None).values.to_pylist() == [None, None]
    assert read("message R { int32 a = 1; }").values.to_pylist() == []
    assert old().columns(old().message("Event")).read(payloads([None])).failures == {}


def test_a_message_without_fields_has_rows() -> None:
    reading = read("message R {}", b"", None, b"\x08\x01", b"\x08")
    assert reading.values.to_pylist() == [{}, None, {}, None]
    assert (reading.unknown, list(reading.failures)) == ([2], [3])


@pytest.mark.parametrize(
    "row",
    [
        b"\x08\x01\x50\x05",
        b"\x50\x05\x08\x01",
        b"\x08\x01\x12\x04\x08\x01\x50\x05",
        b"\x08\x01\x1a\x04\x08\x01\x50\x05",
        b"\x08\x01\xf5\x07\x00\x00\x00\x00",
        b"\x08\x01\x0a\x01a",
    ],
    ids=["behind", "in front", "within", "within text", "fixed", "another wire type"],
)
def test_rows_with_fields_that_the_schema_does_not_have_are_told(row: bytes) -> None:
    text = "message S { int32 x = 1; } message R { int32 a = 1; S s = 2; R next = 3; }"
    for reading in (read(text, b"\x08\x01", row), columns_of(text).texts(payloads([b"\x08\x01", row]))):
        assert reading.unknown == [1]
        assert reading.failures == {}
    assert read(text, row).values.to_pylist()[0]["a"] == 1


def test_fields_that_are_written_with_their_default_are_not_unknown() -> None:
    assert (
        read("message R { int32 a = 1; string b = 2; }", b"\x08\x00\x12\x00", b"\x12\x01x\x08\x01").unknown
        == []
    )


@pytest.mark.parametrize(
    ("row", "offset", "path", "reason"),
    [
        (b"\x08", 1, "a", "a number is cut off"),
        (b"\x08\x01\x12\x05a", 2, "b", "a length of 5 bytes, 1 are left"),
        (b"\x12\x01\xff", 2, "b", "not UTF-8"),
        (b"\x1a\x03\x0a\x01\xff", 4, "s.x", "not UTF-8"),
        (b"\x22\x00\x22\x03\x0a\x05a", 4, "r[].x", "a length of 5 bytes, 1 are left"),
        (b"\x2a\x06\x0a\x01k\x12\x01\xff", 7, "m{}.value", "not UTF-8"),
        (b"\x32\x02\x01\xff", 3, "packed[]", "a number is cut off"),
        (b"\x3a\x09" + bytes(9), 10, "fixed[]", "8 bytes were expected, 1 are left"),
        (b"\x08\x01\x00\x01", 2, "", "field number 0"),
        (b"\x0e", 0, "a", "wire type 6"),
        (b"\x0c", 0, "", "the end of group 1"),
        (b"\x0b", 0, "a", "group 1 has no end"),
        (b"\x08" + b"\xff" * 10 + b"\x01", 1, "a", "longer than 10 bytes"),
        (b"\x88\x80\x80\x80\x80\x00\x05", 0, "", "longer than 5 bytes"),
    ],
)
def test_a_failure_names_the_byte_the_field_and_the_reason(
    row: bytes, offset: int, path: str, reason: str
) -> None:
    text = "message S { string x = 1; } message R { int32 a = 1; string b = 2; S s = 3; repeated S r = 4; map<string, string> m = 5; repeated int32 packed = 6; repeated double fixed = 7; }"
    reading = read(text, b"\x08\x01", row, b"\x08\x02")
    assert list(reading.failures) == [1]
    failure = reading.failures[1]
    assert (failure.offset, failure.path) == (offset, path)
    assert reason in failure.reason
    assert [value and value["a"] for value in reading.values.to_pylist()] == [1, None, 2]


def test_a_failure_counts_its_byte_from_the_start_of_the_payload() -> None:
    columns = columns_of("message R { int32 a = 1; }")
    rows = payloads([b"\x00\x00\x00\x00\x07\x00\x08\x05", b"\x01\x08", None, b"", b"\x09\x09\x08\x06"])
    reading = columns.read(rows, [6, 1, 0, 0, 2])
    assert reading.values.to_pylist() == [{"a": 5}, None, None, {"a": 0}, {"a": 6}]
    assert reading.failures == {1: RowFailure(2, "a", "a number is cut off")}
    sliced = columns.read(rows[1:], np.array([1, 0, 0, 2]))
    assert sliced.values.to_pylist() == [None, None, {"a": 0}, {"a": 6}]


def test_many_bad_rows_among_good_ones_are_each_told() -> None:
    rows: list[bytes | None] = [b"\x08\x05"] * 5_000
    bad = {3, 4, 17, 2_000, *range(3_000, 3_100), 4_999}
    for row in bad:
        rows[row] = b"\x08"
    reading = read("message R { int32 a = 1; }", *rows)
    assert set(reading.failures) == bad
    assert [value["a"] for row, value in enumerate(reading.values.to_pylist()) if row not in bad] == [5] * (
        5_000 - len(bad)
    )


def test_a_batch_of_bad_rows_takes_no_longer_than_a_millisecond_a_row() -> None:
    columns = columns_of("message R { int32 a = 1; }")
    began = time.process_time()
    assert len(columns.read(payloads([b"\x08"] * 2_000)).failures) == 2_000
    assert time.process_time() - began < 10


def test_a_crash_of_the_columnar_library_is_a_failure_of_its_row() -> None:
    # a packed number that runs past its field makes it panic
    text = "message R { repeated int32 a = 1; int32 b = 2; }"
    reading = read(text, b"\x10\x01", b"\x0a\x02\x01\xff\x10\x01", b"\x10\x02")
    assert list(reading.failures) == [1]
    assert [value and value["b"] for value in reading.values.to_pylist()] == [1, None, 2]


@pytest.mark.extended
def test_a_very_wide_message_has_its_inner_messages_as_text() -> None:
    fields = " ".join(f"int32 f{number} = {number};" for number in range(1, 60))
    uses = " ".join(f"S s{number} = {number};" for number in range(1, 60))
    text = f"message S {{ {fields} }} message R {{ {uses} }}"
    assert MOST_FIELDS < 59 * 59
    columns = columns_of(text)
    reading = columns.read(payloads([b"\x0a\x02\x08\x05"]))
    assert json.loads(reading.values.to_pylist()[0]["s1"])["f1"] == 5
    assert json.loads(columns.texts(payloads([b"\x0a\x02\x08\x05"])).values[0].as_py())["s1"]["f1"] == 5


def test_what_earlier_payloads_lack_is_seen_in_later_ones() -> None:
    text = "message R { int64 id = 1; string name = 2; repeated int32 many = 3; M inner = 4; } message M { int64 n = 1; }"
    kind = class_of(made(SYNTAX + text).message("R"))
    columns, fresh = columns_of(text), columns_of(text)

    def batch(**others: bytes) -> list[bytes]:
        rows = [kind(id=number, name="a" * (number % 3)).SerializeToString() for number in range(1_100)]
        for place, row in others.items():
            rows[int(place[1:])] = row
        return rows

    full = kind(id=1, many=[1, 2])
    full.inner.n = 7
    batches = [
        batch(),
        batch(),
        batch(_5=full.SerializeToString(), _6=b"\x08\x01\x98\x06\x01"),
        batch(_7=b"\x08\x81\x00", _8=b"\x12\x01\xff", _9=b"", _10=b"\x08"),
        batch(),
        batch(_11=b"\x0d\x01\x00\x00\x00"),
    ]
    for rows in batches:
        found = columns.read(payloads(rows))
        pieces = [fresh.read(payloads(rows[start : start + 100])) for start in range(0, len(rows), 100)]
        assert found.values.to_pylist() == [value for piece in pieces for value in piece.values.to_pylist()]
        assert list(found.failures) == [
            100 * n + row for n, piece in enumerate(pieces) for row in piece.failures
        ]
        assert found.unknown == [100 * n + row for n, piece in enumerate(pieces) for row in piece.unknown]
    assert columns.read(payloads(batch())).values.type == columns.type


def test_a_large_batch_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokerkit.frames.codecs.protobuf.columns.LARGEST_BATCH", 10)
    rows = [b"\x08\x05", b"\x08", None, b"\x08\x01\x50\x05"] * 5
    reading = read("message R { int32 a = 1; }", *rows)
    assert reading.values.to_pylist() == [{"a": 5}, None, None, {"a": 1}] * 5
    assert list(reading.failures) == [1, 5, 9, 13, 17]
    assert reading.unknown == [3, 7, 11, 15, 19]


def test_columns_of_a_schema_can_be_stored_and_read_again(tmp_path: Any) -> None:
    from pyarrow import parquet

    schema: ProtobufSchema = shop()
    kind = class_of(schema.message("Rich"))
    row = kind(id=1, nothing={}, any={"type_url": "a/b"}).SerializeToString()
    values = schema.columns(schema.message("Rich")).read(payloads([row, None])).values
    parquet.write_table(pa.table({"value": values}), tmp_path / "rows.parquet")
    assert parquet.read_table(tmp_path / "rows.parquet").column("value").to_pylist() == values.to_pylist()


def test_fields_of_any_number_are_read_and_written_without_memory_for_all_lower_ones() -> None:
    largest = 2**29 - 1
    text = (
        f"message R {{ int64 a = 1; sint64 b = {largest}; repeated M c = 40000; map<string, M> d = 3; M e = 4; }}"
        f"message M {{ string x = {largest}; double y = 50000; fixed32 z = 1; }}"
    )
    inner = {"x": "größe", "y": 0.5, "z": 7}
    row = {"a": 2**62, "b": -5, "c": [inner, {}], "d": {"k": inner}, "e": inner}
    schema = made(SYNTAX + text)
    kind, columns = class_of(schema.message("R")), schema.columns(schema.message("R"))
    payload = kind(**row).SerializeToString(deterministic=True)
    unknown = payload + b"\x98\x75\x01"
    bad = payload[:-1]
    found = columns.read(payloads([payload, unknown, bad, None]))
    unset = {"x": "", "y": 0.0, "z": 0}
    expected = {**row, "c": [inner, unset], "d": [("k", inner)]}
    assert found.values.to_pylist() == [expected, expected, None, None]
    assert (list(found.failures), found.unknown) == ([2], [1])
    written, wrong = schema.writer(schema.message("R")).columns(found.values[:1])
    assert not wrong
    assert kind.FromString(written[0].as_py()) == kind(**row)


def test_extensions_are_not_taken_for_a_field_of_a_large_number() -> None:
    text = """syntax = "proto2"; message R { optional int64 a = 400000; extensions 1 to 10; }
    extend R { optional int64 b = 1; }"""
    found = columns_of(text).read(
        payloads([b"\x80\xa8\xc3\x01\x05", b"\x08\x07", b"\x80\xa8\xc3\x01\x05\x08\x07"])
    )
    assert found.values.to_pylist()[0] == {"a": 5}
    assert all(value is None or value["a"] in (5, None) for value in found.values.to_pylist())
    assert {*found.failures, *found.unknown} == {1, 2}
