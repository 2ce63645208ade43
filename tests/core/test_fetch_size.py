"""What is asked of a client library at once has a bound in bytes."""

from __future__ import annotations

import pytest

from brokerkit.core.contract.fetch_size import FETCH_BYTES, UNKNOWN, FetchSize
from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.columns import Columns


def of_size(size: int, rows: int = 10) -> Columns:
    return Columns(rows, "t", key=[b"k"] * rows, value=[bytes(size - 1)] * rows)


def test_few_messages_are_asked_for_while_their_size_is_not_known() -> None:
    assert FetchSize().of(1_000_000) == UNKNOWN
    assert FetchSize().of(3) == 3


@pytest.mark.parametrize("size", [1, 200, 900_000, FETCH_BYTES, 5 * FETCH_BYTES])
def test_the_messages_of_one_fetch_have_a_bound_in_bytes_together(size: int) -> None:
    fetch_size = FetchSize()
    fetch_size.learn(of_size(size, rows=2))
    assert fetch_size.of(10**9) == max(1, FETCH_BYTES // size)


def test_keys_attributes_and_null_payloads_count() -> None:
    fetch_size = FetchSize()
    rows = Columns(
        2, "t", key=[b"12345", None], value=[None, None], attributes=[Attributes({"a": "123"}), None]
    )
    fetch_size.learn(rows)
    assert fetch_size.of(10**9) in range(FETCH_BYTES // 10, FETCH_BYTES // 4)


def test_one_small_message_among_large_ones_does_not_lead_to_a_large_fetch() -> None:
    fetch_size = FetchSize()
    fetch_size.learn(of_size(900_000))
    fetch_size.learn(of_size(100, rows=1))
    assert fetch_size.of(10**9) <= 2 * FETCH_BYTES // 900_000
    for _ in range(30):
        fetch_size.learn(of_size(100))
    assert fetch_size.of(10**9) > FETCH_BYTES // 200


def test_an_empty_fetch_says_nothing_about_sizes() -> None:
    fetch_size = FetchSize()
    fetch_size.learn(Columns.empty())
    assert fetch_size.of(10**9) == UNKNOWN
