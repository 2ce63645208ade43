"""Reading a Kafka topic on the real broker, beside what the client can do at best and what others do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pandas as pd
import pyarrow.compute as pc

import brokerkit as bk

from .kafka_by_hand import dicts, discarded
from .kafka_place import KafkaPlace, client_settings
from .peers.environment import PEERS, PeersEnvironment
from .results import Fact, Found, Goal, Missing
from .ways import FreshWay, Way, compared

DISCARD = "consume(500), thrown away"
PURE = "scan().to_arrow()"
NATIVE = 'scan().to_arrow(), reader="native"'
BY_HAND = "a dict per message, DataFrame"
FRESH = "tests.benchmarks.fresh_kafka"
NEWEST = 10


def reading(place: KafkaPlace, rows: int, rounds: int) -> list[Found]:
    """Read all of a topic, warm and in fresh processes, and search in it."""
    with place.filled("orders", rows) as topic, bk.connect(place.url, reader="native") as native:
        return [
            *_whole(place, native, topic, rows, rounds),
            *_searching(place.session, topic, rows, rounds),
        ]


def _whole(place: KafkaPlace, native: bk.Session, topic: str, rows: int, rounds: int) -> list[Found]:
    session, settings = place.session, client_settings(place.url)

    def ours(session: bk.Session) -> Callable[[], int]:
        return lambda: session.scan(topic, progress=False).to_arrow().num_rows

    def bare() -> int:
        return session.scan(topic, progress=False, attributes=False, decode="raw").to_arrow().num_rows

    chosen = session.describe(topic).details.get("reader"), native.describe(topic).details.get("reader")
    warm = [
        Way(DISCARD, lambda: discarded(settings, topic, rows)),
        Way(PURE, ours(session)),
        Way(NATIVE, ours(native)),
        Way("scan().to_pandas()", lambda: len(session.scan(topic, progress=False).to_pandas())),
        Way("to_arrow(), raw, without headers", bare),
        Way(BY_HAND, lambda: len(pd.DataFrame(list(dicts(settings, topic, rows))))),
    ]
    goals = [
        Goal("Kafka to Arrow with headers, warm, native: 0.9 of discarding, no more CPU", NATIVE, DISCARD,
             speed=0.9, processor=1.0),
        Goal("Kafka to Arrow with headers, warm, pure: 0.6 of discarding, 1.4 x its CPU", PURE, DISCARD,
             speed=0.6, processor=1.4),
        Goal("Kafka to a frame: 3 x a loop by hand", "scan().to_pandas()", BY_HAND, speed=3.0),
    ]  # fmt: skip
    warm_found = compared(
        f"Kafka to Arrow, warm (readers: {chosen[0]}, {chosen[1]})", warm, rows, rounds, goals
    )
    fresh = [
        Way("the same process, warm", ours(session)),
        FreshWay("a fresh process, after its imports", command=(FRESH, "to_arrow", topic, rows)),
        FreshWay("fresh, native", command=(FRESH, "to_arrow_native", topic, rows)),
        FreshWay("fresh, consume(500) thrown away", command=(FRESH, "discard", topic, rows)),
    ]
    longer = Goal("A fresh process: within 0.5 s of a warm one", fresh[1].name, fresh[0].name, seconds=0.5)
    return [
        warm_found,
        compared("Kafka to Arrow, fresh process", fresh, rows, rounds, [longer]),
        Fact("Kafka: time to the first batch, warm", _first_batch(session, topic), "s", 0.3),
    ]


def _first_batch(session: bk.Session, topic: str) -> float:
    began = time.perf_counter()
    next(iter(session.scan(topic, progress=False).batches()))
    return time.perf_counter() - began


def _searching(session: bk.Session, topic: str, rows: int, rounds: int) -> list[Found]:
    def scan(**wanted: object) -> Callable[[], int]:
        def work() -> int:
            made = session.scan(topic, progress=False, **wanted)
            made.to_arrow()
            return made.report.read

        return work

    def newest() -> int:
        assert len(session.peek(topic, NEWEST, where="Kyoto")) == NEWEST
        return NEWEST

    all_, text, key = "scan().to_arrow()", 'where="customer-04999"', 'key="key-77777"'
    ways = [
        Way(all_, scan()),
        Way(text, scan(where="customer-04999")),
        Way(key, scan(key="key-77777")),
        Way('header={"trace": "absent"}', scan(header={"trace": "absent"})),
        Way("where=field(offset) < 100", scan(where=pc.field("offset") < 100)),
    ]
    goals = [
        Goal("Search for a text: 0.8 of an unfiltered scan", text, all_, speed=0.8),
        Goal("Search for a key: 0.8 of an unfiltered scan", key, all_, speed=0.8),
    ]
    found = [Way(f"peek of the {NEWEST} newest with a text", newest)]
    return [
        compared("Kafka, searching", ways, rows, rounds, goals),
        compared("Kafka, the newest", found, NEWEST, rounds),
    ]


def peers(place: KafkaPlace, rows: int, rounds: int, only: Sequence[str]) -> list[Found]:
    """Read a topic with every other library that installs, each in fresh processes."""
    environment = PeersEnvironment.made()
    installed = [name for name in PEERS if name not in environment.missing and (not only or name in only)]
    ours = "brokerkit, scan().to_arrow()"
    with place.filled("orders", rows) as topic:
        ways = [FreshWay(ours, command=(FRESH, "to_arrow", topic, rows))]
        ways.append(FreshWay("brokerkit, native", command=(FRESH, "to_arrow_native", topic, rows)))
        ways += [
            FreshWay(
                f"{name} {environment.versions[name]}: {PEERS[name].what}",
                command=("tests.benchmarks.peers", name, place.bootstrap, topic, rows),
                python=environment.python,
            )
            for name in installed
        ]
        goals = [
            Goal(f"3 x the speed of {way.name.partition(':')[0]}, below its CPU", ours, way.name,
                 speed=3.0, processor=1.0)
            for way in ways[2:]
        ]  # fmt: skip
        compared_ = compared(
            "Kafka, other libraries, fresh processes", ways, rows, rounds, goals, warm=rounds > 1
        )
    return [compared_, *(Missing(name, reason) for name, reason in environment.missing.items())]


def sizes(place: KafkaPlace, rows: int, rounds: int) -> list[Found]:
    """Read, export and capture topics of one size in fresh processes, whose memory is watched."""
    with place.filled("orders", rows) as topic:
        arrow = "scan().to_arrow()"
        names = {"to_arrow": arrow, "batches": "scan().batches()", "to_parquet": "scan().to_parquet()",
                 "capture": "capture()", "by_hand": BY_HAND}  # fmt: skip
        if rows > 1_000_000:
            # a dict per message is several GB
            del names["by_hand"]
        ways = [FreshWay(name, command=(FRESH, way, topic, rows)) for way, name in names.items()]
        goals = [
            Goal(
                f"{what}: within 300 MB, 0.6 of the speed of to_arrow", names[way], arrow, speed=0.6, peak=300
            )
            for way, what in (("to_parquet", "Export"), ("capture", "Capture"))
        ]
        return [compared("Kafka by size, fresh processes", ways, rows, rounds, goals, warm=False)]
