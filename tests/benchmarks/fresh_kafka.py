"""One way of reading a topic in a process of its own: ``python -m tests.benchmarks.fresh_kafka WAY TOPIC ROWS``.

The address is in the environment variable of `kafka_place.URL`. What is measured begins after the imports.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

import brokerkit as bk

from .kafka_by_hand import dicts, discarded
from .kafka_place import URL, client_settings
from .measured import measure


def to_arrow(url: str, topic: str, rows: int, *, reader: str = "python") -> int:
    with bk.connect(url, reader=reader) as session:
        return session.scan(topic, progress=False).to_arrow().num_rows


def discard(url: str, topic: str, rows: int) -> int:
    return discarded(client_settings(url), topic, rows)


def by_hand(url: str, topic: str, rows: int) -> int:
    return len(pd.DataFrame(list(dicts(client_settings(url), topic, rows))))


def batches(url: str, topic: str, rows: int) -> int:
    with bk.connect(url) as session:
        return sum(batch.num_rows for batch in session.scan(topic, progress=False).batches())


def to_parquet(url: str, topic: str, rows: int) -> int:
    with bk.connect(url) as session, tempfile.TemporaryDirectory() as folder:
        return session.scan(topic, progress=False).to_parquet(folder).rows


def capture(url: str, topic: str, rows: int) -> int:
    with bk.connect(url) as session, tempfile.TemporaryDirectory() as folder:
        return session.capture(topic, Path(folder, "data"), progress=False).rows


WAYS: dict[str, Callable[[str, str, int], int]] = {
    "discard": discard,
    "to_arrow": to_arrow,
    "to_arrow_native": partial(to_arrow, reader="native"),
    "by_hand": by_hand,
    "batches": batches,
    "to_parquet": to_parquet,
    "capture": capture,
}


def main(way: str, topic: str, rows: str) -> None:
    url = os.environ[URL]
    print(measure(lambda: WAYS[way](url, topic, int(rows))).json())


if __name__ == "__main__":
    main(*sys.argv[1:])
