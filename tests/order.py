"""What came of each key of a backlog of numbers, and whether it came in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import count

from brokerkit.core import OutboundMessage

WITHIN = 90.0


def numbers(messages: int, keys: int) -> list[OutboundMessage]:
    """Numbers, spread over keys."""
    return [OutboundMessage(str(number), f"k{number % keys}") for number in range(messages)]


class Order:
    """What came of each key. done: whether all of it came. breaks: key, number before, number."""

    def __init__(self, messages: int, keys: int) -> None:
        self._left = messages
        self._keys = keys
        self._last: dict[int, int] = {}
        self.breaks: list[tuple[int, int | None, int]] = []

    def take(self, values: Iterable[str]) -> None:
        """Messages that are acknowledged, or will be."""
        for number in map(int, values):
            key = number % self._keys
            last = self._last.get(key)
            if number != (key if last is None else last + self._keys):
                self.breaks.append((key, last, number))
            self._last[key] = number
            self._left -= 1

    @property
    def done(self) -> bool:
        return self._left <= 0


def until_done(order: Order, step: Callable[[int], object]) -> None:
    """Take step after step until all of it came. Fails where a key was out of order."""
    deadline = time.monotonic() + WITHIN
    for number in count():
        if order.done:
            break
        assert time.monotonic() < deadline, f"not all of it came; out of order: {order.breaks[:5]}"
        step(number)
    assert order.breaks == []
