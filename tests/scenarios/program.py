"""What the scenarios run in a process of its own: ``python -m tests.scenarios.program TASK ORDER``.

It reports like `brokerkit.testing.child`, by lines of JSON with the time of the monotonic clock.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
import psutil

import brokerkit as bk
from brokerkit.core import Slice
from brokerkit.session.consume.batches import Batch
from brokerkit.session.interrupted import Interrupted
from brokerkit.testing.child import end_with_parent, say
from brokerkit.workbench import Session

from .messages import numbers_of

ATTACH_SECONDS = 40.0
"""A Kafka group waits so long for a member that was killed, at most."""
WAIT_SECONDS = 30.0
MEGABYTE = 1_000_000


def consume(session: Session, order: dict[str, Any]) -> None:
    """Work off a subscription, noting each message before it is acknowledged.

    Stops, to be killed, in the middle of the batch with which `stop_at` messages were noted.
    """
    noted = 0
    batches = session.batches(
        order["topic"],
        subscription=order["subscription"],
        size=order["size"],
        idle=order["idle"],
        connect_timeout=ATTACH_SECONDS,
    )
    with open(order["path"], "a", encoding="utf-8") as notes:
        for batch in batches:
            for number in numbers_of(batch.frame):
                print(number, file=notes)
                noted += 1
                if noted == order["stop_at"]:
                    _on_disk(notes)
                    say("stopped", noted=noted)
                    signal.pause()
            _on_disk(notes)
            batch.ack()
    say("done", noted=noted)


def _on_disk(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def interrupted_pull(session: Session, order: dict[str, Any]) -> None:
    """Pull more than there is, be interrupted, and pull what there is."""
    topic, subscription, count = order["topic"], order["subscription"], order["count"]
    _interrupted(lambda: session.pull(topic, 10 * count, subscription=subscription, timeout=60, idle=60))
    frame = session.pull(topic, count, subscription=subscription, connect_timeout=ATTACH_SECONDS)
    say("found", numbers=numbers_of(frame))


def interrupted_batches(session: Session, order: dict[str, Any]) -> None:
    """Wait for one more than there is, be interrupted, and go on with the same loop when there is."""
    topic, count = order["topic"], order["count"]
    batches = session.batches(topic, subscription=order["subscription"], size=count + 1, window=60)
    _interrupted(lambda: next(batches))
    session.publish(topic, str(count))
    with next(batches) as batch:
        say("found", numbers=[number for number in numbers_of(batch.frame) if number < count])


def interrupted_peek(session: Session, order: dict[str, Any]) -> None:
    """Look through a large topic for what is not there."""
    _interrupted(lambda: session.peek(order["topic"], 10, start="earliest", where="not in there"))
    found = session.last_interrupted
    say("found", rows=0 if found is None or found.frame is None else len(found.frame))


def interrupted_scan(session: Session, order: dict[str, Any]) -> None:
    """Read a large topic, be interrupted, and read the rest."""
    scan = session.scan(order["topic"], attributes=False, progress=False)
    stop = _interrupted(scan.to_pandas)
    assert isinstance(stop, Interrupted)
    assert stop.frame is not None
    assert stop.rest is not None
    rest = stop.rest.to_pandas()
    ids = set(stop.frame["id"]) | set(rest["id"])
    say("found", first=len(stop.frame), rest=len(rest), different=len(ids))


def interrupted_tail(session: Session, order: dict[str, Any]) -> None:
    """Follow a topic with little traffic; each interrupt may come anywhere in the loop."""
    done: list[int] = []
    batches = session.batches(order["topic"], subscription=order["subscription"], size=10, window=0.05)

    def follow() -> None:
        for batch in batches:
            _work_off(batch, done)

    for _ in range(order["times"]):
        _interrupted(follow)
    for batch in session.batches(
        order["topic"], subscription=order["subscription"], idle=order["idle"], connect_timeout=ATTACH_SECONDS
    ):
        _work_off(batch, done)
        if len(set(done)) >= order["count"]:
            break
    say("found", numbers=done)


def _work_off(batch: Batch, done: list[int]) -> None:
    with batch:
        done.extend(numbers_of(batch.frame))


def _interrupted(work: Callable[[], Any]) -> KeyboardInterrupt:
    """Do what will be interrupted, and report when control is back."""
    say("working")
    try:
        work()
    except KeyboardInterrupt as stop:
        say("interrupted")
        return stop
    raise AssertionError("it came to an end before it was interrupted")


def export(session: Session, order: dict[str, Any]) -> None:
    """Export a topic, and report how much memory was needed at most."""
    session.scan(order["topic"], start=0, end=1, progress=False).to_arrow()
    scan = session.scan(order["topic"], slice_rows=order["slice_rows"], progress=False)
    with _Memory() as memory:
        say("working")
        try:
            done = scan.to_parquet(order["path"])
        except KeyboardInterrupt:
            say("interrupted")
            return
        except bk.BrokerError as error:
            say("refused", kind=type(error).__name__, text=str(error))
            return
    say("exported", rows=done.rows, resumed=done.resumed, files=done.files, grown=memory.grown / MEGABYTE)


def capture(session: Session, order: dict[str, Any]) -> None:
    """Capture a topic, and report how much memory was needed at most."""
    session.scan(order["topic"], start=0, end=1, progress=False).to_arrow()
    with _Memory() as memory:
        say("working")
        try:
            done = session.capture(
                order["topic"], order["path"], file_rows=order["file_rows"], progress=False
            )
        except bk.BrokerError as error:
            say("refused", kind=type(error).__name__, text=str(error))
            return
    say("captured", rows=done.rows, total=done.total, files=done.files, grown=memory.grown / MEGABYTE)


class _Memory:
    """Watches this process: `grown` is the most that was resident above the beginning, in bytes."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._begin = 0
        self.grown = 0

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.grown = max(self.grown, self._process.memory_info().rss - self._begin)

    def __enter__(self) -> _Memory:
        self._begin = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def publish_journal(session: Session, order: dict[str, Any]) -> None:
    """Publish numbers as a frame, or copy a topic, with the outcomes in a journal; report those at the end."""
    say("working")
    if "source" in order:
        outcome = session.copy(
            order["source"], session, order["topic"], journal=order["path"], progress=False
        )
        say("done", counts=outcome.counts, unknown=list(outcome.unknown["source"]))
        return
    frame = pd.DataFrame({"value": [str(number) for number in range(order["rows"])]})
    outcome = session.publish_frame(
        order["topic"], frame, kind="messages", journal=order["path"], progress=False, timeout=60
    )
    say("done", counts=outcome.counts, unknown=list(map(int, outcome.unknown["row"])))


def redrive(session: Session, order: dict[str, Any]) -> None:
    """Send the dead letters of a topic again, and report the receipts."""
    say("working")
    receipts = session.redrive(
        order["topic"],
        to=order["to"],
        confirm=order["topic"],
        journal=order["path"],
        rate=order["rate"],
        progress=False,
        timeout=60,
    )
    say(
        "done",
        counts=receipts.counts,
        rows=len(receipts),
        removed=int(receipts["removed"].sum()),
        different=receipts["source_id"].nunique(),
        errors=sorted(set(receipts["error"].dropna())),
    )


def read(session: Session, order: dict[str, Any]) -> None:
    """Read one slice of a scan of another process."""
    frame = session.scan(Slice(*order["slice"]), progress=False).to_pandas()
    say("found", ids=list(frame["id"]), values=list(frame["value"]))


TASKS: dict[str, Callable[[Session, dict[str, Any]], None]] = {
    "consume": consume,
    "export": export,
    "capture": capture,
    "pull": interrupted_pull,
    "batches": interrupted_batches,
    "peek": interrupted_peek,
    "scan": interrupted_scan,
    "tail": interrupted_tail,
    "publish journal": publish_journal,
    "redrive": redrive,
    "read": read,
}


def main(task: str, order: dict[str, Any]) -> None:
    with bk.connect(order["url"]) as session:
        TASKS[task](session, order)


if __name__ == "__main__":
    end_with_parent()
    main(sys.argv[1], json.loads(sys.argv[2]))
