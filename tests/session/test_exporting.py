"""An export is a folder of Parquet files that any reader takes, and that an interrupt does not spoil."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.topics import Slice
from brokerkit.session.read import export
from brokerkit.session.read.export import file_name
from brokerkit.workbench import Session


def ids(path: Path) -> list[int]:
    return sorted(json.loads(value)["id"] for value in pd.read_parquet(path)["value"])


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def test_an_export_is_nothing_but_parquet_files_with_every_row(orders: Session, tmp_path: Path) -> None:
    done = orders.scan("orders", slice_rows=4).to_parquet(tmp_path / "out")
    assert (done.rows, done.files) == (20, 6)
    assert repr(done) == f"exported 20 rows in 6 files to {tmp_path / 'out'}"
    assert all(name.endswith(".parquet") for name in names(tmp_path / "out"))
    assert ids(tmp_path / "out") == list(range(20))
    assert orders.last_read is not None
    assert orders.last_read.read == 20


def test_polars_reads_the_folder_as_it_is(orders: Session, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    orders.scan("orders").to_parquet(tmp_path)
    assert polars.read_parquet(tmp_path).height == 20


def test_a_failed_export_leaves_only_whole_files_and_continues(orders: Session, tmp_path: Path) -> None:
    scan = orders.scan("orders", start="-1h", slice_rows=4, where=lambda value: True)
    partition = orders.native.topics["orders"].partitions[2]
    entries, partition._entries = partition._entries, None
    with pytest.raises(bk.BrokerError):
        scan.to_parquet(tmp_path)
    whole = names(tmp_path)
    assert len(whole) == 5
    assert not any(name.endswith(".new") for name in whole)
    partition._entries = entries
    orders.publish("orders", {"id": 99})
    # written again as a cell of a notebook would: "-1h" is another instant now
    again = orders.scan("orders", start="-1h", slice_rows=4, where=lambda value: True)
    done = again.to_parquet(tmp_path)
    assert (done.rows, done.resumed) == (20, 14)
    assert ids(tmp_path) == list(range(20))


def test_the_same_finished_export_again_writes_nothing(orders: Session, tmp_path: Path) -> None:
    scan = orders.scan("orders")
    scan.to_parquet(tmp_path)
    assert scan.to_parquet(tmp_path).resumed == 20


def test_a_finished_export_of_something_else_is_kept(orders: Session, tmp_path: Path) -> None:
    orders.scan("orders").to_parquet(tmp_path)
    for other in (orders.scan("orders", key="k"), orders.scan("orders", decode="json")):
        with pytest.raises(bk.ConfigError, match=r"finished export of something else.*overwrite=True"):
            other.to_parquet(tmp_path)
    orders.publish("orders", {"id": 20})
    with pytest.raises(bk.ConfigError, match="already holds a finished export: give another folder"):
        orders.scan("orders").to_parquet(tmp_path)
    assert orders.scan("orders").to_parquet(tmp_path, overwrite=True).rows == 21
    assert ids(tmp_path) == list(range(21))


def test_another_predicate_is_another_export(orders: Session, tmp_path: Path) -> None:
    orders.scan("orders", where=lambda value: value["id"] < 5).to_parquet(tmp_path)
    assert orders.scan("orders", where=lambda value: value["id"] < 5).to_parquet(tmp_path).rows == 5
    with pytest.raises(bk.ConfigError, match="something else"):
        orders.scan("orders", where=lambda value: value["id"] < 6).to_parquet(tmp_path)


def test_long_lists_that_differ_in_the_middle_are_other_exports(orders: Session, tmp_path: Path) -> None:
    first, other = (
        orders.scan("orders").where(pc.field("offset").isin([*range(10), *middle, *range(90, 100)]))
        for middle in (range(10, 20), range(50, 60))
    )
    first.to_parquet(tmp_path)
    with pytest.raises(bk.ConfigError, match="finished export of something else"):
        other.to_parquet(tmp_path)
    assert first.to_parquet(tmp_path).resumed == first.count()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_other_parquet_files_is_never_touched(
    orders: Session, tmp_path: Path, overwrite: bool
) -> None:
    pd.DataFrame({"mine": [1]}).to_parquet(tmp_path / "mine.parquet")
    with pytest.raises(bk.ConfigError, match=r"not the export of a topic \(mine.parquet\)"):
        orders.scan("orders").to_parquet(tmp_path, overwrite=overwrite)
    assert names(tmp_path) == ["mine.parquet"]


def test_a_file_is_not_a_folder(orders: Session, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(bk.ConfigError, match="is a file"):
        orders.scan("orders").to_parquet(tmp_path / "f")
    for path in (5, None, ""):
        with pytest.raises(bk.ConfigError, match="path of a folder"):
            orders.scan("orders").to_parquet(path)


def test_columns_that_are_only_found_by_reading_are_refused(orders: Session, tmp_path: Path) -> None:
    with pytest.raises(bk.ConfigError, match="to_parquet must know the columns"):
        orders.scan("orders", expand=True).to_parquet(tmp_path)


COUNTING: list[Callable[[bk.Scan], bk.Scan]] = [
    lambda scan: scan.head(5),
    lambda scan: scan.where('"n":1').head(7).select("offset", "value.n"),
    lambda scan: scan.head(4).head(9),
    lambda scan: scan.sample(9).head(5),
    lambda scan: scan.sample(9),
    lambda scan: scan.head(100),
]


@pytest.mark.parametrize("narrowed", COUNTING)
def test_a_scan_that_counts_rows_is_written_and_goes_on_where_it_ended(
    s: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, narrowed: Callable[[bk.Scan], bk.Scan]
) -> None:
    s.create_topic("counted", partitions=2)
    s.publish_batch("counted", [{"n": number} for number in range(30)])
    scan = narrowed(s.scan("counted", slice_rows=4, progress=False))
    expected = scan.to_arrow()
    files = [tmp_path / file_name(slice_) for slice_ in scan.slices]

    def written() -> pa.Table:
        return pa.concat_tables([pq.read_table(each).replace_schema_metadata() for each in files])

    count, write = iter(range(2)), export.Export._write

    def interrupted(*arguments: Any) -> int:
        if next(count, None) is None:
            raise KeyboardInterrupt
        return write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(export.Export, "_write", interrupted)
        with pytest.raises(bk.Interrupted):
            scan.to_parquet(tmp_path)
    exported = scan.to_parquet(tmp_path)
    assert exported.rows == expected.num_rows
    assert exported.resumed == sum(pq.read_metadata(file).num_rows for file in files[:2])
    assert written().equals(expected.replace_schema_metadata())
    with pytest.raises(bk.ConfigError, match="finished export"):
        s.scan("counted", slice_rows=4, progress=False).head(3).to_parquet(tmp_path)


def test_no_slice_is_read_behind_the_last_row(s: Session, tmp_path: Path) -> None:
    s.create_topic("counted")
    s.publish_batch("counted", [{"n": number} for number in range(30)])
    scan = s.scan("counted", slice_rows=5, progress=False).head(7)
    assert scan.to_parquet(tmp_path).rows == 7
    assert scan.report.read == 7


def test_steps_that_count_other_rows_than_they_show_are_refused(orders: Session, tmp_path: Path) -> None:
    scan = orders.scan("orders")
    for counted in (scan.head(9).where("1"), scan.head(9).sample(3), scan.head(9).between(end=3)):
        with pytest.raises(bk.ConfigError, match="put where, sample and between before head"):
            counted.to_parquet(tmp_path)


HOSTILE = [
    "../../etc/passwd", "..", ".hidden", "_internal", "a/b\\c", "nul\0", "x" * 3_000, "<script>", "a:b*?",
    "\u202egnp", "con", "été 🎈", "A", "a",
]  # fmt: skip


def test_hostile_topics_stay_inside_the_folder_and_every_row_is_read_back(s: Session, tmp_path: Path) -> None:
    for number, topic in enumerate(HOSTILE):
        s.create_topic(topic)
        s.publish(topic, {"id": number})
    done = s.scan(HOSTILE).to_parquet(tmp_path / "out")
    assert done.rows == len(HOSTILE)
    assert names(tmp_path) == ["out"]
    # readers of folders leave out what begins with a dot or an underscore
    found = pyarrow.dataset.dataset(tmp_path / "out").to_table().column("topic").to_pylist()
    assert sorted(found) == sorted(HOSTILE)


def test_file_names_differ_where_a_file_system_takes_capitals_for_small_letters() -> None:
    made = {file_name(Slice(topic, 0, 0, 1)).lower() for topic in ("A", "a", "x" * 500, "x" * 501, "é", "É")}
    assert len(made) == 6
    assert all(len(name) < 200 for name in made)
    assert file_name(Slice("orders.new", 2, 5, 9)) == "orders.new-2-000000000005-000000000009.parquet"


@pytest.mark.parametrize("bound", [{"GROUP_ROWS": 2_000}, {"GROUP_BYTES": 200_000}])
def test_a_large_slice_is_in_memory_only_in_groups_of_bounded_size(
    s: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: dict
) -> None:
    for name, value in bound.items():
        monkeypatch.setattr(export, name, value)
    s.create_topic("big")
    s.publish_batch("big", ["x" * 100] * 6_000)
    s.scan("big").to_parquet(tmp_path)
    (file,) = tmp_path.iterdir()
    assert pq.read_metadata(file).num_row_groups == 3


def test_a_file_that_was_damaged_is_written_again(orders: Session, tmp_path: Path) -> None:
    orders.scan("orders", slice_rows=4).to_parquet(tmp_path)
    for number, keep in enumerate((0, 7, 500)):
        file = sorted(tmp_path.iterdir())[number]
        file.write_bytes(file.read_bytes()[:keep])
    done = orders.scan("orders", slice_rows=4).to_parquet(tmp_path)
    assert done.rows == 20
    assert 0 < done.resumed < 20
    assert ids(tmp_path) == list(range(20))


def test_two_threads_cannot_write_one_folder(orders: Session, tmp_path: Path) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slowly(value: object) -> bool:
        reading.set()
        return go_on.wait(30)

    scan = orders.scan("orders", where=slowly)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(scan.to_parquet, tmp_path)
        assert reading.wait(60)
        for overwrite in (False, True):
            with pytest.raises(bk.InUse, match="another thread of this process, since 2.*another folder"):
                orders.scan("orders").to_parquet(tmp_path, overwrite=overwrite)
        go_on.set()
        assert first.result(30).rows == 20
    assert ids(tmp_path) == list(range(20))
    assert all(name.endswith(".parquet") for name in names(tmp_path))


def test_an_export_of_another_machine_is_respected_until_its_note_is_deleted(
    orders: Session, tmp_path: Path
) -> None:
    note = tmp_path / "_brokerkit.lock.json"
    note.write_text(json.dumps({"pid": 7, "host": "elsewhere", "since": "2026-01-01T00:00:00+00:00"}))
    with pytest.raises(bk.InUse, match=f"process 7 on elsewhere, since 2026-01-01.*delete {note}"):
        orders.scan("orders").to_parquet(tmp_path)
    assert note.exists()
    note.unlink()
    assert orders.scan("orders").to_parquet(tmp_path).rows == 20


@pytest.mark.parametrize("left", ["{", json.dumps({"pid": 7, "host": socket.gethostname(), "since": "x"})])
def test_the_lock_of_a_dead_process_is_taken_over(orders: Session, tmp_path: Path, left: str) -> None:
    (tmp_path / "_brokerkit.lock").touch()
    (tmp_path / "_brokerkit.lock.json").write_text(left)
    (tmp_path / "_x.parquet.7-0badcafe.new").write_text("half")
    assert orders.scan("orders").to_parquet(tmp_path).rows == 20
    assert all(name.endswith(".parquet") for name in names(tmp_path))


def test_a_file_is_on_the_disk_before_it_has_its_name(
    orders: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watched(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    def replaced(old: Path, new: Path) -> None:
        assert ".parquet." not in Path(old).name or done[-1] == Path(old).name
        replace(old, new)
        done.append(f"named {Path(new).name}")

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not show which files are open")
    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(os, "replace", replaced)
    orders.scan("orders").to_parquet(tmp_path / "out")
    named = [place for place, what in enumerate(done) if what.startswith("named orders")]
    assert len(named) == 3
    assert all(done[place + 1] == "out" for place in named)
    assert done[-1] == "out"


@pytest.mark.extended
@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_no_room_for_a_file_is_an_error_of_ours_that_says_how_to_go_on(tmp_path: Path) -> None:
    program = f"""
import os, resource, signal, brokerkit as bk
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
with bk.connect("inmem://") as s:
    s.create_topic("t")
    s.publish_batch("t", [os.urandom(100) for _ in range(2_000)])
    try:
        s.scan("t").to_parquet({str(tmp_path)!r})
    except bk.StorageError as error:
        assert isinstance(error, OSError)
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "no room left on the disk" in done.stdout, done.stderr
    assert "to_parquet on the same folder goes on" in done.stdout
    assert names(tmp_path) == ["_brokerkit.json"]


@pytest.mark.extended
@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_no_room_for_anything_leaves_nothing_behind(tmp_path: Path) -> None:
    program = f"""
import resource, brokerkit as bk, pandas as pd
with bk.connect("inmem://") as s:
    s.create_topic("t")
    s.publish("t", "x")
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for call in (
        lambda: s.scan("t", progress=False).to_parquet({str(tmp_path / "out")!r}),
        lambda: s.publish_frame("t", pd.DataFrame({{"n": [1]}}), journal={str(tmp_path / "j")!r}, progress=False),
    ):
        try:
            call()
        except bk.StorageError as error:
            print("said")
    print(len(s.peek("t")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["said", "said", "1"], done.stderr
    left = [each.name for each in tmp_path.rglob("*") if each.is_file() and not each.name.endswith(".lock")]
    assert left == []


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(orders: Session, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(bk.StorageError, match="cannot be written: Not a directory"):
        orders.scan("orders").to_parquet(tmp_path / "file" / "out")
