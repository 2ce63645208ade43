"""What the conformance suite cannot know: several processes at one file, killed ones, and files of others."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

import brokerkit as bk
from brokerkit.core import Message, connect
from brokerkit.testing import eventually

SECONDS = 40.0
PUBLISH = """
import sys, brokerkit as bk
with bk.connect(sys.argv[1]) as s:
    for number in range(int(sys.argv[2])):
        s.publish("orders", {"of": sys.argv[3], "number": number})
        print(number, flush=True)
"""
LOCK = """
import sys, time
from brokerkit.core import Message, connect
with connect(sys.argv[1]) as connection, connection.consumer("orders", "billing") as consumer:
    held = consumer.next_batch(3, 20)
    print(len(held), flush=True)
    sys.stdin.read()
"""


def child(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/file.db"
    with bk.connect(url, create=True) as s:
        s.create_topic("orders")
    return url


def test_messages_of_other_processes_come_once_to_one_consumer(url: str) -> None:
    writers = [child(PUBLISH, url, 50, name) for name in "ab"]
    got: list[tuple[str, int]] = []
    with bk.connect(url) as s, connect(url) as connection:
        connection.create_subscription("orders", "billing", start="earliest")

        def complete() -> bool:
            df = s.pull("orders", subscription="billing", timeout=2)
            got.extend((row["of"], row["number"]) for row in map(json.loads, df["value"]))
            return len(got) >= 100

        eventually(complete, "all 100 come", within=SECONDS)
    for writer in writers:
        writer.communicate(timeout=SECONDS)
        assert writer.returncode == 0
    assert sorted(got) == [(name, number) for name in "ab" for number in range(50)]
    for name in "ab":
        assert [number for of, number in got if of == name] == list(range(50))


def test_messages_published_by_a_killed_process_are_there(url: str) -> None:
    writer = child(PUBLISH, url, 1_000_000, "a")
    assert writer.stdout is not None
    confirmed = [int(writer.stdout.readline()) for _ in range(20)]
    writer.send_signal(signal.SIGKILL)
    confirmed += map(int, writer.communicate(timeout=SECONDS)[0].split())
    with bk.connect(url) as s:
        found = [json.loads(text)["number"] for text in s.peek("orders", 1_000_000)["value"]]
        s.publish("orders", {"of": "b", "number": 0})
    assert found[: len(confirmed)] == confirmed
    # one more may be stored whose confirmation was not printed
    assert found == list(range(len(found)))
    assert len(found) - len(confirmed) <= 1


def test_messages_locked_by_a_killed_process_are_redelivered(url: str) -> None:
    with connect(url) as connection:
        connection.create_subscription("orders", "billing", start="earliest", lock=2.0)
        with bk.connect(url) as s:
            for number in range(3):
                s.publish("orders", {"number": number})
        owner = child(LOCK, url)
        assert owner.stdout is not None
        assert owner.stdout.readline() == "3\n"
        with connection.consumer("orders", "billing") as consumer:
            assert consumer.next_batch(3, 0.2) == []
            owner.send_signal(signal.SIGKILL)
            owner.communicate(timeout=SECONDS)
            again = consumer.next_batch(3, SECONDS)
            assert [message.delivery_count for message in again if isinstance(message, Message)] == [2, 2, 2]
            for message in again:
                message.ack()


def test_a_file_that_another_connection_keeps_locked_is_unavailable(url: str, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "file.db", isolation_level=None)
    with connect(url) as connection:
        connection.create_subscription("orders", "billing", start="earliest")
        with bk.connect(url) as s:
            for number in range(2):
                s.publish("orders", {"number": number})
        with connection.consumer("orders", "billing") as consumer:
            (first,) = consumer.next_batch(1, SECONDS)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(bk.AckFailed):
                first.ack()
            began = time.monotonic()
            with pytest.raises(bk.Unavailable) as raised:
                consumer.next_batch(1, 5.0)
            assert time.monotonic() - began < 10
            assert raised.value.retryable
            other.execute("ROLLBACK")
            (second,) = consumer.next_batch(1, SECONDS)
            for message in (first, second):
                message.ack()
    other.close()


def test_a_pull_ends_at_the_end_also_while_others_hold_messages(url: str) -> None:
    with bk.connect(url) as s, connect(url) as connection:
        for number in range(4):
            s.publish("orders", {"number": number})
        with connection.consumer("orders", "billing", start="earliest") as other:
            held = other.next_batch(1, SECONDS)
            began = time.monotonic()
            df = s.pull("orders", subscription="billing", timeout=SECONDS)
            assert time.monotonic() - began < SECONDS / 2
            assert len(df) == 3
            held[0].ack()


def test_all_who_create_a_file_at_once_share_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"

    def create(number: int) -> None:
        with connect(url, create=True) as connection:
            connection.create_topic(f"topic-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))
    with connect(url) as connection:
        assert len(connection.inspector().topics()) == 8


def test_a_missing_file_is_not_created_and_a_foreign_one_not_changed(tmp_path: Path) -> None:
    with pytest.raises(bk.NotFound, match="create=True"):
        bk.connect(f"sqlite:///{tmp_path}/missing.db")
    assert list(tmp_path.iterdir()) == []
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE topics (mine)")
    connection.close()
    before = foreign.read_bytes()
    (tmp_path / "text.db").write_text("no database " * 100)
    for path in (foreign, tmp_path / "text.db"):
        with pytest.raises(bk.ConfigError):
            bk.connect(f"sqlite:///{path}", create=True)
    assert foreign.read_bytes() == before
    for url in ("sqlite://orders.db", "sqlite://"):
        with pytest.raises(bk.ConfigError, match="sqlite:///PATH"):
            bk.connect(url)


def test_a_subscription_keeps_its_own_lock(url: str) -> None:
    with connect(url) as connection:
        connection.create_subscription("orders", "billing", start="earliest", lock=2.0)
        with (
            connection.consumer("orders", "billing", lock=5) as consumer,
            pytest.raises(bk.ConfigError, match="lock=2"),
        ):
            consumer.attach()


def test_times_of_publishers_are_kept_and_found(url: str) -> None:
    with bk.connect(url) as s:
        for day in (3, 1, 2):
            s.publish("orders", {"day": day}, publish_time=datetime(2026, 1, day, 12))
        df = s.peek("orders", start="2026-01-02", end="2026-01-03", lateness=None)
        assert [json.loads(text)["day"] for text in df["value"]] == [2]
