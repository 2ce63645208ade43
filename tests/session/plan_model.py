"""What plans of a scan mean, said a second time over a DataFrame of everything that is there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from brokerkit import Scan
from brokerkit.core import OutboundMessage

COLUMNS = ["id", "value.number", "value.who.name"]


def messages(count: int, partitions: int | None = None) -> list[OutboundMessage]:
    """Numbered messages, in turn over partitions if there are so many."""
    return [
        OutboundMessage(
            json.dumps({"number": number, "who": {"name": f"name {number % 7}"}}),
            key=None if number % 5 == 0 else f"key-{number % 3}",
            attributes={"shop": "A" if number % 4 else "B"},
            partition=None if partitions is None else number % partitions,
        )
        for number in range(count)
    ]


@dataclass(frozen=True)
class Step:
    """One step of a plan, on a scan and on a frame."""

    name: str
    plan: Callable[[Scan], Scan]
    frame: Callable[[pd.DataFrame], pd.DataFrame]


def steps(whole: pd.DataFrame) -> list[Step]:
    """Steps over the rows of a topic that holds `messages`."""
    times = whole["publish_time"].sort_values().reset_index(drop=True)
    begin, end = times[len(times) // 4], times[len(times) * 3 // 4]
    found = [
        Step("text", lambda s: s.where("name 3"), lambda f: f[f["value"].str.contains("name 3")]),
        Step(
            "function",
            lambda s: s.where(lambda value: value["number"] % 3 > 0),
            lambda f: f[f["number"] % 3 > 0],
        ),
        Step("key", lambda s: s.where(key="key-1"), lambda f: f[f["key"] == "key-1"]),
        Step("header", lambda s: s.where(header={"shop": "B"}), lambda f: f[f["number"] % 4 == 0]),
        Step(
            "column",
            lambda s: s.where(pc.field("key") != "key-2"),
            lambda f: f[f["key"].isin(["key-0", "key-1"])],
        ),
        Step(
            "times",
            lambda s: s.between(begin.to_pydatetime(), end.to_pydatetime(), lateness=None),
            lambda f: f[(f["publish_time"] >= begin) & (f["publish_time"] < end)],
        ),
        Step(
            "both",
            lambda s: s.where("name", lambda value: value["number"] > 40, key="key-1"),
            lambda f: f[(f["number"] > 40) & (f["key"] == "key-1")],
        ),
    ]
    found += [Step(f"head {n}", lambda s, n=n: s.head(n), lambda f, n=n: f.head(n)) for n in (1, 25, 150)]
    if whole["offset"].notna().all():
        middle = int(whole["offset"].median())
        before = pc.field("offset") < middle
        found += [
            Step("offsets", lambda s: s.where(before), lambda f: f[f["offset"] < middle]),
            Step("from", lambda s: s.between(middle // 2), lambda f: f[f["offset"] >= middle // 2]),
        ]
    if whole["partition"].notna().all():
        found.append(
            Step(
                "partition",
                lambda s: s.where((pc.field("partition") == 1) | (pc.field("partition") == 2)),
                lambda f: f[f["partition"].isin([1, 2])],
            )
        )
    return found


def plans(scan: Scan, whole: pd.DataFrame, count: int) -> Iterator[tuple[str, Scan, list[Any]]]:
    """Yield plans of up to four steps: their names, the scan, and the rows that it must have."""
    chance = random.Random(7)
    whole = whole.assign(number=[json.loads(value)["number"] for value in whole["value"]])
    whole["name"] = [f"name {number % 7}" for number in whole["number"]]
    known = steps(whole)
    chosen = [[each] for each in known] + [
        [chance.choice(known) for _ in range(chance.randint(2, 4))] for _ in range(count)
    ]
    for each in chosen:
        planned, frame = scan, whole
        for step in each:
            planned, frame = step.plan(planned), step.frame(frame)
        rows = frame[["id", "number", "name"]].values.tolist()
        yield ", ".join(step.name for step in each), planned, rows


def check(scan: Scan, count: int) -> None:
    """Compare plans with what pandas keeps of all rows."""
    whole = scan.to_arrow().to_pandas()
    for name, planned, expected in plans(scan, whole, count):
        table = planned.select(*COLUMNS).to_arrow()
        found = [list(row.values()) for row in table.to_pylist()]
        assert found == expected, name
        assert planned.count() == len(expected), name
