"""Calls that are interrupted at random moments: ``python -m tests.session.random_interrupts URL TIMES SEED ROWS``.

Each round starts a call on a topic of its own, sends a real SIGINT after a random time, also after its
end, goes on with what the interrupt left, and counts with the broker what is stored. One line of JSON
for each round.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd

import brokerkit as bk
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

STRIKE_SECONDS = 10.0


def interrupted(work: Callable[[], Any], delay: float) -> tuple[Any, KeyboardInterrupt | None]:
    """What a call gave, and the interrupt that ended it or came after it."""
    struck = threading.Event()

    def strike(number: int, frame: Any) -> None:
        struck.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, strike)
    given = None
    threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        given = work()
        eventually(struck.is_set, "the interrupt strikes", within=delay + STRIKE_SECONDS)
    except KeyboardInterrupt as error:
        return given, error
    # it struck in a callback of a weak reference, where Python drops it
    return given, None


def left_of(s: Session, given: Any, stop: KeyboardInterrupt | None) -> Any:
    """The outcome that a user has in hand: what was returned, or what the interrupt carries."""
    if given is not None:
        return given
    frame = getattr(stop, "frame", None)
    if frame is None and s.last_interrupted is not None:
        frame = s.last_interrupted.frame
    return frame


def report(
    kind: str, s: Session, topic: str, rows: int, outcome: Any, how: str, safe: bool, numbers: Any
) -> None:
    stored = Counter(int(value) for value in s.scan(topic, progress=False).to_pandas()["value"])
    status = dict(zip(numbers(outcome), outcome["status"], strict=True))
    print(
        json.dumps(
            {
                "kind": kind,
                "how": how,
                "lost": sum(1 for n, each in status.items() if each == "confirmed" and not stored[n]),
                "missing": sum(1 for n in range(rows) if not stored[n] and status.get(n) != "unknown"),
                "unnamed": sum(1 for n, times in stored.items() if times and status.get(n) not in ("confirmed", "unknown")),
                "doubled": sum(1 for times in stored.values() if times > 1),
                "unknown": sum(1 for each in status.values() if each == "unknown"),
                "safe": safe,
            }
        ),
        flush=True,
    )  # fmt: skip


def frame_round(s: Session, topic: str, rows: int, delay: float) -> float:
    frame = pd.DataFrame({"value": [str(n) for n in range(rows)]})
    begin = time.monotonic()
    given, stop = interrupted(lambda: s.publish_frame(topic, frame, kind="messages", progress=False), delay)
    outcome, how = (
        left_of(s, given, stop),
        f"{type(stop).__name__}, {'returned' if given is not None else 'not'}",
    )
    s.last_interrupted = None
    took = time.monotonic() - begin
    if outcome is None:  # nothing may have been sent
        assert not len(s.scan(topic, progress=False).to_pandas()), f"no outcome after {delay:g} s"
    again = s.publish_frame(topic, frame, kind="messages", resume=outcome, progress=False)
    report("frame", s, topic, rows, again, how, s.capabilities.dedup_ids, lambda o: o["row"])
    return took


def batch_round(s: Session, topic: str, rows: int, delay: float) -> None:
    given, stop = interrupted(lambda: s.publish_batch(topic, [str(n) for n in range(rows)]), delay)
    outcome = None if given is not None else left_of(s, None, stop)
    s.last_interrupted = None
    stored = len(s.scan(topic, progress=False).to_pandas())
    known = (
        rows
        if given is not None
        else 0
        if outcome is None
        else len(outcome.failed.index.union(outcome.index))
    )
    print(
        json.dumps({"kind": "batch", "how": type(stop).__name__, "stored": stored, "known": known}),
        flush=True,
    )


def copy_round(s: Session, source: str, topic: str, rows: int, delay: float) -> None:
    given, stop = interrupted(lambda: s.copy(source, s, topic, progress=False), delay)
    outcome, how = left_of(s, given, stop), f"{type(stop).__name__}"
    s.last_interrupted = None
    if outcome is None:
        assert not len(s.scan(topic, progress=False).to_pandas()), f"no outcome after {delay:g} s"
    again = s.copy(source, s, topic, resume=outcome, progress=False)
    places = s.scan(source, progress=False).to_pandas()
    number = dict(zip(places["id"], map(int, places["value"]), strict=True))
    report(
        "copy", s, topic, rows, again, how, s.capabilities.dedup_ids, lambda o: map(number.get, o["source"])
    )


def pull_round(s: Session, topic: str, rows: int, delay: float) -> None:
    s.publish_batch(topic, [str(n) for n in range(rows)])
    s.create_subscription(topic, f"me-{topic}", start="earliest")
    s.last_pull = None
    given, stop = interrupted(lambda: s.pull(topic, rows, subscription=f"me-{topic}", idle=3.0), delay)
    first = left_of(s, given, stop)
    s.last_interrupted = None
    found = set() if first is None else set(map(int, first["value"]))
    while len(found) < rows:
        rest = s.pull(topic, rows - len(found), subscription=f"me-{topic}", idle=1.0, connect_timeout=40)
        if not len(rest):
            break
        found.update(map(int, rest["value"]))
    print(json.dumps({"kind": "pull", "how": type(stop).__name__, "missing": rows - len(found)}), flush=True)


def main(url: str, times: int, seed: int, rows: int, kinds: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chance = random.Random(seed)
    with bk.connect(url) as s:
        base = f"random-{os.getpid()}"
        s.create_topic(f"{base}-source")
        s.publish_batch(f"{base}-source", [str(n) for n in range(rows)], timeout=120)
        s.create_topic(f"{base}-all")
        begin = time.monotonic()
        frame = pd.DataFrame({"value": [str(n) for n in range(rows)]})
        s.publish_frame(f"{base}-all", frame, kind="messages", progress=False)
        usual = time.monotonic() - begin
        for number in range(times):
            for kind in kinds:
                topic = f"{base}-{kind}-{number}"
                s.create_topic(topic)
                # half of them near the end, where the outcome is made
                delay = usual * (chance.uniform(0, 1.2) if number % 2 else chance.uniform(0.7, 1.15))
                if kind == "copy":
                    copy_round(s, f"{base}-source", topic, rows, delay)
                else:
                    {"frame": frame_round, "batch": batch_round, "pull": pull_round}[kind](
                        s, topic, rows, delay
                    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5].split(","))
