"""Rows of a file are published with an outcome each, at a rate, and go on after a stop."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.display.progress import counted_by
from brokerkit.session.publish.bad_rows import bad_rows
from brokerkit.session.publish.pace import Pace
from brokerkit.workbench import Session


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "refunds.csv"
    lines = [f"{n};c-{n};{n},50" for n in range(60)]
    lines[30] = "30;c-30;n/a"
    made.write_text("\n".join(["order;customer;amount", *lines]))
    return made


def test_good_rows_are_confirmed_and_a_bad_one_failed_with_its_line(s: Session, file: Path) -> None:
    s.create_topic("refunds")
    outcome = s.publish_frame("refunds", bk.read_rows(file, key="customer"), progress=False)
    assert outcome.counts == {"confirmed": 59, "failed": 1, "unknown": 0}
    assert "line 32, column 'amount': 'n/a' is not a number" in outcome["error"][30]
    assert s.peek("refunds", 1)["value"].tolist() == ['{"order":59,"amount":59.5}']
    assert s.peek("refunds", 1)["key"].tolist() == ["c-59"]


def test_a_dry_run_shows_what_would_be_sent(s: Session, file: Path) -> None:
    s.create_topic("refunds")
    shown = s.publish_frame("refunds", bk.read_rows(file, key="customer"), dry_run=True)
    assert shown["data"][0] == '{"order":0,"amount":0.5}'
    assert len(s.peek("refunds")) == 0


@pytest.mark.parametrize("journaled", [False, True])
def test_after_a_stop_each_row_is_sent_once_also_at_another_rate(
    s: Session, file: Path, tmp_path: Path, journaled: bool
) -> None:
    s.create_topic("refunds")
    rows = bk.read_rows(file, key="customer")
    done = 0

    def stop(more: int) -> None:
        nonlocal done
        done += more
        if done >= 20:
            raise KeyboardInterrupt

    options = {"journal": tmp_path / "journal"} if journaled else {}
    with counted_by(stop), pytest.raises(bk.Interrupted) as stopped:
        s.publish_frame("refunds", rows, rate=100, progress=False, **options)  # type: ignore[arg-type]  # a path
    assert stopped.value.frame is not None
    assert len(stopped.value.frame) == 20
    more = options if journaled else {"resume": stopped.value.frame}
    outcome = s.publish_frame("refunds", rows, rate=3_000, progress=False, **more)  # type: ignore[arg-type]  # a path
    assert outcome.counts["confirmed"] == 59
    assert sorted(s.peek("refunds", 100)["key"]) == sorted(f"c-{n}" for n in range(60) if n != 30)


def test_a_journal_refuses_another_file_at_another_rate(s: Session, file: Path, tmp_path: Path) -> None:
    s.create_topic("refunds")
    journal = tmp_path / "journal"
    s.publish_frame("refunds", bk.read_rows(file), journal=journal, rate=1_000, progress=False)
    file.write_text(file.read_text().replace("5;c-5;", "5;c-x;"))
    with pytest.raises(bk.ConfigError, match="another frame"):
        s.publish_frame("refunds", bk.read_rows(file), journal=journal, progress=False)


def test_a_pace_waits_for_what_was_sent_and_hears_a_stop() -> None:
    pace = Pace(0.001)
    assert pace.rows == 1
    pace.wait(lambda: pytest.fail("the first row waits for nothing"))
    pace.sent(1)
    with pytest.raises(KeyboardInterrupt):
        pace.wait(lambda: (_ for _ in ()).throw(KeyboardInterrupt()))


@pytest.mark.parametrize("rate", [0, -1, True, "5", float("inf"), float("nan")])
def test_a_rate_is_a_number_above_none(s: Session, rate: float, file: Path) -> None:
    s.create_topic("refunds")
    with pytest.raises(bk.ConfigError, match="rate="):
        s.publish_frame("refunds", bk.read_rows(file), rate=rate)


def test_what_read_rows_says_is_not_said_twice(s: Session, file: Path) -> None:
    s.create_topic("refunds")
    with pytest.raises(bk.ConfigError, match="read_rows says"):
        s.publish_frame("refunds", bk.read_rows(file), key="customer")


def test_resume_hears_of_a_partition_or_time_that_changed(s: Session, tmp_path: Path) -> None:
    file = tmp_path / "placed.csv"
    lines = [f"{n},0,2026-01-01T00:00:{n:02d}Z" for n in range(20)]
    file.write_text("\n".join(["n,part,when", *lines]))
    s.create_topic("placed", partitions=2)
    roles = {"fields": ["n"], "partition": "part", "time": "when"}
    first = s.publish_frame("placed", bk.read_rows(file, **roles), progress=False)  # type: ignore[arg-type]  # names
    assert first.counts["confirmed"] == 20
    again = s.publish_frame("placed", bk.read_rows(file, **roles), resume=first, progress=False)  # type: ignore[arg-type]  # names
    assert again.counts["confirmed"] == 20
    text = file.read_text()
    changes = [("7,0,", "7,1,")] + ([("00:07Z", "00:08Z")] if s.capabilities.publish_time is not None else [])
    for old, new in changes:
        file.write_text(text.replace(old, new, 1))
        with pytest.raises(bk.ConfigError, match="another frame"):
            s.publish_frame("placed", bk.read_rows(file, **roles), resume=first, progress=False)  # type: ignore[arg-type]  # names
    assert len(s.peek("placed", 100)) == 20


def test_bad_rows_are_known_before_anything_is_sent(s: Session) -> None:
    limit = s.capabilities.max_message_bytes
    assert limit is not None
    frame = pd.DataFrame(
        {"k": ["a", 1.5, "b", "c"], "v": ["x", "x", "y" * (limit + 1), "x"], "p": [0, 0, 0, -1]}, dtype=object
    )
    found = bad_rows(bk.read_rows(frame, key="k", value="v", partition="p"), s)
    assert found[["line", "column"]].values.tolist() == [[1, "k"], [2, "row"], [3, "p"]]


def test_the_name_of_an_error_is_not_doubled_when_publishing_is_resumed(s: Session) -> None:
    s.create_topic("again")
    frame = pd.DataFrame({"n": [1, 2]})
    first = s.publish_frame("again", frame, progress=False)
    first.loc[0, "status"], first.loc[0, "error"] = "confirmed", "BrokerError: stored twice, perhaps"
    second = s.publish_frame("again", frame, resume=first, progress=False)
    assert second["error"][0] == "BrokerError: stored twice, perhaps"
