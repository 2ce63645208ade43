"""A journal keeps the outcomes of publishing on disk, and the same call goes on from there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.display.progress import counted_by
from brokerkit.workbench import Session

ROWS = 6_000


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"value": [str(number) for number in range(ROWS)]})


def publish(s: Session, frame: Any, path: Path, **options: Any) -> Any:
    return s.publish_frame("t", frame, kind="messages", journal=path, progress=False, **options)


def stored(s: Session, topic: str = "t") -> list[int]:
    return sorted(map(int, s.scan(topic, progress=False).to_pandas()["value"]))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_finished_journal_sends_nothing_again_and_has_the_same_outcomes(
    s: Session, frame: pd.DataFrame, tmp_path: Path
) -> None:
    s.create_topic("t")
    path = tmp_path / "journal"
    first = publish(s, frame, path)
    again = publish(s, frame, path)
    assert stored(s) == list(range(ROWS))
    assert again[["row", "status", "id"]].equals(first[["row", "status", "id"]])
    assert [file.name for file in tmp_path.iterdir()] == ["journal"]


def test_a_journal_has_messages_before_they_are_sent_and_outcomes_after(
    s: Session, frame: pd.DataFrame, tmp_path: Path
) -> None:
    s.create_topic("t")
    publish(s, frame, tmp_path / "journal")
    head, *rest = lines(tmp_path / "journal")
    assert head["brokerkit journal"] == 1
    assert (head["topic"], head["rows"]) == ("t", ROWS)
    assert [next(iter(line)) for line in rest] == ["sending", "outcome"] * 2
    assert rest[3]["outcome"]["rows"] == [5_000, 6_000]
    assert rest[3]["outcome"]["status"] == "c" * 1_000


@pytest.mark.parametrize(
    "cut", [5, *(pytest.param(bytes_, marks=pytest.mark.extended) for bytes_ in (1, 300))]
)
def test_a_torn_last_line_leaves_its_rows_unknown_and_continues(
    s: Session, frame: pd.DataFrame, tmp_path: Path, cut: int
) -> None:
    s.create_topic("t")
    path = tmp_path / "journal"
    publish(s, frame, path)
    path.write_bytes(path.read_bytes()[:-cut])
    # in memory a second message of the same name is dropped, so that sending it again is safe
    assert publish(s, frame, path).counts == {"confirmed": ROWS, "failed": 0, "unknown": 0}
    assert stored(s) == list(range(ROWS))
    assert publish(s, frame, path).counts["confirmed"] == ROWS


def test_rows_that_failed_are_tried_again(s: Session, tmp_path: Path) -> None:
    s.create_topic("t")
    frame = pd.DataFrame({"value": ["1", "2", "3"]})
    mixed = pd.DataFrame({"value": ["1", "\ud800", "3"]}, dtype=object)
    outcome = publish(s, mixed, tmp_path / "journal")
    assert outcome.counts == {"confirmed": 2, "failed": 1, "unknown": 0}
    assert publish(s, mixed, tmp_path / "journal").counts == outcome.counts
    assert stored(s) == [1, 3]
    with pytest.raises(bk.ConfigError, match="belongs to another frame"):
        publish(s, frame, tmp_path / "journal")


@pytest.mark.extended
def test_a_journal_of_another_frame_topic_or_kind_is_refused(
    s: Session, frame: pd.DataFrame, tmp_path: Path
) -> None:
    s.create_topic("t")
    s.create_topic("u")
    path = tmp_path / "journal"
    publish(s, frame, path)
    other = frame.copy()
    other.loc[3, "value"] = "x"
    for wrong, text in (
        (lambda: publish(s, other, path), "another frame"),
        (lambda: publish(s, frame[:10], path), "rows is 6000 there and 10 here"),
        (lambda: s.publish_frame("u", frame, kind="messages", journal=path), "topic is 't' there"),
        (lambda: s.copy("t", s, "u", journal=path), "kind is 'publish_frame' there"),
        (lambda: publish(s, frame, path, resume=publish(s, frame, tmp_path / "b")), "leave resume= out"),
    ):
        with pytest.raises(bk.ConfigError, match=text):
            wrong()
    assert stored(s) == sorted([*range(ROWS)] * 2)


@pytest.mark.parametrize(
    "content", [b"hello\n", b"{}\n", b"PAR1", b'{"brokerkit journal": 2}\n', b"[]\n[]\n"]
)
def test_another_file_is_refused_and_left_as_it_is(s: Session, tmp_path: Path, content: bytes) -> None:
    s.create_topic("t")
    path = tmp_path / "journal"
    path.write_bytes(content)
    with pytest.raises(bk.ConfigError, match="is not a journal of brokerkit"):
        publish(s, pd.DataFrame({"value": ["1"]}), path)
    assert path.read_bytes() == content
    for wrong in (5, "", tmp_path):
        with pytest.raises(bk.ConfigError, match="path of a file"):
            publish(s, pd.DataFrame({"value": ["1"]}), wrong)


@pytest.mark.extended
def test_two_cannot_write_one_journal(s: Session, frame: pd.DataFrame, tmp_path: Path) -> None:
    s.create_topic("t")
    s.native.faults.pause()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(publish, s, frame, tmp_path / "journal")
        started = threading.Event()
        while not (tmp_path / "journal").exists():
            started.wait(0.01)
        with pytest.raises(bk.InUse, match="another thread of this process.*another journal"):
            publish(s, frame, tmp_path / "journal")
        s.native.faults.resume()
        assert first.result(30).counts["confirmed"] == ROWS


@pytest.mark.extended
@pytest.mark.parametrize("kept", [True, False])
def test_an_interrupt_names_what_goes_on(s: Session, frame: pd.DataFrame, tmp_path: Path, kept: bool) -> None:
    s.create_topic("t")

    def stop(more: int) -> None:
        raise KeyboardInterrupt

    options = {"journal": tmp_path / "journal"} if kept else {}
    with counted_by(stop), pytest.raises(bk.Interrupted) as caught:
        s.publish_frame("t", frame, kind="messages", progress=False, **options)
    assert ("resume=" in str(caught.value), "the same call" in str(caught.value)) == (not kept, kept)
    if kept:
        assert publish(s, frame, tmp_path / "journal").counts["confirmed"] == ROWS


@pytest.mark.extended
@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_disk_that_is_full_stops_it_with_the_outcomes_in_hand(tmp_path: Path) -> None:
    program = f"""
import resource, signal, pandas as pd, brokerkit as bk
with bk.connect("inmem://") as s:
    s.create_topic("t")
    frame = pd.DataFrame({{"value": [str(number) for number in range(12_000)]}})
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, usual[1]))
    call = dict(kind="messages", journal={str(tmp_path / "journal")!r}, progress=False)
    try:
        s.publish_frame("t", frame, **call)
    except bk.StorageError as error:
        print(error, error.__notes__)
    print(s.last_interrupted.frame.counts)
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    print(s.publish_frame("t", frame, **call).counts, len(s.scan("t", progress=False).to_pandas()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    failed, kept, counts = done.stdout.splitlines() or [done.stderr]
    assert "no room left on the disk" in failed
    assert "the same call with the same journal= continues" in failed
    assert "last_interrupted.frame" in failed
    assert int(re.findall(r"'confirmed': (\d+)", kept)[0]) >= 5_000
    assert counts == "{'confirmed': 12000, 'failed': 0, 'unknown': 0} 12000"


@pytest.mark.extended
def test_a_copy_continues_with_its_journal(s: Session, frame: pd.DataFrame, tmp_path: Path) -> None:
    s.create_topic("source", partitions=3)
    s.create_topic("t")
    s.publish_frame("source", frame, kind="messages")
    path = tmp_path / "journal"
    s.copy("source", s, "t", journal=path, progress=False)
    whole = path.read_bytes().splitlines(keepends=True)
    assert "plan" in json.loads(whole[1])
    s.publish("source", "99999")  # what came later is not of this copy
    for left in (3, 6, len(whole)):
        path.write_bytes(b"".join(whole[:left]))
        outcome = s.copy("source", s, "t", journal=path, progress=False)
        assert outcome.counts == {"confirmed": ROWS, "failed": 0, "unknown": 0}
        assert stored(s) == list(range(ROWS))
