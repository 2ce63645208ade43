"""Small parts of a read are decoded together, and nothing waits for long or is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.session.read import gathering
from brokerkit.session.read.gathering import gathered


def part(first: int, count: int, size: int = 1) -> Columns:
    rows = range(first, first + count)
    return Columns(count, topic="t", offset=list(rows), value=[b"x" * size for _ in rows])


def offsets(parts: list[Columns]) -> list[list[int]]:
    return [each.to_list("offset") for each in parts]


def test_small_parts_come_together_and_in_order() -> None:
    found = list(gathered([part(n * 100, 100) for n in range(400)], lambda: None))
    assert [each.length for each in found] == [16_000, 16_000, 8_000]
    assert [row for rows in offsets(found) for row in rows] == list(range(40_000))


def test_a_large_part_stays_as_it_is() -> None:
    large = part(0, 5_000)
    assert next(gathered([large, part(5_000, 1)], lambda: None)) is large


def test_no_more_wait_than_are_wanted() -> None:
    assert next(gathered([part(n * 10, 10) for n in range(9)], lambda: 25)).length == 30


def test_large_messages_do_not_wait_for_others() -> None:
    parts = [part(n, 1, 9_000_000) for n in range(4)]
    assert [each.length for each in gathered(parts, lambda: None)] == [2, 2]


def test_messages_of_a_slow_broker_do_not_wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(gathering.time, "monotonic", lambda: now[0])

    def slowly() -> Iterator[Columns]:
        for number in range(6):
            now[0] += 0.1
            yield part(number, 1)

    assert max(each.length for each in gathered(slowly(), lambda: None)) <= 4
    assert time.monotonic() == now[0]


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
def test_what_was_read_before_an_error_is_not_lost(error: type[BaseException]) -> None:
    def broken() -> Iterator[Columns]:
        yield part(0, 5)
        yield part(5, 5)
        raise error

    found = []
    with pytest.raises(error):
        for each in gathered(broken(), lambda: None):
            found.append(each)
    assert offsets(found) == [list(range(10))]
