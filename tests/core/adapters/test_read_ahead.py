from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator

import pytest

from brokerkit.core.adapters import read_ahead
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.testing import eventually

from .sources import SOON, within

pytestmark = pytest.mark.timeout(120)


class Counting:
    """Counts up for ever; knows how far it got and whether its generator was ended."""

    def __init__(self, fail_at: int = -1) -> None:
        self.made = 0
        self.ended = False
        self.fail_at = fail_at

    def __iter__(self) -> Iterator[int]:
        try:
            while self.made != self.fail_at:
                self.made += 1
                yield self.made
            raise ValueError("unreadable")
        finally:
            self.ended = True


def test_all_items_come_in_order_and_it_ends() -> None:
    with read_ahead(range(1000), depth=3) as items:
        assert list(items) == list(range(1000))
        assert list(items) == []


def test_the_next_item_is_made_while_the_first_is_used_and_none_beyond_the_depth() -> None:
    source = Counting()
    with read_ahead(source, depth=2) as items:
        assert next(items) == 1
        eventually(lambda: source.made == 3, "it reads ahead")
        time.sleep(0.05)  # time in which one that does not wait would run away
        assert source.made == 3
    assert source.ended


def test_an_error_is_raised_after_the_items_before_it() -> None:
    items = read_ahead(Counting(fail_at=3), depth=10)
    assert [next(items), next(items), next(items)] == [1, 2, 3]
    with pytest.raises(ValueError, match="unreadable"):
        next(items)
    assert list(items) == []


def test_closing_ends_the_generator_and_the_iteration() -> None:
    source = Counting()
    items = read_ahead(source)
    next(items)
    items.close()
    assert source.ended
    assert list(items) == []
    items.close()


def test_one_that_is_collected_stops_its_thread() -> None:
    source = Counting()
    items = read_ahead(source)
    next(items)
    del items
    gc.collect()
    eventually(lambda: source.ended, "the source ends")


def test_one_that_is_never_used_starts_nothing() -> None:
    before = threading.active_count()
    items = read_ahead(Counting())
    assert threading.active_count() == before
    items.close()


def test_leaving_the_block_by_an_error_is_prompt() -> None:
    with within(SOON), pytest.raises(KeyError), read_ahead(Counting()):
        raise KeyError("mine")


def test_a_depth_below_one_is_refused() -> None:
    with pytest.raises(ConfigError):
        read_ahead([], depth=0)
