"""Calls of client libraries that may hang, and what is opened in the background."""

from __future__ import annotations

import threading

import pytest

from brokerkit.core.contract.background import (
    abandon,
    call_with_timeout,
    close_with_timeout,
    ended,
    submit,
)
from brokerkit.testing import eventually


def test_a_call_that_hangs_ends_at_the_timeout_and_continues() -> None:
    go_on, done = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(10)
        done.set()

    with pytest.raises(TimeoutError):
        call_with_timeout(work, 0.05, "work")
    assert not close_with_timeout(work, 0.05, "close")
    go_on.set()
    assert done.wait(60)


def test_a_call_that_ends_returns_its_result_or_raises_its_error() -> None:
    assert call_with_timeout(lambda: 5, 5, "work") == 5
    assert close_with_timeout(lambda: None, 5, "close")
    for call in (call_with_timeout, close_with_timeout):
        with pytest.raises(ZeroDivisionError):
            call(lambda: 1 // 0, 5, "work")

    def late() -> None:
        raise TimeoutError("of the library")

    with pytest.raises(TimeoutError, match="library"):
        close_with_timeout(late, 5, "close")


@pytest.mark.parametrize("late", [True, False])
def test_a_driver_that_was_given_up_is_closed_when_it_is_open(late: bool) -> None:
    go_on = threading.Event()
    closed: list[str] = []
    opening = submit(lambda: "it" if go_on.wait(10) else "", "it")
    assert not ended(opening, 0.05)
    if late:
        abandon(opening, closed.append)
        assert closed == []
    go_on.set()
    assert ended(opening, 5)
    if not late:
        abandon(opening, closed.append)
    eventually(lambda: closed == ["it"], "it is closed", within=60)


def test_an_opening_that_failed_says_why_and_closes_nothing() -> None:
    closed: list[int] = []
    opening = submit(lambda: 1 // 0, "it")
    assert ended(opening, 5)
    abandon(opening, closed.append)
    with pytest.raises(ZeroDivisionError):
        opening.result()
    assert closed == []
