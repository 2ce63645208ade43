"""A process that follows a topic and searches again and again, and says how much its memory has grown."""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

import psutil

import brokerkit as bk
from brokerkit.testing.waiting import eventually

KEPT = 2_000
BATCH = 1_000


def main(messages: int, searches: int) -> dict[str, Any]:
    """Follow so many messages and search so often; a fifth of both is for warming up."""
    process = psutil.Process()
    memory: list[int] = []
    states: list[int] = []
    with bk.connect("inmem://") as s:
        s.create_topic("orders", retention_messages=KEPT)
        tail, browser = s.tail("orders", interval=0.01), s.browse("orders", where="warm")
        views = [each._shown_view().panel.widget for each in (tail, browser)]
        for widget in views:
            widget.send = lambda *_: None
        published = searched = 0
        for part in range(5):
            while published < messages * (part + 1) // 5:
                s.publish_batch("orders", [{"order": published, "text": "x" * 100}] * BATCH)
                published += BATCH
                eventually(
                    lambda wanted=published: tail.read + tail.skipped >= wanted,
                    "the tail follows",
                    within=120,
                )
            while searched < searches * (part + 1) // 5:
                browser.query = {"where": f'"order":{searched}', "newest": searched % 2 == 0 or None}
                assert browser.wait(120)
                searched += 1
            gc.collect()
            memory.append(process.memory_info().rss)
            states.append(sum(len(json.dumps(each.state)) for each in views))
        found = {
            "read": tail.read,
            "skipped": tail.skipped,
            "searched": searched,
            "memory": memory,
            "states": states,
            "threads": process.num_threads(),
        }
        tail.close()
        browser.close()
    return found


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
