"""A read ends where the broker says that the topic ends, and nowhere else, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import Unavailable
from brokerkit.sandbox.proxy import Proxy
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually
from brokerkit.workbench import Session

from .conftest import new_name

pytestmark = pytest.mark.broker

ROWS = 40_000
VALUES = [f"{number:0200d}" for number in range(ROWS)]


@pytest.fixture(scope="module")
def topic(pulsar_server: PulsarServer) -> str:
    """A topic of 8 MB in batches."""
    name = f"persistent://public/default/{new_name()}"
    with bk.connect(f"{pulsar_server.url}?admin={pulsar_server.admin}") as session:
        session.create_topic(name)
        producer = session.connection.native.create_producer(
            name, batching_enabled=True, batching_max_messages=500, block_if_queue_full=True
        )
        for value in VALUES:
            producer.send_async(value.encode(), lambda *_: None)
        producer.flush()
        producer.close()
    return name


@pytest.fixture
def proxy(pulsar_server: PulsarServer) -> Iterator[Proxy]:
    with pulsar_server.proxy() as made:
        yield made


def url_of(server: PulsarServer, proxy: Proxy, knows_admin: bool) -> str:
    return f"pulsar://127.0.0.1:{proxy.port}" + (f"?admin={server.admin}" if knows_admin else "")


def stall_and_cut(proxy: Proxy, seconds: float) -> None:
    """Nothing passes for a while, and then the connections are gone."""
    proxy.stall(seconds + 0.2)
    threading.Timer(seconds, proxy.cut).start()


def silence(proxy: Proxy) -> None:
    proxy.half_open()
    threading.Timer(2.0, proxy.mend).start()


SHORT = "short stall, cut"
"""Tried with scans only: every way to read is tried with such a stall below."""
FAULTS: dict[str, Callable[[Proxy], object]] = {
    "cut": lambda proxy: proxy.cut(),
    SHORT: lambda proxy: stall_and_cut(proxy, 0.3),
    "long stall, cut": lambda proxy: stall_and_cut(proxy, 3.0),
    "refused for a while": lambda proxy: (proxy.refuse(1.5), proxy.cut()),
    "half open": silence,
}
MOST = [
    pytest.param(fault, marks=() if fault == "cut" else pytest.mark.extended)
    for fault in FAULTS
    if fault != SHORT
]


def exported(session: Session, topic: str, folder: Path) -> list[str]:
    session.scan(topic, slice_rows=20_000).to_parquet(folder)
    tables = [pq.read_table(each) for each in folder.glob("*.parquet")]
    return sorted(value for table in tables for value in table.column("value").to_pylist())


def copied(session: Session, topic: str, folder: Path) -> list[str]:
    with bk.connect("inmem://copies") as target:
        target.create_topic(folder.name)
        outcome = session.copy(topic, target, folder.name)
        assert (outcome["status"] == "confirmed").all()
        return list(target.scan(folder.name).to_pandas()["value"])


READS: dict[str, Callable[[Session, str, Path], list[str]]] = {
    "scan": lambda session, topic, _: session.scan(topic).to_arrow().column("value").to_pylist(),
    "slices": lambda session, topic, _: list(session.scan(topic, slice_rows=7_000).to_pandas()["value"]),
    "peek": lambda session, topic, _: list(session.peek(topic, ROWS)["value"]),
    "forwards": lambda session, topic, _: list(session.peek(topic, ROWS, start="earliest")["value"]),
    "counted": lambda session, topic, _: list(session.scan(topic, start=-ROWS).to_pandas()["value"]),
    "export": exported,
    "copy": copied,
}


@pytest.mark.parametrize(
    ("fault", "knows_admin"),
    [
        pytest.param("cut", True, id="cut-admin"),
        pytest.param("cut", False, id="cut-plain"),
        *(
            pytest.param(fault, knows, id=f"{fault}-{kind}", marks=mark)
            for fault in FAULTS
            if fault != "cut"
            for knows, kind, mark in (
                (True, "admin", pytest.mark.extended),
                (False, "plain", pytest.mark.soak),
            )
        ),
    ],
)
def test_a_read_that_was_cut_off_has_every_row_or_says_so(
    pulsar_server: PulsarServer, proxy: Proxy, topic: str, fault: str, knows_admin: bool
) -> None:
    with bk.connect(url_of(pulsar_server, proxy, knows_admin)) as session:
        scan = session.scan(topic)
        for passed in (100_000, 2_500_000):
            proxy.after(passed, lambda: FAULTS[fault](proxy))
            try:
                found = scan.to_arrow().column("value").to_pylist()
            except Unavailable:
                # said so; and when the broker is back, all is there
                proxy.mend()
                found = scan.to_arrow().column("value").to_pylist()
            assert found == VALUES


@pytest.mark.parametrize("read", READS)
def test_every_way_of_reading_continues_after_a_stall_and_a_cut(
    pulsar_server: PulsarServer, proxy: Proxy, topic: str, read: str, tmp_path: Path
) -> None:
    with bk.connect(url_of(pulsar_server, proxy, True)) as session:
        proxy.after(1_000_000, lambda: stall_and_cut(proxy, 0.5))
        assert READS[read](session, topic, tmp_path / new_name()) == VALUES


@pytest.mark.parametrize(
    "moment", [0.3, *(pytest.param(each, marks=pytest.mark.extended) for each in (0.05, 0.8))]
)
def test_a_broker_that_was_paused_and_lost_its_connections_is_read_to_its_end(
    pulsar_server: PulsarServer, topic: str, moment: float
) -> None:
    port = pulsar_server.url.rsplit(":", 1)[1]
    read: list[Any] = []

    def faults() -> None:
        time.sleep(moment)  # the moment is what is varied
        os.kill(pulsar_server.process.pid, signal.SIGSTOP)
        try:
            time.sleep(0.5)  # how long it is paused is what is tested
            subprocess.run(["ss", "-K", "dport", "=", f":{port}"], check=False, capture_output=True)
        finally:
            os.kill(pulsar_server.process.pid, signal.SIGCONT)

    with bk.connect(f"{pulsar_server.url}?admin={pulsar_server.admin}") as session:
        scan = session.scan(topic)
        striking = threading.Thread(target=faults)
        striking.start()
        try:
            read = scan.to_arrow().column("value").to_pylist()
        except Unavailable:
            striking.join()
            read = scan.to_arrow().column("value").to_pylist()
        striking.join()
    assert read == VALUES


@pytest.mark.extended
def test_a_moment_and_the_newest_are_found_after_a_stall_and_a_cut(
    pulsar_server: PulsarServer, proxy: Proxy, topic: str
) -> None:
    with bk.connect(url_of(pulsar_server, proxy, False)) as session:
        for seconds in (0.3, 1.0):
            stall_and_cut(proxy, seconds)
            assert len(session.scan(topic, start="-1d").to_pandas()) == ROWS
            stall_and_cut(proxy, seconds)
            assert list(session.peek(topic, 3)["value"]) == VALUES[-3:]


@pytest.mark.parametrize("fault", MOST)
def test_rows_are_read_again_through_a_fault_or_it_says_so(
    pulsar_server: PulsarServer, proxy: Proxy, topic: str, fault: str
) -> None:
    with bk.connect(url_of(pulsar_server, proxy, True)) as session:
        rows = session.scan(topic).to_pandas().iloc[::-400]
        for passed in (1_000, 60_000):
            proxy.after(passed, lambda: FAULTS[fault](proxy))
            try:
                found = session.reread(rows)
            except Unavailable:
                proxy.mend()
                found = session.reread(rows)
            assert list(found["value"]) == list(rows["value"])


@pytest.mark.parametrize("fault", MOST)
def test_a_tail_continues_after_a_fault_with_every_row_once(
    pulsar_server: PulsarServer, proxy: Proxy, fault: str
) -> None:
    name = new_name()
    with (
        bk.connect(pulsar_server.address) as writer,
        bk.connect(url_of(pulsar_server, proxy, True)) as session,
    ):
        writer.create_topic(name)
        tail = session.tail(name, start="earliest", interval=0.1)
        try:
            for begin in (0, 300, 600):
                writer.publish_batch(name, VALUES[begin : begin + 150])
                FAULTS[fault](proxy)
                writer.publish_batch(name, VALUES[begin + 150 : begin + 300])
                eventually(
                    lambda end=begin + 300: list(tail.frame["value"]) == VALUES[:end],  # type: ignore[misc]  # of this turn
                    "every row is shown",
                    within=60,
                )
                proxy.mend()
        finally:
            tail.close()
