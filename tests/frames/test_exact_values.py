"""What becomes JSON is the value that was there, or is refused: no digit and no instant moves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames import messages_from_frame

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MONROVIA = ZoneInfo("Africa/Monrovia")
OLD = datetime(1930, 1, 1, tzinfo=AMSTERDAM)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def sent(frame: object, **options) -> list:
    """The objects of all rows; an error for a row that is refused."""
    items = messages_from_frame(frame, kind="rows", **options)
    return [json.loads(item.data) if hasattr(item, "data") else str(item) for item in items]


def values(array: pa.Array) -> list:
    return [row["c"] if isinstance(row, dict) else row for row in sent(pa.table({"c": array}))]


def objects(*values: object) -> list:
    frame = pd.DataFrame({"c": pd.Series([*values], dtype=object)})
    return [row["c"] if isinstance(row, dict) else row for row in sent(frame)]


def nanoseconds_of(text: str) -> int:
    """An ISO 8601 time as nanoseconds since 1970, without a float on the way."""
    whole, _, rest = text.partition(".")
    digits = rest[:9] if rest[:9].isdigit() else rest.partition("+")[0].partition("-")[0]
    zone = rest[len(digits) :] if rest else ""
    moment = datetime.fromisoformat(whole + zone)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + int((digits or "0").ljust(9, "0"))


NANOSECONDS = [1_001, 2, 86_399_999_999_999, None]


@pytest.mark.parametrize(
    ("array", "read"),
    [
        (pa.array(NANOSECONDS, pa.time64("ns")), lambda row: row),
        (pa.array([[n] for n in NANOSECONDS], pa.list_(pa.time64("ns"))), lambda row: row[0]),
        (pa.array([[n] for n in NANOSECONDS], pa.large_list(pa.time64("ns"))), lambda row: row[0]),
        (pa.array([[n] for n in NANOSECONDS], pa.list_(pa.time64("ns"), 1)), lambda row: row[0]),
        (
            pa.array([{"a": n} for n in NANOSECONDS], pa.struct([("a", pa.time64("ns"))])),
            lambda row: row["a"],
        ),
        (
            pa.array([[("k", n)] for n in NANOSECONDS], pa.map_(pa.string(), pa.time64("ns"))),
            lambda row: row["k"],
        ),
        (
            pa.array(
                [[{"a": [n]}] for n in NANOSECONDS], pa.list_(pa.struct([("a", pa.list_(pa.time64("ns")))]))
            ),
            lambda row: row[0]["a"][0],
        ),
        (pa.array(NANOSECONDS, pa.time64("ns")).dictionary_encode(), lambda row: row),
    ],
    ids=["column", "list", "large list", "fixed list", "struct", "map", "nested", "dictionary"],
)
def test_times_of_day_keep_their_nanoseconds(array: pa.Array, read) -> None:
    found = [None if row is None else read(row) for row in values(array)]
    assert found == [
        "00:00:00.000001001",
        "00:00:00.000000002",
        "23:59:59.999999999",
        None,
    ]


def test_times_of_day_in_microseconds_are_written_as_ever() -> None:
    assert values(pa.array([1_000, 3_600 * 10**9], pa.time64("ns"))) == ["00:00:00.000001", "01:00:00"]
    assert values(pa.array([[1_000]], pa.list_(pa.time64("ns")))) == [["00:00:00.000001"]]
    assert objects(time(1, 2, 3, 4), "x") == ["01:02:03.000004", "x"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", "Africa/Monrovia", "+05:45", None])
@settings(deadline=None)  # the first of a run loads the zone
@given(count=st.integers(-(2**63) + 1, 2**63 - 1))
@example(count=-1)
@example(count=-1_262_305_172_000_000_001)
@example(count=1_700_000_000_123_456_789)
def test_an_instant_in_nanoseconds_is_the_same_instant(zone: str | None, count: int) -> None:
    (text,) = values(pa.array([count], pa.timestamp("ns", zone)))
    assert nanoseconds_of(text) == count


@pytest.mark.parametrize("zone", [AMSTERDAM, MONROVIA, timezone(timedelta(minutes=19, seconds=32))])
@pytest.mark.parametrize("year", [1900, 1930, 1971, 2026])
def test_an_instant_in_a_zone_whose_offset_has_seconds_does_not_move(zone, year: int) -> None:
    moment = datetime(year, 1, 1, 12, 30, tzinfo=zone)
    texts = [*objects(moment, [moment], {"a": moment}, pd.Timestamp(moment))]
    if isinstance(zone, ZoneInfo):
        kind = pa.timestamp("us", str(zone))
        texts += values(pa.array([moment], kind)) + values(pa.array([[moment]], pa.list_(kind)))
        texts += values(pa.array([moment], pa.timestamp("s", str(zone))))
    flat = [
        text["a"] if isinstance(text, dict) else text[0] if isinstance(text, list) else text for text in texts
    ]
    for text in flat:
        assert datetime.fromisoformat(text) == moment
        assert datetime.fromisoformat(text).utcoffset().seconds % 60 == 0  # RFC 3339 has no more


def test_an_offset_of_whole_minutes_is_kept() -> None:
    assert objects(datetime(2026, 7, 1, tzinfo=AMSTERDAM), "x") == ["2026-07-01T00:00:00+02:00", "x"]


def test_durations_are_refused_whatever_they_are_made_of() -> None:
    for one in (
        timedelta(1),
        pd.Timedelta(1),
        np.timedelta64(1, "ns"),
        np.timedelta64(1, "us"),
        [np.timedelta64(1)],
    ):
        (error, _) = objects(one, "x")
        assert "has no form in JSON" in error
    with pytest.raises(ConfigError, match="has no form in JSON"):
        values(pa.array([[1]], pa.list_(pa.duration("ns"))))


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array([Decimal("12345678901234567.89"), Decimal("-0.10")]), ["12345678901234567.89", "-0.10"]),
        (pa.array([[Decimal("12345678901234567.89")]]), ["[12345678901234567.89]"]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([[2**64 - 1]], pa.list_(pa.uint64())), ["[18446744073709551615]"]),
        (pa.array([0.1], pa.float32()), ["0.10000000149011612"]),
        (pa.array([[0.1]], pa.list_(pa.float32())), ["[0.10000000149011612]"]),
        (pa.array([5e-324, 0.1 + 0.2, -0.0]), ["5e-324", "0.30000000000000004", "-0.0"]),
        (pa.array([1.0, 0.1], pa.float32()).dictionary_encode(), ["1.0", "0.10000000149011612"]),
    ],
    ids=str,
)
def test_numbers_keep_every_digit(array: pa.Array, texts: list[str]) -> None:
    items = messages_from_frame(pa.table({"c": array}))
    assert [item.data.decode() for item in items] == [f'{{"c":{text}}}' for text in texts]


def test_large_integers_sparse_columns_and_categories_are_what_they_were() -> None:
    assert objects(10**30, -(2**63) - 1) == [10**30, -(2**63) - 1]
    frame = pd.DataFrame(
        {
            "sparse": pd.arrays.SparseArray([0, 0, 2**62 + 1]),
            "category": pd.Categorical([2**62 + 1, 1, None]),
            "time": pd.Categorical(pd.to_datetime(["2020-01-01T00:00:00.123456789"] * 3)),
        }
    )
    assert sent(frame)[2] == {"sparse": 2**62 + 1, "category": None, "time": "2020-01-01T00:00:00.123456789"}
    assert sent(frame)[0]["category"] == 2**62 + 1


GROUPED = pd.DataFrame({"k": ["x", "y"], "l": [1, 2], "a": [1, 2]})


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        (GROUPED.groupby("k")[["a"]].sum(), "'k'"),
        (GROUPED.groupby(["k", "l"]).sum(), "'k', 'l'"),
        (GROUPED.set_index("l"), "'l'"),
        (GROUPED.set_axis(["r", "s"]), "'index'"),
        (GROUPED.set_axis(pd.date_range("2026", periods=2)), "'index'"),
        (pd.concat({"one": GROUPED}), "'index', 'index'"),
    ],
)
def test_an_index_that_would_be_lost_is_refused(frame: pd.DataFrame, names: str) -> None:
    with pytest.raises(ConfigError, match=f"the index {names} would be lost: df.reset_index"):
        messages_from_frame(frame)
    assert len(sent(frame, columns=["a"])) == 2
    assert len(sent(frame.reset_index(drop=True))) == 2


def test_an_index_of_row_numbers_is_none_and_one_that_is_the_key_is_told() -> None:
    assert sent(GROUPED[GROUPED["a"] > 1]) == [{"k": "y", "l": 2, "a": 2}]
    assert sent(GROUPED.sort_values("a", ascending=False))[0]["a"] == 2
    with pytest.raises(ConfigError, match="'k' is in the index"):
        messages_from_frame(GROUPED.set_index("k"), key="k")
    messages = pd.DataFrame({"key": ["a"], "value": ["b"]}).set_index("key")
    with pytest.raises(ConfigError, match="'key' is in the index"):
        messages_from_frame(messages, kind="messages")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])), "is tuple"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "must be unique"),
        (pd.DataFrame([[1, 2]]), "is int"),
    ],
)
def test_columns_whose_names_json_cannot_hold_are_refused(frame: pd.DataFrame, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        messages_from_frame(frame)


def test_a_value_that_a_json_object_would_lose_fails_its_row() -> None:
    doubled = pa.array([[("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64()))
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert values(doubled)[0].startswith("row 0, column 'c'")
    for array in (twice, pa.array([[(1, 1)]], pa.map_(pa.int64(), pa.int64()))):
        with pytest.raises(ConfigError, match="the column 'c'"):
            values(array)
