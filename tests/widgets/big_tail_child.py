"""Follows large messages and says how much memory that took: ``python -m tests.widgets.big_tail_child URL COUNT``."""

from __future__ import annotations

import json
import os
import resource
import sys
import time

import brokerkit as bk

SIZE = 900_000
PATIENCE = 40.0
"""Seconds without a new row after which the tail counts as stuck; a loaded machine is slow, but goes on."""


def main(url: str, count: int) -> None:
    topic = f"big-{os.getpid()}"
    with bk.connect(url) as s:
        s.create_topic(topic)
        for n in range(count):
            s.publish(topic, f"{n:06d}" + "x" * SIZE)
        s.peek(topic, 1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tail = s.tail(topic, start="earliest", rows=50)
        end = time.monotonic() + PATIENCE
        last = f"{count - 1:06d}"
        seen: list[str] = []
        while (not seen or seen[-1] != last) and time.monotonic() < end:
            time.sleep(0.5)
            now = [value[:6] for value in tail.frame["value"]]
            if now != seen:
                seen, end = now, time.monotonic() + PATIENCE
        tail.stop()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"grown": (after - before) / 1_000, "seen": seen}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
