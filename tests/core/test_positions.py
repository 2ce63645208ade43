"""What users may write as a position, and what it means."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest

from brokerkit.core import Bounds, ConfigError, NotFound, NotSupported
from brokerkit.core.vocabulary.messages import to_microseconds
from brokerkit.core.vocabulary.positions import AtOffset, AtTime, Earliest, Latest, parse, parse_all, resolve

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOON = AtTime(to_microseconds(NOW))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("earliest", Earliest()),
        (" Latest ", Latest()),
        ("now", Latest()),
        (0, AtOffset(0)),
        (-5, AtOffset(-5)),
        (pd.Series([7]).max(), AtOffset(7)),
        (NOW, NOON),
        (NOW.replace(tzinfo=None), NOON),
        (pd.Timestamp(NOW), NOON),
        ("2026-01-31T12:00", NOON),
        ("2026-01-31T12:00Z", NOON),
        ("2026-01-31T14:00+02:00", NOON),
        (datetime(2026, 1, 31, 14, tzinfo=timezone(timedelta(hours=2))), NOON),
        (date(2026, 1, 31), AtTime(NOON.microseconds - 12 * 3600 * 10**6)),
        ("2026-01-31", AtTime(NOON.microseconds - 12 * 3600 * 10**6)),
        ("-15min", AtTime(NOON.microseconds - 15 * 60 * 10**6)),
        ("-1.5h", AtTime(NOON.microseconds - 90 * 60 * 10**6)),
        ("+2d", AtTime(NOON.microseconds + 2 * 86_400 * 10**6)),
        ("-250ms", AtTime(NOON.microseconds - 250_000)),
        (NOON, NOON),
    ],
)
def test_every_way_to_write_a_position(written: Any, meant: object) -> None:
    assert parse(written, now=NOW) == meant


@pytest.mark.parametrize(
    "wrong",
    [True, False, pd.Series([True]).max(), None, 1.5, "tomorrow", "", "-15", "-5 parsecs", pd.NaT, pd.NA,
     b"1", "-99999999999w", "-" + "9" * 400 + "s", "2026-13-01", []],
)  # fmt: skip
def test_anything_else_is_refused_with_what_was_expected(wrong: Any) -> None:
    with pytest.raises(ConfigError, match='expected "earliest"'):
        parse(wrong, now=NOW)


@pytest.mark.parametrize("wrong", [{"a": 1}, {True: 1}, {1.5: 1}, {0: None}, {0: "never"}])
def test_positions_by_partition_are_checked_too(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        parse_all(wrong)


def test_a_time_is_shown_as_an_instant_and_never_fails_to_be() -> None:
    assert str(NOON) == "2026-01-31T12:00:00Z"
    assert "µs" in str(AtTime(2**62))


BOUNDS = [Bounds(0, 10, 20), Bounds(1, 0, 0)]


def resolved(position: Any, otherwise: Any = Latest()) -> dict[int | None, int]:  # noqa: B008  # frozen
    return resolve(parse_all(position, now=NOW), BOUNDS, lambda moment: {0: 15}, otherwise=otherwise)


def test_positions_are_offsets_within_each_partition() -> None:
    assert resolved("earliest") == {0: 10, 1: 0}
    assert resolved("latest") == {0: 20, 1: 0}
    assert resolved(5) == {0: 10, 1: 0}
    assert resolved(99) == {0: 20, 1: 0}
    assert resolved(-3) == {0: 17, 1: 0}
    assert resolved(NOW) == {0: 15, 1: 0}
    assert resolved({0: 12}) == {0: 12, 1: 0}


def test_a_partition_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFound, match="no partition 7: the topic has 0, 1"):
        resolved({7: 0})
    with pytest.raises(NotFound, match="no partitions"):
        resolve({0: Earliest()}, [Bounds(None, 0, 5)], lambda moment: {}, otherwise=Latest())


def test_an_id_is_a_position_where_the_system_says_so():
    bounds = [Bounds(None, 0, 20)]
    wanted = parse_all("12:3:-1:-1")
    assert resolve(wanted, bounds, lambda moment: {}, lambda name: (None, 7), otherwise=Latest()) == {None: 7}
    with pytest.raises(NotSupported):
        resolve(wanted, bounds, lambda moment: {}, otherwise=Latest())
    with pytest.raises(ConfigError, match="partition 2"):
        resolve(wanted, bounds, lambda moment: {}, lambda name: (2, 7), otherwise=Latest())


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("today", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 2, 28, tzinfo=UTC)),
        ("yesterday 13:05", datetime(2026, 2, 28, 13, 5, tzinfo=UTC)),
        ("today 9:00:30", datetime(2026, 3, 1, 9, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_day_is_named_by_its_distance(written: str, moment: datetime) -> None:
    # in another zone it is the day before already
    now = datetime(2026, 3, 1, 1, 30, tzinfo=UTC).astimezone(timezone(timedelta(hours=-5)))
    assert parse(written, now=now) == AtTime(to_microseconds(moment))


@pytest.mark.parametrize(
    "wrong",
    [
        "yesterday 24:00",
        "today 9",
        "todayish",
        "yesterday 13:61",
        "today ttt 9:00",
        "today t 9:00",
        "todaytt9:00",
        "today \u0669:\u0660\u0660",
        "-\u0661\u0665min",
    ],
)
def test_a_time_that_no_day_has_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        parse(wrong)
