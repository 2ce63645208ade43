"""Numbers beyond 64 bits: refused with a sentence wherever a number may be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.arguments import check_seconds
from brokerkit.workbench import Session

BEYOND = [2**63, -(2**63) - 1, 10**30, 10**5_000]
USES: dict[str, Callable[[Session, int], Any]] = {
    "peek(limit)": lambda s, n: s.peek("orders", n),
    "peek(start=)": lambda s, n: s.peek("orders", start=n),
    "peek(end=)": lambda s, n: s.peek("orders", end=n),
    "peek(start={partition: n})": lambda s, n: s.peek("orders", start={0: n}),
    "peek(start={n: position})": lambda s, n: s.peek("orders", start={n: 0}),
    "peek(partitions=)": lambda s, n: s.peek("orders", partitions=[n]),
    "scan(start=)": lambda s, n: s.scan("orders", start=n),
    "scan(limit=)": lambda s, n: s.scan("orders", limit=n),
    "scan(slice_rows=)": lambda s, n: s.scan("orders", slice_rows=n),
    "pull(n)": lambda s, n: s.pull("orders", n, subscription="me"),
    "pull(start=)": lambda s, n: s.pull("orders", 1, subscription="me", start=n),
    "batches(size=)": lambda s, n: s.batches("orders", subscription="me", size=n),
    "tail(rows=)": lambda s, n: s.tail("orders", rows=n),
    "tail(start=)": lambda s, n: s.tail("orders", start=n),
    "browse(limit=)": lambda s, n: s.browse("orders", limit=n),
    "browse(start=)": lambda s, n: s.browse("orders", start={0: n}),
    "create_topic(partitions=)": lambda s, n: s.create_topic("more", partitions=n),
    "create_subscription(start=)": lambda s, n: s.create_subscription("orders", "me", start=n),
    "publish(partition=)": lambda s, n: s.publish("orders", "x", partition=n),
    "copy(start=)": lambda s, n: s.copy("orders", s, "orders", start=n),
    "reread": lambda s, n: s.reread(s.peek("orders", 1).assign(offset=[n])),
}  # fmt: skip


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("number", BEYOND, ids=["2^63", "below -2^63", "10^30", "5,000 digits"])
def test_a_number_beyond_64_bits_is_refused_in_words(orders: Session, use: Any, number: int) -> None:
    with pytest.raises(bk.ConfigError) as caught:
        use(orders, number)
    assert len(str(caught.value)) < 400


def test_the_largest_numbers_of_64_bits_are_positions_like_others(orders: Session) -> None:
    assert len(orders.peek("orders", 2**63 - 1)) == 20
    assert len(orders.peek("orders", start=2**63 - 1)) == 0
    assert len(orders.peek("orders", start=-(2**63) + 1)) == 20
    assert len(orders.scan("orders", slice_rows=2**63 - 1, limit=2**63 - 1).to_pandas()) == 20


def test_a_time_to_wait_may_be_as_long_as_you_like(orders: Session) -> None:
    orders.publish("orders", "x", timeout=10**5_000)
    assert check_seconds(2**70, "timeout") == check_seconds(1e9, "timeout")
    assert check_seconds(float("inf"), "timeout") == float("inf")
