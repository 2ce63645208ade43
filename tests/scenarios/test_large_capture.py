"""Ten million messages of Kafka are captured in little memory, over a kill, each once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from brokerkit.backends.parquet.manifest import manifest_of
from brokerkit.core import OutboundMessage
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .systems import Kafka

CAPTURED = int(os.environ.get("BROKERKIT_CAPTURED", "10_000_000"))
"""How many messages there are."""
PARTITIONS = 8
CHUNK = 50_000
MEGABYTES = 300.0
PROGRAM = """
import sys
import brokerkit as bk
from tests.benchmarks.measured import measure

url, topic, path = sys.argv[1:]
with bk.connect(url) as session:
    session.scan(topic, limit=1000, progress=False).to_arrow()
    print(measure(lambda: session.capture(topic, path, progress=False).total).json())
"""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]


def capturing(system: Kafka, topic: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, system.url, topic, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def rows_of(path: Path) -> int:
    """How many rows are committed."""
    found = manifest_of(path)
    return 0 if found is None else found.rows


def test_ten_million_messages_are_captured_in_little_memory_over_a_kill(
    kafka_system: Kafka, kafka_session: Session, tmp_path: Path
) -> None:
    topic, path = kafka_system.new_name("large"), tmp_path / "data"
    kafka_session.create_topic(topic, partitions=PARTITIONS)
    note = "leave it with the neighbours, second floor, please " * 3
    for at in range(0, CAPTURED, CHUNK):
        messages = [
            OutboundMessage(f'{{"id":{number},"note":"{note}"}}'.encode(), b"%d" % number)
            for number in range(at, min(at + CHUNK, CAPTURED))
        ]
        kafka_session.publish_batch(topic, messages, timeout=600)
    with capturing(kafka_system, topic, path) as first:
        eventually(lambda: rows_of(path) >= CAPTURED // 4, "a quarter is committed", within=3600)
        first.send_signal(signal.SIGKILL)
    committed = rows_of(path)
    with capturing(kafka_system, topic, path) as second:
        told, _ = second.communicate()
    assert second.returncode == 0
    measured = json.loads(told.splitlines()[-1])
    print(
        f"{committed:,} before the kill; then {measured['wall']:.0f} s, {measured['peak']:.0f} MB above its start"
    )
    assert measured["rows"] == CAPTURED
    rows, different = duckdb.sql(
        f"select count(*), count(distinct (partition, \"offset\")) from read_parquet('{path}/**/*.parquet')"
    ).fetchall()[0]
    assert (rows, different) == (CAPTURED, CAPTURED)
    assert measured["peak"] < MEGABYTES
