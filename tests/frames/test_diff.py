"""diff: rows added, missing, changed and moved, of frames and scans, exactly."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import brokerkit as bk
from brokerkit.frames.compare.leaves import canonical, leaves


def frame(*values: Any, keys: str | None = None) -> pd.DataFrame:
    """A frame of messages with these payloads; texts are written as they are."""
    with bk.connect("inmem://") as s:
        s.create_topic("t")
        for place, value in enumerate(values):
            text = value if isinstance(value, str | bytes) else json.dumps(value)
            s.publish("t", text, key=keys[place] if keys else str(place))
        return s.peek("t", 1_000)


def changes(found: bk.DiffFrame) -> list[tuple[str, str, Any, Any]]:
    columns = found[["change", "path", "a", "b"]].astype(object)
    return [tuple(row) for row in columns.where(columns.notna(), None).itertuples(index=False)]


def changed(a: Any, b: Any) -> list[tuple[Any, Any]]:
    """What a diff says of one payload against another."""
    return [(one, two) for _, _, one, two in changes(bk.diff(frame(a), frame(b)))]


def test_rows_are_added_missing_and_changed_field_by_field() -> None:
    a = frame({"id": 1, "total": 5}, {"id": 2, "total": 6}, {"id": 3})
    b = frame({"id": 1, "total": 7}, {"id": 2, "total": 6}, {"id": 4})
    found = bk.diff(a, b, on="value.id")
    assert changes(found) == [
        ("added", None, None, None),
        ("missing", None, None, None),
        ("changed", "value.total", "5", "7"),
    ]
    assert list(found["value.id"]) == ["4", "3", "1"]
    assert found.counts == {"same": 1, "changed": 1, "added": 1, "missing": 1, "moved": 0}
    assert not found.equal
    assert repr(found).startswith("1 same, 1 added, 1 missing, 1 changed, 0 moved")
    assert bk.diff(a, a).equal
    assert len(bk.diff(a, a)) == 0


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ('{"n": 9007199254740993}', '{"n": 9007199254740992}', [("9007199254740993", "9007199254740992")]),
        ('{"n": 18446744073709551617}', '{"n": 18446744073709551616}', 1),
        ('{"n": 0.10000000000000000001}', '{"n": 0.1}', 1),
        ('{"n": 1}', '{"n": 1.0}', []),
        ('{"n": 1e2}', '{"n": 100}', []),
        ('{"n": 0.1}', '{"n": 0.10}', []),
        ('{"n": NaN}', '{"n": NaN}', []),
        ('{"n": NaN}', '{"n": null}', 1),
        ('{"n": 1}', '{"n": true}', [("1", "true")]),
        ('{"n": 1}', '{"n": "1"}', [("1", '"1"')]),
        ('{"n": null}', "{}", 2),
        ('{"n": null, "m": 1}', '{"m": 1}', [("null", None)]),
        ('{"n": [1, {"x": 2}]}', '{"n": [1, {"x": 3}]}', [("2", "3")]),
        ('{"n": [1]}', '{"n": [1, 2]}', [(None, "2")]),
        ('{"n": []}', '{"n": {}}', [("[]", "{}")]),
        ('{"a.b": 1}', '{"a": {"b": 1}}', 2),
        ('{"a": 1, "b": 2}', '{"b": 2,   "a": 1}', []),
        ('"text"', "text", [('"text"', "text")]),
        (b"\xff\x00", b"\xff\x01", [("ff 00", "ff 01")]),
        ("x" * 5_000 + "a", "x" * 5_000 + "b", 1),
    ],
)
def test_values_are_compared_exactly(a: Any, b: Any, said: Any) -> None:
    found = changed(a, b)
    assert found == said if isinstance(said, list) else len(found) == said


def test_columns_of_any_frame_are_compared_exactly() -> None:
    schema = pa.schema(
        [("k", pa.int64()), ("d", pa.decimal128(20, 4)), ("f", pa.float64()), ("l", pa.list_(pa.int8()))]
    )

    def made(*rows: tuple[Any, ...]) -> pa.Table:
        return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)

    nan = float("nan")
    a = made((1, Decimal("1.1"), nan, [1]), (2, Decimal("1.1"), 0.5, None), (2**62 + 1, None, None, []))
    b = made((1, Decimal("1.1000"), nan, [1]), (2, Decimal("1.1001"), None, []), (2**62, None, None, []))
    found = bk.diff(a, b, on="k")
    assert changes(found)[2:] == [
        ("changed", "d", "1.1000", "1.1001"),
        ("changed", "f", "0.5", "null"),
        ("changed", "l", "null", "[]"),
    ]
    assert found.counts == {"same": 1, "changed": 1, "added": 1, "missing": 1, "moved": 0}


def test_rows_with_the_same_key_are_matched_in_turn_and_order_is_counted() -> None:
    a = frame(1, 2, 3, 4, 5, keys="aabbc")
    b = frame(1, 9, 5, 3, 4, 6, keys="aacbbb")
    found = bk.diff(a, b, order=True)
    assert found.counts == {"same": 4, "changed": 1, "added": 1, "missing": 0, "moved": 1}
    rows = found.astype(object).to_dict("records")
    assert [(row["change"], row["key"], row["nth"]) for row in rows] == [
        ("added", "b", 2),
        ("changed", "a", 1),
        ("moved", "c", 0),
    ]
    assert (rows[2]["a_row"], rows[2]["b_row"]) == (4, 2)
    assert "moved" not in set(bk.diff(a, b)["change"])


def test_fields_are_left_out_and_attributes_compared() -> None:
    with bk.connect("inmem://") as s:
        for topic, trace in (("a", "x"), ("b", "y")):
            s.create_topic(topic)
            s.publish(topic, {"id": 1, "meta": {"at": topic}}, key="k", attributes={"trace": trace, "n": "1"})
        found = bk.diff(s.scan("a"), s.scan("b"), on=["key", "value.id"])
        assert [row[1:] for row in changes(found)] == [
            ("value.meta.at", '"a"', '"b"'),
            ("attributes.trace", '"x"', '"y"'),
        ]
        assert bk.diff(s.scan("a"), s.scan("b"), ignore=["value.meta.*", "attributes.trace"]).equal


def test_counts_are_complete_beyond_the_limit_and_doubts_are_cleared() -> None:
    a = frame(*({"n": n} for n in range(20)))
    b = frame(*(f'{{"n": {n}.0}}' if n % 2 else {"n": -n - 1} for n in range(20)))
    found = bk.diff(a, b, limit=3)
    assert found.counts == {"same": 10, "changed": 10, "added": 0, "missing": 0, "moved": 0}
    assert len(found) <= 3
    assert "only the first 3 rows" in repr(found)


def test_what_cannot_be_compared_is_refused() -> None:
    a = frame({"id": 1})
    with pytest.raises(bk.ConfigError, match="no row of a has 'value.no'"):
        bk.diff(a, a, on="value.no")
    with pytest.raises(bk.ConfigError, match="b must be a DataFrame, a scan or an Arrow table, not list"):
        bk.diff(a, [1])
    with pytest.raises(bk.ConfigError, match="on must name"):
        bk.diff(a, a, on=[])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def same(a: Any, b: Any) -> bool:
    """Equality of JSON with exact numbers, where truth values are no numbers."""
    if isinstance(a, bool) or isinstance(b, bool) or type(a) is not type(b):
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (a, b))
        return (numbers and Decimal(repr(a)) == Decimal(repr(b))) or (type(a) is type(b) and a == b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(JSON, JSON)
def test_leaves_are_equal_exactly_where_values_are(a: Any, b: Any) -> None:
    for one, two in ((a, b), (a, a), (a, json.loads(json.dumps(a)))):
        parts = [{path: canonical(leaf) for path, leaf in leaves(each, "v")} for each in (one, two)]
        assert (parts[0] == parts[1]) == same(one, two)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_lacks_is_not_the_same_as_null(number: float) -> None:
    def typed(value: float | None) -> pd.DataFrame:
        kind = pa.struct([("x", pa.list_(pa.float64())), ("y", pa.int64())])
        values = pa.array([{"x": [value], "y": None}], kind)
        return pd.DataFrame({"key": ["k"], "value": pd.Series(values, dtype=pd.ArrowDtype(kind))})

    assert bk.diff(typed(number), typed(None), on="key").counts["changed"] == 1
    assert bk.diff(typed(number), typed(number), on="key").counts["same"] == 1
    assert bk.diff(typed(None), typed(None), on="key").counts["same"] == 1
