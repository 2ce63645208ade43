"""Ctrl-C while something is published: no outcome says more than what is known."""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any

import pandas as pd
import pytest

from brokerkit.core.runtime.sending import Sending
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.outcomes import Outcomes
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.session.interrupted import Interrupted
from brokerkit.session.publish.frame_outcomes import FrameOutcomes
from brokerkit.workbench import Session

LONG = "x" * 200


@pytest.fixture
def t(s: Session) -> Session:
    """A session with an empty topic `t` that takes at most 100 bytes."""
    s.create_topic("t")
    publisher = s.shared_publisher()
    publisher.capabilities = publisher.capabilities.but(max_message_bytes=100)
    return s


def interrupt_the_wait(monkeypatch: pytest.MonkeyPatch, *, arrives: bool) -> None:
    """Press Ctrl-C while the next call waits; the outcomes arrive soon after it, or not."""
    whole = Sending.wait
    pressed: list[float] = []

    def wait(self: Sending, timeout: float) -> Any:
        known = whole(self, timeout)
        pressed.append(timeout)
        if len(pressed) == 1:
            raise KeyboardInterrupt
        if not arrives:
            raise TimeoutError
        return known

    monkeypatch.setattr(Sending, "wait", wait)


def columnar(session: Session) -> None:
    """Let the driver return its outcomes as columns, as those of several systems do."""
    driver = session.shared_publisher()._driver
    send = driver.send

    def as_columns(batch: Any, timeout: float) -> Outcomes:
        results = send(batch, timeout)
        others = {row: each for row, each in enumerate(results) if not each.ok}
        return Outcomes([each.id for each in results], others)

    driver.send = as_columns  # type: ignore[method-assign]  # the same outcomes in another form


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("at", [0, 2, 3])
def test_a_refused_row_does_not_shift_the_outcomes_of_the_others(
    t: Session, monkeypatch: pytest.MonkeyPatch, columns: bool, at: int
) -> None:
    if columns:
        columnar(t)
    values = ["a", "b", "c"]
    values.insert(at, LONG)
    interrupt_the_wait(monkeypatch, arrives=True)
    with pytest.raises(KeyboardInterrupt):
        t.publish_frame("t", pd.DataFrame({"value": values}), kind="messages", progress=False)
    outcome = t.last_interrupted.frame
    assert outcome["status"].tolist() == ["failed" if row == at else "confirmed" for row in range(4)]
    assert pd.isna(outcome["id"][at])
    ids = dict(zip(outcome["id"].drop(at), ["a", "b", "c"], strict=True))
    assert ids == dict(zip(*(t.peek("t")[name] for name in ("id", "value")), strict=True))


def test_a_refused_message_has_its_own_outcome_in_a_batch(
    t: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_the_wait(monkeypatch, arrives=True)
    with pytest.raises(KeyboardInterrupt):
        t.publish_batch("t", ["a", LONG, "b"])
    assert t.last_interrupted.frame["status"].tolist() == ["confirmed", "failed", "confirmed"]


def test_a_refused_row_stays_failed_when_the_others_are_unknown(
    t: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_the_wait(monkeypatch, arrives=False)
    with pytest.raises(KeyboardInterrupt):
        t.publish_frame("t", pd.DataFrame({"value": ["a", LONG]}), kind="messages", progress=False)
    assert t.last_interrupted.frame["status"].tolist() == ["unknown", "failed"]


@pytest.mark.parametrize("single", [True, False])
def test_an_interrupt_inside_a_transaction_says_that_nothing_is_published(
    t: Session, monkeypatch: pytest.MonkeyPatch, single: bool
) -> None:
    interrupt_the_wait(monkeypatch, arrives=True)
    with (
        pytest.raises(KeyboardInterrupt, match="nothing of it was published") as caught,
        t.transaction() as tx,
    ):
        tx.publish("t", "a") if single else tx.publish_batch("t", ["a", "b"])
    assert isinstance(caught.value, Interrupted)
    assert caught.value.frame is None
    assert list(t.peek("t")["value"]) == []


def interrupted_at(code: CodeType, line: int) -> Any:
    """Return a trace function that presses Ctrl-C before the given line run of a function."""
    seen = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal seen
        if frame.f_code is not code:
            return None
        if event == "line":
            seen += 1
            if seen == line:
                raise KeyboardInterrupt
        return trace

    return trace


def test_an_interrupt_while_outcomes_are_kept_leaves_no_wrong_one() -> None:
    results = Outcomes(["0-0", None, "0-2"], {1: PublishResult("failed", error=BrokerError("too large"))})
    whole = 0
    for line in range(1, 40):
        outcomes = FrameOutcomes(3)
        before = sys.gettrace()
        sys.settrace(interrupted_at(FrameOutcomes.add.__code__, line))
        try:
            outcomes.add([0, 1, 2], results)
            whole += 1
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        for row in range(3):
            if outcomes.knows(row):
                assert list(outcomes.frame()["status"])[row] == results[row].status, line
    assert 0 < whole < 39


def test_outcomes_of_other_rows_are_not_taken_in() -> None:
    with pytest.raises(ValueError, match="3 outcomes were given for 4 rows"):
        FrameOutcomes(4).add([0, 1, 2, 3], Outcomes(["a", "b", "c"]))
