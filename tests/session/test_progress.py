"""Progress bars: when one is made, and what it shows."""

from __future__ import annotations

import sys
from subprocess import run

import pytest

from brokerkit.display import progress


def test_work_that_ends_soon_makes_no_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SHOW_AFTER_SECONDS", 3600.0)
    with progress.bar("peek orders", 10) as shown:
        shown.update(10)
    assert not capsys.readouterr().err


def test_a_bar_shows_what_was_done_before_it_appeared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SHOW_AFTER_SECONDS", 3600.0)
    with progress.bar("lag of me", 40, "sample") as shown:
        shown.update(10)
        shown.set_postfix_str("lag 7", refresh=False)
        monkeypatch.setattr(progress, "SHOW_AFTER_SECONDS", 0.0)
        shown.update(10)
        written = capsys.readouterr().err
        assert all(each in written for each in ("lag of me", "20.0/40.0", "lag 7"))
        shown.update(20)


def test_a_bar_that_is_not_wanted_tells_its_progress_and_shows_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SHOW_AFTER_SECONDS", 0.0)
    told: list[int] = []
    with progress.counted_by(told.append):
        shown = progress.bar("peek orders", 10, show=False)
    shown.update(4)
    shown.close()
    assert told == [4]
    assert not capsys.readouterr().err


@pytest.mark.extended
def test_a_short_read_imports_no_progress_bar() -> None:
    code = """
import sys, brokerkit as bk
s = bk.connect("inmem://")
s.create_topic("t")
s.publish("t", {"a": 1})
assert len(s.peek("t")) == len(s.scan("t").to_pandas()) == 1
assert "tqdm" not in sys.modules
"""
    run([sys.executable, "-c", code], check=True, timeout=300)
