"""Scenes that interrupt themselves with a real SIGINT: ``python -m tests.session.interrupted_child``.

Each prints one line of JSON: its name, how many seconds the interrupt took, and what it left.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

import brokerkit as bk
from brokerkit.core.runtime import publisher
from brokerkit.session.interrupted import Interrupted
from brokerkit.workbench import Session

ROWS = 5_000
DEADLINE = 10.0


class Stop:
    """Sends SIGINT to this process once a condition holds, and measures how long it takes."""

    def __init__(self, when: Callable[[], bool], after: Callable[[], object] = lambda: None) -> None:
        self._when, self._after = when, after
        self.sent_at = 0.0
        self.seconds = -1.0
        self.error: KeyboardInterrupt | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        end = time.monotonic() + DEADLINE
        while not self._when() and time.monotonic() < end:
            time.sleep(0.005)
        self.sent_at = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)  # what the interrupted call waits for must come after the signal
        self._after()

    def __enter__(self) -> Stop:
        self._thread.start()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        self.seconds = time.monotonic() - self.sent_at
        self._thread.join()
        self.error = error if isinstance(error, KeyboardInterrupt) else None
        return self.error is not None


def filled() -> Session:
    """A session whose topic `t` has the numbers from 0 in two partitions."""
    s = bk.connect("inmem://")
    s.create_topic("t", partitions=2)
    s.publish_batch("t", [str(number) for number in range(ROWS)])
    return s


def numbers(df: pd.DataFrame) -> list[int]:
    return sorted(map(int, df["value"]))


def complete(*frames: pd.DataFrame) -> bool:
    """Whether the frames have every number exactly once."""
    return sorted(number for frame in frames for number in numbers(frame)) == list(range(ROWS))


def pausing(s: Session, at: int) -> Callable[[Any], bool]:
    """A predicate for where= that wants everything, and makes the broker hang at one row, once.

    That row is asked about again where the interrupt came before its batch was done.
    """
    left = [at]

    def wanted(value: Any) -> bool:
        if value in left:
            left.clear()
            s.native.faults.pause()
        return True

    return wanted


def hanging(s: Session) -> Callable[[], bool]:
    """Whether the broker hangs and has been asked for something since."""
    check, asked = s.native.check, threading.Event()

    def watched(timeout: float) -> None:
        if s.native.faults.paused:
            asked.set()
        check(timeout)

    s.native.check = watched
    return asked.is_set


def peek(s: Session) -> dict[str, Any]:
    with Stop(hanging(s), s.native.faults.resume) as stop:
        s.peek("t", ROWS, where=pausing(s, 3_001))
    assert isinstance(stop.error, Interrupted)
    assert s.last_interrupted is stop.error
    return {
        "seconds": stop.seconds, "rows": len(stop.error.frame), "text": str(stop.error),
        "stopped": s.last_read.stopped, "usable": len(s.peek("t", 5)) == 5,
    }  # fmt: skip


def scan(s: Session) -> dict[str, Any]:
    with Stop(hanging(s), s.native.faults.resume) as stop:
        s.scan("t", where=pausing(s, 4_500)).to_pandas()
    assert isinstance(stop.error, Interrupted)
    rest = stop.error.rest.to_pandas()
    return {
        "seconds": stop.seconds, "rows": len(stop.error.frame), "text": str(stop.error),
        "complete": complete(stop.error.frame, rest),
        "stopped": stop.error.frame.attrs["brokerkit"]["read"]["stopped"],
    }  # fmt: skip


def scan_with_limit(s: Session) -> dict[str, Any]:
    with Stop(hanging(s), s.native.faults.resume) as stop:
        s.scan("t", where=pausing(s, 4_500), limit=4_000).to_pandas()
    assert isinstance(stop.error, Interrupted)
    rest = stop.error.rest.to_pandas()
    return {
        "seconds": stop.seconds,
        "rows": len(stop.error.frame),
        "together": len(stop.error.frame) + len(rest),
    }


def export(s: Session) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp())
    plan = s.scan("t", slice_rows=1_000)
    read = s.inspector.read
    slices = iter(range(100))

    def read_until_it_hangs(slice_: Any, **options: Any) -> Any:
        if next(slices) == 3:
            s.native.faults.pause()
        return read(slice_, **options)

    s.inspector.read = read_until_it_hangs
    with Stop(hanging(s), s.native.faults.resume) as stop:
        plan.to_parquet(folder)
    left = sorted(file.suffix for file in folder.iterdir())
    s.publish("t", "-1")
    done = s.scan("t", slice_rows=1_000).to_parquet(folder)
    return {
        "seconds": stop.seconds, "text": str(stop.error), "interrupted": isinstance(stop.error, Interrupted),
        "left": left, "resumed": done.resumed, "rows": done.rows,
        "complete": complete(pd.read_parquet(folder)),
    }  # fmt: skip


def publish_frame(s: Session) -> dict[str, Any]:
    s.create_topic("u")
    frame = pd.DataFrame({"value": [str(number) for number in range(ROWS)] * 3})
    topic = s.native.topics["u"]

    send = s.native.publish

    def store_and_hang(batch: Any) -> Any:
        results = send(batch)
        if topic.partitions[0].end == 2 * ROWS:  # stored, and the answer does not come
            s.native.publish = send
            s.native.faults.pause()
            s.native.check(DEADLINE)
        return results

    s.native.publish = store_and_hang
    with Stop(hanging(s)) as stop:
        s.publish_frame("u", frame, kind="messages", progress=False)
    s.native.faults.resume()
    assert isinstance(stop.error, Interrupted)
    outcome = s.publish_frame("u", frame, kind="messages", resume=stop.error.frame)
    counts = Counter(s.scan("u").to_pandas()["value"].tolist())
    return {
        "seconds": stop.seconds, "text": str(stop.error), "before": stop.error.frame.counts,
        "after": outcome.counts, "each": sorted(set(counts.values())),
    }  # fmt: skip


def publish_frame_arriving(s: Session) -> dict[str, Any]:
    s.create_topic("u")
    frame = pd.DataFrame({"value": [str(number) for number in range(ROWS)] * 3})
    stored, answered = threading.Event(), threading.Event()
    send, topic = s.native.publish, s.native.topics["u"]

    def store_and_answer_late(batch: Any) -> Any:
        results = send(batch)
        if topic.partitions[0].end == 2 * ROWS:
            stored.set()
            answered.wait(DEADLINE)
        return results

    s.native.publish = store_and_answer_late
    usual, publisher.ARRIVING_SECONDS = publisher.ARRIVING_SECONDS, DEADLINE
    with Stop(stored.is_set, answered.set) as stop:
        s.publish_frame("u", frame, kind="messages", progress=False)
    publisher.ARRIVING_SECONDS = usual
    assert isinstance(stop.error, Interrupted)
    return {"seconds": stop.seconds, "before": stop.error.frame.counts}


def copy(s: Session) -> dict[str, Any]:
    target = bk.connect("inmem://")
    target.create_topic("u")
    stored = target.native.topics["u"].partitions[0]
    send = target.native.publish

    def store_and_hang(batch: Any) -> Any:
        results = send(batch)
        if stored.end >= ROWS // 2:  # stored, and the answer does not come
            target.native.publish = send
            target.native.faults.pause()
            target.native.check(DEADLINE)
        return results

    target.native.publish = store_and_hang
    # the answer does not come before the interrupt, however slow this machine is
    with Stop(hanging(target)) as stop:
        s.copy("t", target, "u", progress=False)
    target.native.faults.resume()
    assert isinstance(stop.error, Interrupted)
    same = s.last_interrupted is stop.error
    outcome = s.copy("t", target, "u", resume=stop.error.frame, progress=False)
    return {
        "seconds": stop.seconds, "text": str(stop.error), "before": stop.error.frame.counts, "same": same,
        "after": outcome.counts, "complete": complete(target.scan("u", progress=False).to_pandas()),
    }  # fmt: skip


def transaction(s: Session) -> dict[str, Any]:
    s.create_topic("u")
    with Stop(hanging(s), s.native.faults.resume) as stop, s.transaction() as tx:
        tx.publish("u", "x")
        s.native.faults.pause()
        tx.publish_frame("u", pd.DataFrame({"a": range(3)}), progress=False)
    return {
        "seconds": stop.seconds, "text": str(stop.error), "frame": stop.error.frame is not None,
        "stored": len(s.peek("u")),
    }  # fmt: skip


def pull_waiting(s: Session) -> dict[str, Any]:
    with Stop(all_held(s)) as stop:
        s.pull("t", ROWS + 1, subscription="me", start="earliest", timeout=60, idle=60)
    return {
        "seconds": stop.seconds, "last": s.last_pull is None,
        "complete": complete(s.pull("t", ROWS, subscription="me")),
    }  # fmt: skip


def pull_acknowledging(s: Session) -> dict[str, Any]:
    def decode(payload: bytes) -> str:
        if payload == b"1234":
            s.native.faults.pause()
        return payload.decode()

    with Stop(lambda: s.last_pull is not None) as stop:
        s.pull("t", ROWS, subscription="me", start="earliest", decode=bk.Decoder(decode, pa.string(), "hang"))
    s.native.faults.resume()
    assert isinstance(stop.error, Interrupted)
    return {
        "seconds": stop.seconds, "text": str(stop.error), "complete": complete(stop.error.frame),
        "same": s.last_pull is stop.error.frame is not None,
    }  # fmt: skip


def all_held(s: Session) -> Callable[[], bool]:
    """Whether every message is leased by the subscription `me`."""

    def held() -> bool:
        subscription = s.native.subscriptions.get(("t", "me"))
        return subscription is not None and len(subscription.leases) == ROWS

    return held


def batches_waiting(s: Session) -> dict[str, Any]:
    loop = s.batches("t", subscription="me", start="earliest", size=ROWS + 1, window=60)
    with Stop(all_held(s)) as stop:
        next(loop)
    s.publish("t", str(ROWS))
    batch = next(loop)
    batch.ack()
    return {"seconds": stop.seconds, "complete": numbers(batch.frame) == list(range(ROWS + 1))}


def batches_again(s: Session) -> dict[str, Any]:
    """The cell is stopped and run again, while Python keeps the first loop for its traceback."""
    first = s.batches("t", subscription="me", start="earliest", size=ROWS + 1, window=60)
    with Stop(all_held(s)) as stop:
        next(first)
    frames = []
    for batch in s.batches("t", subscription="me", size=ROWS, idle=0.5):
        with batch:
            frames.append(batch.frame)
    s.publish_batch("t", ["9999"] * (ROWS + 1))
    with next(first) as batch:
        further = set(numbers(batch.frame)) == {9999}
    return {"seconds": stop.seconds, "complete": complete(*frames), "further": further}


def batches_working(s: Session) -> dict[str, Any]:
    loop = s.batches("t", subscription="me", start="earliest", size=ROWS)
    working = threading.Event()
    with Stop(working.is_set) as stop, next(loop) as batch:
        working.set()
        # the system may give the signal to another thread, and then one long sleep is not interrupted
        while True:
            time.sleep(0.05)
    assert batch.settled
    with next(loop) as again:
        return {"seconds": stop.seconds, "complete": complete(again.frame)}


SCENES = [
    peek, scan, scan_with_limit, export, publish_frame, publish_frame_arriving, copy, transaction,
    pull_waiting, pull_acknowledging, batches_waiting, batches_again, batches_working,
]  # fmt: skip


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for scene in SCENES:
        if len(sys.argv) > 1 and scene.__name__ not in sys.argv[1:]:
            continue
        with filled() as session:
            found = scene(session)
        print(json.dumps({"scene": scene.__name__, **found}), flush=True)


if __name__ == "__main__":
    main()
