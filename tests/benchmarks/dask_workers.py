"""A scan on Dask with one worker and with two, where decoding is most of the work."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brokerkit as bk

from .kafka_place import KafkaPlace
from .results import Found, Goal
from .ways import Way, compared


def dear(order: Any) -> bool:
    """Choose orders by their value, which is parsed for each."""
    return bool(order["total"] > 99)


def run(place: KafkaPlace, rows: int, rounds: int) -> list[Found]:
    from distributed import Client, LocalCluster

    expected = sum(number % 10_000 / 100 > 99 for number in range(rows))
    with place.filled("orders", rows) as topic, tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "kept")
        place.session.capture(topic, data, progress=False)
        with (
            bk.connect(f"parquet://{data}") as offline,
            LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as one,
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as two,
            Client(one, set_as_default=False) as alone,
            Client(two, set_as_default=False) as both,
        ):
            name = offline.topics()["topic"].iloc[0]

            def work(client: Any, session: bk.Session, topic: str) -> Callable[[], int]:
                slice_rows = max(rows // 16, 1)

                def compute() -> int:
                    scan = session.scan(topic, slice_rows=slice_rows, progress=False).where(dear)
                    found = client.compute(scan.select("offset").to_dask()).result()
                    assert len(found) == expected, len(found)
                    return rows

                return compute

            found: list[Found] = []
            for where, session, source in (
                ("a captured data set", offline, name),
                ("Kafka on the same machine", place.session, topic),
            ):
                ways = [
                    Way("one worker", work(alone, session, source)),
                    Way("two workers", work(both, session, source)),
                ]
                asked = f"Dask, two workers where decoding dominates, {where}: 1.6 x one"
                goals = [Goal(asked, "two workers", "one worker", speed=1.6)]
                found.append(
                    compared(f"Dask, a function of each JSON value, {where}", ways, rows, rounds, goals)
                )
            return found
