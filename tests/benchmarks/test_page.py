"""The page of the benchmarks says what was kept and what was not, and nothing runs on a cluster unasked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from . import __main__ as program
from .page import page
from .results import Comparison, Fact, Goal, Missing
from .ways import FreshWay, Way, compared


def slow() -> int:
    time.sleep(0.2)  # how long it takes is what is compared, also on a busy machine
    return 200


def quick() -> int:
    return 200


@pytest.mark.extended
def test_goals_are_kept_or_not_or_not_measured() -> None:
    broken = FreshWay("broken", command=("tests.benchmarks.no_such_module",))
    goals = [
        Goal("much faster", "quick", "slow", speed=2.0),
        Goal("impossible", "slow", "quick", speed=2.0),
        Goal("of what is broken", "broken", "slow", speed=1.0),
    ]
    found = compared("something", [Way("slow", slow), Way("quick", quick), broken], 200, 3, goals)
    assert [each.kept for each in found.verdicts()] == [True, False, None]
    assert "no_such_module" in found.failed[0]
    written = page(
        [found, Fact("a number", 2.0, "ms", 1.0), Missing("a library", "it is | away")], {"date": "today"}
    )
    assert "1 kept, 2 not kept, 2 not measured" in written
    assert "it is \\| away" in written
    assert "no_such_module" in written


@pytest.mark.extended
def test_a_way_that_reads_other_rows_is_named() -> None:
    found = compared("something", [Way("slow", slow), Way("short", lambda: 199)], 200, 1)
    assert isinstance(found, Comparison)
    assert [each.name for each in found.results] == ["slow"]
    assert found.failed == ("short: 199 rows instead of 200",)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["nothing"], "no such part"),
        (["--rows", "5k"], "10k to 10M"),
        (["--rounds", "0"], "one turn"),
        (["--against", "nats://host"], "kafka://"),
        (["--against", "kafka://host"], "--page"),
        (["nats", "--against", "kafka://host", "--page", "x.md"], "with --against only"),
    ],
)
def test_what_cannot_be_run_is_said(
    given: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        program.arguments(given)
    assert problem in capsys.readouterr().err


def test_a_cluster_of_ones_own_is_used_after_a_question_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "n")
    monkeypatch.setattr(program, "run", lambda told: pytest.fail("it ran"))
    target = tmp_path / "page.md"
    assert program.main(["kafka", "--against", "kafka://u:secret@host", "--page", str(target)]) == 1
    assert "'brokerkit-benchmark-'" in capsys.readouterr().out
    monkeypatch.setattr(program, "run", lambda told: iter([Missing("kafka", "not there")]))
    assert program.main(["kafka", "--against", "kafka://u:secret@host", "--yes", "--page", str(target)]) == 1
    assert "secret" not in target.read_text("utf-8")
    assert "kafka://..." in target.read_text("utf-8")
