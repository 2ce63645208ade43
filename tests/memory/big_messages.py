"""Use large messages in one way, and print how much memory that took.

``python -m tests.memory.big_messages URL TOPIC WHAT [COUNT]``. With a COUNT it fills the topic first.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import brokerkit as bk
from brokerkit.widgets.browse.model import BrowserModel
from brokerkit.workbench import Session

SIZE = 900_000
SUBSCRIPTION = "big"


def subscription(s: Session) -> str | None:
    """Return the subscription to take from; a queue has none."""
    return None if s.connection.address.scheme == "servicebus" else SUBSCRIPTION


def payload(number: int) -> str:
    return f"{number:06d}" + "x" * SIZE


def fill(s: Session, topic: str, count: int, **options: Any) -> None:
    s.create_topic(topic, **options)
    if subscription(s) is not None:
        s.create_subscription(topic, SUBSCRIPTION, start="earliest")
    for first in range(0, count, 8):
        s.publish_batch(topic, [payload(n) for n in range(first, min(first + 8, count))])


def numbers(values: Any) -> list[int]:
    return [int(value[:6]) for value in values]


def look(s: Session, topic: str) -> dict[str, Any]:
    """Return the arguments that make a look possible."""
    if s.capabilities.side_effects["peek"] == "none":
        return {}
    return {"side_effects": "give back", "subscription": SUBSCRIPTION}


def peek(s: Session, topic: str) -> list[int]:
    return numbers(s.peek(topic, 50, **look(s, topic))["value"])


def peek_much(s: Session, topic: str) -> list[int]:
    return numbers(s.peek(topic, 100_000, **look(s, topic))["value"])


def peek_where(s: Session, topic: str) -> list[int]:
    return numbers(s.peek(topic, 5, where="000007")["value"])


def scan(s: Session, topic: str) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        return [s.scan(topic, progress=False).to_parquet(folder + "/out").rows]


def batches(s: Session, topic: str) -> list[int]:
    found: list[int] = []
    for batch in s.batches(topic, subscription=subscription(s), size=100_000, idle=2.0):
        with batch:
            found += numbers(batch.frame["value"])
        del batch
    return found


def few_batches(s: Session, topic: str) -> list[int]:
    found: list[int] = []
    with s.batches(topic, subscription=subscription(s), size=10, idle=2.0) as loop:
        for batch in islice(loop, 5):
            with batch:
                found += numbers(batch.frame["value"])
    return found


def pull(s: Session, topic: str) -> list[int]:
    return numbers(s.pull(topic, 100_000, subscription=subscription(s), timeout=60.0)["value"])


def tail(s: Session, topic: str) -> list[int]:
    following = s.tail(topic, start="earliest", rows=50)
    end, seen, quiet = time.monotonic() + 60, [], time.monotonic()
    while time.monotonic() < end and time.monotonic() - quiet < 3.0:
        time.sleep(0.2)
        found = numbers(following.frame["value"])
        if found != seen:
            seen, quiet = found, time.monotonic()
    following.stop()
    return seen


def histogram(s: Session, topic: str) -> list[int]:
    model = BrowserModel(s, topic, limit=1)
    model.wait(60)
    model.count()
    model.wait(60)
    assert model.histogram is not None, model.problem
    return [sum(model.histogram.counts)]


def browse(s: Session, topic: str) -> list[int]:
    model = BrowserModel(s, topic, limit=100_000, **look(s, topic))
    model.wait(120)
    assert model.search is not None
    found = numbers(model.rows.result.rows.column("value").to_pylist())
    model.close()
    return found


WAYS: dict[str, Callable[[Session, str], list[int]]] = {
    each.__name__: each
    for each in (
        scan, peek, peek_much, peek_where, few_batches, batches, pull, tail, histogram, browse,
    )
}  # fmt: skip


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000


def main(url: str, topic: str, what: str, count: int = 0) -> None:
    with bk.connect(url) as s:
        if count:
            fill(s, topic, count)
        if what not in WAYS:
            return
        s.describe(topic)
        before, began = peak(), time.monotonic()
        found = WAYS[what](s, topic)
        grown, seconds = peak() - before, time.monotonic() - began
    print(json.dumps({"grown": grown, "peak": before + grown, "seconds": seconds, "found": found}))


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
