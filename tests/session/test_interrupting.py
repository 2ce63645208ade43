"""A real SIGINT, as the notebook's stop button sends it: within a second, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scenes() -> dict[str, dict[str, Any]]:
    """What each scene of `interrupted_child` reported, by its name."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.session.interrupted_child"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    found = [json.loads(line) for line in child.stdout.splitlines() if line.startswith("{")]
    assert child.returncode == 0, child.stderr
    return {each["scene"]: each for each in found}


@pytest.mark.extended
def test_every_interrupt_takes_effect_within_a_second(scenes: dict[str, dict[str, Any]]) -> None:
    assert {name: scene["seconds"] for name, scene in scenes.items() if not 0 <= scene["seconds"] < 1} == {}


def test_peek_keeps_what_it_read(scenes: dict[str, dict[str, Any]]) -> None:
    scene = scenes["peek"]
    assert scene["rows"] >= 2_500
    assert "session.last_interrupted.frame" in scene["text"]
    assert (scene["stopped"], scene["usable"]) == ("interrupted", True)


def test_scan_keeps_what_it_read_and_the_rest_can_be_read_on(scenes: dict[str, dict[str, Any]]) -> None:
    scene = scenes["scan"]
    assert 0 < scene["rows"] < 5_000
    assert scene["complete"]
    assert "session.last_interrupted.rest.to_pandas() reads on" in scene["text"]
    assert scene["stopped"] == "interrupted"


def test_the_rest_of_a_limited_scan_has_what_the_limit_leaves(scenes: dict[str, dict[str, Any]]) -> None:
    assert scenes["scan_with_limit"]["rows"] < 4_000
    assert scenes["scan_with_limit"]["together"] == 4_000


def test_an_interrupted_export_continues_with_its_own_end(scenes: dict[str, dict[str, Any]]) -> None:
    scene = scenes["export"]
    assert scene["interrupted"]
    assert "Call to_parquet on the same folder again to go on" in scene["text"]
    # whole files and the plan, nothing half-written
    assert set(scene["left"]) == {".json", ".parquet"}
    assert scene["resumed"] > 0
    assert (scene["rows"], scene["complete"]) == (5_000, True)


def test_publish_frame_keeps_its_outcomes_and_resume_doubles_nothing(
    scenes: dict[str, dict[str, Any]],
) -> None:
    scene = scenes["publish_frame"]
    assert scene["before"] == {"confirmed": 5_000, "failed": 0, "unknown": 5_000}
    assert scene["after"] == {"confirmed": 15_000, "failed": 0, "unknown": 0}
    assert scene["each"] == [3]
    assert "resume=session.last_interrupted.frame" in scene["text"]


def test_an_interrupt_waits_for_the_outcomes_of_rows_on_their_way(scenes: dict[str, dict[str, Any]]) -> None:
    assert scenes["publish_frame_arriving"]["before"] == {"confirmed": 10_000, "failed": 0, "unknown": 0}


def test_copy_keeps_its_outcomes_and_resume_doubles_nothing(scenes: dict[str, dict[str, Any]]) -> None:
    scene = scenes["copy"]
    assert scene["same"]
    assert scene["before"]["confirmed"] > 0
    assert scene["before"]["unknown"] > 0
    assert scene["after"] == {"confirmed": 5_000, "failed": 0, "unknown": 0}
    assert scene["complete"]
    assert "the same call with resume=session.last_interrupted.frame goes on" in scene["text"]


def test_an_interrupted_transaction_stores_nothing_and_offers_no_resume(
    scenes: dict[str, dict[str, Any]],
) -> None:
    scene = scenes["transaction"]
    assert (scene["stored"], scene["frame"]) == (0, False)
    assert "resume" not in scene["text"]


def test_pull_interrupted_before_the_acknowledgement_gives_all_back(
    scenes: dict[str, dict[str, Any]],
) -> None:
    scene = scenes["pull_waiting"]
    assert scene["complete"]
    assert scene["last"]


def test_pull_interrupted_while_acknowledging_carries_the_frame(scenes: dict[str, dict[str, Any]]) -> None:
    scene = scenes["pull_acknowledging"]
    assert (scene["complete"], scene["same"]) == (True, True)


def test_a_loop_interrupted_while_waiting_continues_with_the_same_messages(
    scenes: dict[str, dict[str, Any]],
) -> None:
    assert scenes["batches_waiting"]["complete"]


def test_a_stopped_loop_does_not_hold_messages_from_the_cell_that_is_run_again(
    scenes: dict[str, dict[str, Any]],
) -> None:
    assert scenes["batches_again"]["complete"]
    assert scenes["batches_again"]["further"]


def test_a_batch_interrupted_in_its_block_is_given_back(scenes: dict[str, dict[str, Any]]) -> None:
    assert scenes["batches_working"]["complete"]
