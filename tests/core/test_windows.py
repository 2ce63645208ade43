"""What a range of time covers where the times of messages are not sorted."""

from __future__ import annotations

from bisect import bisect_left
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.lazy_columns import Milliseconds
from brokerkit.core.vocabulary.positions import AtTime, Earliest, Latest
from brokerkit.core.vocabulary.topics import Bounds
from brokerkit.core.vocabulary.windows import Stretch, TimeOrder, inside, parse_lateness, span_text, stretches

LATENESS = 50


def found(times: list[int], start: int, end: int, order: TimeOrder, lateness: int | None) -> list[int]:
    """The times of a range, read as a browser does, from a broker that finds moments as `order` says."""

    def at_time(moment: int) -> dict[int | None, int]:
        assert order != "none"
        if order == "first":
            place = next((row for row, time in enumerate(times) if time >= moment), len(times))
        else:
            # halving what is not sorted, and from there on to the next that is late enough
            place = bisect_left(times, moment)
            place = next((row for row in range(place, len(times)) if times[row] >= moment), len(times))
        return {} if place == len(times) else {0: place}

    (stretch,) = stretches(
        AtTime(start), AtTime(end), [Bounds(0, 0, len(times))], at_time, None, order=order, lateness=lateness
    )
    read = Columns(len(times), topic="t", publish_time=times).slice(
        stretch.start, max(stretch.start, stretch.end)
    )
    return list(inside(read, stretch.since, stretch.until).values("publish_time"))


@settings(deadline=None)
@given(
    st.lists(st.integers(-LATENESS // 2, LATENESS // 2), max_size=60),
    st.integers(-100, 700),
    st.integers(0, 400),
    st.sampled_from(["first", "near"]),
)
def test_a_window_is_exact_where_no_message_is_later_than_lateness(
    jitter: list[int], start: int, length: int, order: TimeOrder
) -> None:
    times = [10 * row + late for row, late in enumerate(jitter)]
    expected = [time for time in times if start <= time < start + length]
    assert found(times, start, start + length, order, LATENESS) == expected
    assert found(times, start, start + length, order, None) == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), max_size=40), st.integers(-10, 310), st.integers(0, 300))
def test_nothing_outside_a_window_is_shown_however_late(times: list[int], start: int, length: int) -> None:
    for order in ("first", "near"):
        assert all(start <= time < start + length for time in found(times, start, start + length, order, 0))


@settings(deadline=None)
@given(st.lists(st.integers(-900, 900), max_size=40), st.integers(-1000, 1000), st.integers(0, 400))
def test_a_window_is_exact_where_times_have_no_order_at_all(
    times: list[int], start: int, length: int
) -> None:
    expected = [time for time in times if start <= time < start + length]
    assert found(times, start, start + length, "none", 0) == expected


def test_times_that_the_broker_stamped_are_neither_filtered_nor_looked_further() -> None:
    bounds = Bounds(0, 0, 10)
    (stretch,) = stretches(
        AtTime(20), AtTime(50), [bounds], lambda moment: {0: moment // 10}, None, order="sorted", lateness=10
    )
    assert stretch == Stretch(bounds, 2, 5)


def test_whether_rows_may_lie_outside_a_window_is_known() -> None:
    def cut(start: object, end: object, order: TimeOrder, lateness: int | None) -> bool:
        (stretch,) = stretches(
            start,  # type: ignore[arg-type]  # all kinds
            end,  # type: ignore[arg-type]  # all kinds
            [Bounds(0, 0, 10)],
            lambda moment: {0: moment // 10} if moment < 100 else {},
            None,
            order=order,
            lateness=lateness,
        )
        return stretch.cut

    assert cut(Earliest(), AtTime(50), "first", 20)
    assert not cut(Earliest(), AtTime(50), "first", 60)
    assert not cut(Earliest(), AtTime(50), "first", None)
    assert not cut(AtTime(50), Latest(), "first", 0)
    assert cut(AtTime(50), Latest(), "near", 20)
    assert not cut(AtTime(50), Latest(), "near", 50)


@pytest.mark.parametrize("times", [[1000, 2000, 3000], [3000, 1000, 2000], [1000, None, 2000, -1000]])
def test_rows_are_kept_by_their_times_and_one_without_a_time_has_none(times: list[int | None]) -> None:
    columns = Columns(len(times), topic="t", offset=list(range(len(times))), publish_time=times)
    millis = Milliseconds([-1 if time is None else time // 1000 for time in times], -1)
    for column in (times, millis):
        columns.publish_time = column
        rows = list(zip(columns.values("offset"), columns.values("publish_time"), strict=True))
        for since, until in ((1000, 2000), (1001, None), (None, 3000), (0, 9000), (-5000, 1)):
            expected = [
                offset
                for offset, time in rows
                if time is not None and (since is None or time >= since) and (until is None or time < until)
            ]
            assert inside(columns, since, until).to_list("offset") == expected
    assert inside(columns, None, None) is columns


def test_lateness_is_a_span_of_time() -> None:
    spans = ["1h", "90 min", 60, 0.5, timedelta(days=2), None, float("inf"), "999999999999999999d"]
    read = [parse_lateness(each) for each in spans]
    assert read == [3_600_000_000, 5_400_000_000, 60_000_000, 500_000, 172_800_000_000, None, None, None]
    assert [span_text(each) for each in read[:5] if each is not None] == [
        "1 h",
        "90 min",
        "1 min",
        "0.5 s",
        "2 d",
    ]
    for wrong in ("later", "-1h", -1, float("nan"), True, [1]):
        with pytest.raises(ConfigError, match="lateness must be"):
            parse_lateness(wrong)
