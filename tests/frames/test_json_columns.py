"""Arrow columns as exact JSON text."""

from __future__ import annotations

import datetime
import json
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from brokerkit.frames.json_columns import json_texts
from brokerkit.frames.json_exact import loads

CASES: list[tuple[pa.DataType, list[Any], list[str]]] = [
    (pa.int8(), [-128, None], ["-128", "null"]),
    (pa.uint64(), [2**64 - 1], ["18446744073709551615"]),
    (pa.decimal128(38, 2), [Decimal("-999999999999999999999999999999999999.99")], ["-999999999999999999999999999999999999.99"]),
    (pa.decimal256(76, 0), [Decimal(10**76 - 1)], ["9" * 76]),
    (pa.float32(), [0.1, math.nan, None, -math.inf], ["0.1", "NaN", "null", "-Infinity"]),
    (pa.float64(), [0.1 + 0.2, 5e-324, -0.0], ["0.30000000000000004", "5e-324", "-0.0"]),
    (pa.bool_(), [True, None, False], ["true", "null", "false"]),
    (pa.string(), ['"\\\n\x00', "ü𝄞", None], ['"\\"\\\\\\n\\u0000"', '"ü𝄞"', "null"]),
    (pa.binary(), [b"\x00\xff", None], ['"AP8="', "null"]),
    (pa.binary(2), [b"ab"], ['"YWI="']),
    (pa.date32(), [datetime.date(1, 1, 1)], ['"0001-01-01"']),
    (pa.timestamp("us", "UTC"), [datetime.datetime(1969, 12, 31, tzinfo=datetime.UTC)], ['"1969-12-31T00:00:00.000000Z"']),
    (pa.timestamp("s"), [datetime.datetime(1969, 12, 31)], ['"1969-12-31T00:00:00"']),
    (pa.time64("us"), [datetime.time(1, 2, 3, 4)], ['"01:02:03.000004"']),
    (pa.list_(pa.int32()), [[], [1, None], None], ["[]", "[1,null]", "null"]),
    (pa.large_list(pa.string()), [["a"], None], ['["a"]', "null"]),
    (pa.map_(pa.string(), pa.int64()), [[("a", 1), ('"', None)], [], None], ['{"a":1,"\\"":null}', "{}", "null"]),
    (pa.map_(pa.int32(), pa.int64()), [[(7, 1)]], ['{"7":1}']),
    (pa.struct([("a", pa.int64()), ('q"', pa.list_(pa.string()))]), [{"a": 1, 'q"': ["x"]}, None], ['{"a":1,"q\\"":["x"]}', "null"]),
    (pa.struct([]), [{}, None], ["{}", "null"]),
    (pa.null(), [None, None], ["null", "null"]),
    (pa.dictionary(pa.int32(), pa.string()), ["a", None, "a"], ['"a"', "null", '"a"']),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "values", "texts"), CASES, ids=[str(kind) for kind, _, _ in CASES])
def test_each_type_is_written_exactly(kind: pa.DataType, values: list[Any], texts: list[str]) -> None:
    array = pa.array(values, kind)
    assert json_texts(array).to_pylist() == texts
    for text in texts:
        loads(text)


@pytest.mark.parametrize(("kind", "values", "texts"), CASES, ids=[str(kind) for kind, _, _ in CASES])
def test_a_slice_is_written_as_its_rows(kind: pa.DataType, values: list[Any], texts: list[str]) -> None:
    array = pa.concat_arrays([pa.array([None, *values, None], kind)]).slice(1, len(values))
    assert json_texts(array).to_pylist() == texts
    assert json_texts(array.slice(0, 0)).to_pylist() == []


def test_lists_of_structs_of_lists_are_written_as_they_are() -> None:
    values = [[{"a": [1, 2], "b": None}, None], [], [{"a": None, "b": "x"}]]
    kind = pa.list_(pa.struct([("a", pa.list_(pa.int64())), ("b", pa.string())]))
    assert [json.loads(text) for text in json_texts(pa.array(values, kind)).to_pylist()] == values
