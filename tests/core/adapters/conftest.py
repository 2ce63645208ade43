"""No test of an adapter may leave a thread behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from .sources import MADE, Settling


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 30.0
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.005)
    for message in MADE:
        message.delivery = Settling()
        message.delivery.outcome = "the test is over"
    MADE.clear()
    assert not left, f"threads left behind: {left}"
