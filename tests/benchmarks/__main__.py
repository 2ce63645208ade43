"""Run the benchmarks, print what was found, and write the page of the documentation."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from brokerkit.core.vocabulary.errors import BrokerError

from . import (
    avro_columns,
    capturing,
    dask_workers,
    json_frame,
    kafka_reading,
    nats_frame,
    process,
    protobuf_columns,
    publishing,
    pubsub_taking,
    pulsar_reading,
    servicebus_reading,
)
from .kafka_place import PREFIX, KafkaPlace, kafka_place
from .page import facts_of_the_run, page
from .results import Fact, Found, Missing

PAGE = Path(__file__).parents[2] / "notebooks" / "benchmarks.md"
UNITS = {"k": 1_000, "M": 1_000_000}
LEAST, MOST = 10_000, 10_000_000
OF_KAFKA: dict[str, Callable[[KafkaPlace, argparse.Namespace], list[Found]]] = {
    "kafka": lambda place, told: kafka_reading.reading(place, told.rows, told.rounds),
    "kafka-publishing": lambda place, told: publishing.to_kafka(place, told.rows, told.rounds),
    "capture": lambda place, told: capturing.run(place, told.rows, told.rounds),
    "dask": lambda place, told: dask_workers.run(place, told.rows, told.rounds),
    "sizes": lambda place, told: [
        found
        for rows in told.sizes
        for found in kafka_reading.sizes(place, rows, 1 if rows > told.rows else told.rounds)
    ],
    "peers": lambda place, told: kafka_reading.peers(
        place, told.rows, told.peer_rounds or told.rounds, told.peer
    ),
}
"""The parts that use Kafka, and may use a cluster of one's own."""
OTHERS: dict[str, Callable[[argparse.Namespace], list[Found]]] = {
    "nats": lambda told: [
        *nats_frame.run(told.rows // 2, told.rounds),
        *publishing.to_jetstream(told.rows // 10, told.rounds),
    ],
    "pulsar": lambda told: pulsar_reading.run(told.rows // 10, told.rounds),
    "pubsub": lambda told: [
        *pubsub_taking.run(told.rows // 50, told.rounds),
        *publishing.to_pubsub(told.rows // 50, told.rounds),
    ],
    "servicebus": lambda told: [
        *servicebus_reading.run(told.rows // 50, told.rounds),
        *publishing.to_servicebus(told.rows // 50, told.rounds),
    ],
    "json": lambda told: json_frame.run(told.rows, told.rounds),
    "avro": lambda told: list(avro_columns.run(told.rows // 5)),
    "protobuf": lambda told: list(protobuf_columns.run(told.rows // 10)),
    "import": lambda told: [Fact("import brokerkit", process.import_milliseconds(), "ms", 150)],
}
PARTS = (*OF_KAFKA, *OTHERS)


def count(text: str) -> int:
    """Return a number of rows, such as 10k or 1M."""
    number, unit = (text[:-1], UNITS[text[-1]]) if text[-1:] in UNITS else (text, 1)
    if not number.isdigit() or not LEAST <= int(number) * unit <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 10k to 10M")
    return int(number) * unit


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all by default")
    parser.add_argument("--rows", type=count, default=100_000, help="messages of the largest parts (100k)")
    parser.add_argument(
        "--sizes", type=count, nargs="+", help="sizes of exports and captures (that of --rows)"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="turns of each way, of which medians are taken (3)"
    )
    parser.add_argument("--peer-rounds", type=int, help="turns of the other libraries (those of --rounds)")
    parser.add_argument("--peer", nargs="+", default=(), help="some of the other libraries only")
    parser.add_argument(
        "--against", metavar="kafka://...", help="use this cluster; only the parts of Kafka run"
    )
    parser.add_argument("--prefix", default=PREFIX, help="how the names of topics begin")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask before topics are created with --against"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is written")
    told = parser.parse_args(given)
    unknown = set(told.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; expected any of {', '.join(PARTS)}")
    if told.rounds < 1 or (told.peer_rounds or 1) < 1:
        parser.error("there is one turn at least")
    told.parts = told.parts or [*(OF_KAFKA if told.against else PARTS)]
    if told.against:
        if not told.against.startswith("kafka://"):
            parser.error("--against takes an address that begins with kafka://")
        if set(told.parts) - set(OF_KAFKA):
            parser.error(f"with --against only {', '.join(OF_KAFKA)} run")
        if told.page == PAGE:
            parser.error(
                "--against needs --page FILE: the page of the documentation has another machine's numbers"
            )
    told.sizes = told.sizes or [told.rows]
    return told


def agreed(told: argparse.Namespace) -> bool:
    """Ask whether topics may be created on a cluster of one's own."""
    if not told.against or told.yes:
        return True
    most = max(told.rows, *told.sizes)
    print(
        f"This creates topics whose names begin with {told.prefix!r}, one after the other, with up to {most:,} "
        "messages of about 250 bytes each, reads and deletes them."
    )
    return input("Go on? [y/N] ").strip().lower() in ("y", "yes")


def run(told: argparse.Namespace) -> Iterator[Found]:
    """Run the parts. One that does not run to its end is named with the reason, and the others go on."""
    for part in [each for each in OTHERS if each in told.parts]:
        yield from _found(part, partial(OTHERS[part], told))
    parts = [each for each in OF_KAFKA if each in told.parts]
    if not parts:
        return
    with ExitStack() as stack:
        try:
            place = stack.enter_context(kafka_place(told.against, told.prefix))
        except (BrokerError, ImportError) as error:
            yield from (Missing(part, str(error)) for part in parts)
            return
        for part in parts:
            yield from _found(part, partial(OF_KAFKA[part], place, told))


def _found(part: str, work: Callable[[], list[Found]]) -> list[Found]:
    print(f"{datetime.now(UTC):%H:%M:%S} {part} ...", file=sys.stderr, flush=True)
    try:
        return work()
    except Exception as error:
        traceback.print_exc()
        return [Missing(part, f"{type(error).__name__}: {error}")]


def main(given: list[str]) -> int:
    told = arguments(given)
    if not agreed(told):
        return 1
    began = datetime.now(UTC)
    found = list(run(told))
    kafka = "a cluster that was given" if told.against else "a broker on the same machine"
    shown = ["kafka://..." if each == told.against else each for each in given]
    written = page(found, facts_of_the_run(shown, kafka, began))
    told.page.write_text(written, "utf-8")
    print(written)
    return int(any(isinstance(each, Missing) and each.what in PARTS for each in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
