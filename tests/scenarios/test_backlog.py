"""A pull of what is known to be there brings it, however slow the broker is meanwhile."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core.contract.consumer import Fetched
from brokerkit.core.runtime.consumer_thread import ConsumerThread
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.workbench import Session

AnyServer = KafkaServer | NatsServer | PulsarServer

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]
ROWS = 15_000
"""Fewer than a consumer of JetStream may hold without settling them."""
PAYLOAD = "x" * 1_000
IDLE = 0.3
STOPPED = 1.0
"""How long the server stands still, three times as long as what would be idle."""
RUNNING = 0.1


@pytest.fixture(
    params=[
        "nats_server",
        *(pytest.param(each, marks=pytest.mark.extended) for each in ("kafka_server", "pulsar_server")),
    ]
)
def server(request: pytest.FixtureRequest) -> AnyServer:
    return request.getfixturevalue(request.param)


@pytest.fixture
def session(server: AnyServer) -> Iterator[Session]:
    with bk.connect(server.address) as s:
        yield s


@contextmanager
def stumbling(server: AnyServer) -> Iterator[None]:
    """Let the server stand still again and again, four times."""

    def work() -> None:
        for _ in range(4):
            time.sleep(RUNNING)  # how long it runs and stands still is what is tested
            server.pause()
            time.sleep(STOPPED)
            server.resume()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def filled(session: Session, rows: int = ROWS, **options: int) -> str:
    topic = f"backlog-{uuid.uuid4().hex[:8]}"
    session.create_topic(topic, **options)
    # by their keys they are in every partition; without, one partition may have all that come at once
    keyed = [bk.OutboundMessage(f"{number} {PAYLOAD}", str(number)) for number in range(rows)]
    session.publish_batch(topic, keyed)
    session.create_subscription(topic, "me", start="earliest")
    return topic


def stopped(frame: pd.DataFrame) -> str:
    return str(frame.attrs["brokerkit"]["stopped"])


def test_a_slow_broker_does_not_end_a_pull_of_what_is_there_and_changes_no_order(
    session: Session, server: AnyServer
) -> None:
    topic = filled(session)
    first = session.pull(topic, 10, subscription="me")
    assert stopped(first) == "at 10 messages"
    with stumbling(server):
        rest = session.pull(topic, 2 * ROWS, subscription="me", idle=IDLE, timeout=60, connect_timeout=60)
    assert [int(value.split()[0]) for value in rest["value"]] == list(range(10, ROWS))
    assert stopped(rest) == "at the end of what there was"


def test_a_slow_broker_does_not_end_a_loop_over_what_is_there(session: Session, server: AnyServer) -> None:
    topic = filled(session)
    loop = session.batches(topic, subscription="me", size=5_000, idle=IDLE, connect_timeout=60)
    count = 0
    with stumbling(server):
        for batch in loop:
            count += len(batch)
            batch.ack()
    assert count == ROWS


def test_a_busy_process_does_not_end_a_pull_of_what_is_there(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = filled(session, 5)
    receive = ConsumerThread._receive

    def late(consumer: ConsumerThread, fetched: Fetched) -> None:
        time.sleep(2 * IDLE)  # as long as another program has the processor
        receive(consumer, fetched)

    monkeypatch.setattr(ConsumerThread, "_receive", late)
    few = {"prefetch": 1} if session.name.startswith("pulsar") else {}
    frame = session.pull(topic, 9, subscription="me", idle=IDLE, timeout=60, **few)
    assert [int(value.split()[0]) for value in frame["value"]] == list(range(5))


def test_a_pull_ends_soon_when_others_take_the_rest(session: Session) -> None:
    topic = filled(session, 3_000, **({"partitions": 2} if session.capabilities.partitions else {}))
    others = session.consumer(topic, "me")
    held = others.next_batch(100, 20)
    assert len(held) == 100
    mine = session.pull(topic, 10_000, subscription="me", idle=IDLE, timeout=60)
    assert 0 < len(mine) <= 3_000
    assert stopped(mine) == "at the end of what there was"
    others.close()


def test_a_pull_says_when_the_broker_holds_back_the_rest(nats_server: NatsServer) -> None:
    """Only JetStream has such a limit for each consumer."""
    topic = f"held-{uuid.uuid4().hex[:8]}"
    with bk.connect(nats_server.address) as session:
        session.create_topic(topic)
        session.publish_batch(topic, [str(number) for number in range(200)])
        session.create_subscription(topic, "few", start="earliest", max_ack_pending=50)
        began = time.monotonic()
        frame = session.pull(topic, 200, subscription="few", idle=IDLE, timeout=60)
    assert len(frame) == 50
    assert "before some of these are acknowledged" in stopped(frame)
    assert time.monotonic() - began < 20


def test_a_pull_that_the_timeout_ends_says_so(session: Session) -> None:
    topic = filled(session, 10)
    assert stopped(session.pull(topic, 100, subscription="me")) == "at the end of what there was"
    began = time.monotonic()
    empty = session.pull(topic, 100, subscription="me", timeout=0.5)
    assert (len(empty), stopped(empty)) == (0, "at the timeout")
    assert time.monotonic() - began < 12
