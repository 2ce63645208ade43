"""Messages in chunks come to a subscription although a consumer of it left between two chunks."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.sandbox.proxy import Proxy, Way
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually
from brokerkit.workbench import Session

from .conftest import Make, messages_of

pytestmark = pytest.mark.broker

BLOB = os.urandom(12_000_000)
"""A message in three chunks."""


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with bk.connect(url) as opened:
        yield opened


@pytest.fixture
def proxy(pulsar_server: PulsarServer) -> Iterator[Proxy]:
    with pulsar_server.proxy() as made:
        yield made


def fill(session: Session, topic: str, *payloads: bytes) -> None:
    producer = session.connection.native.create_producer(topic, chunking_enabled=True, batching_enabled=False)
    for payload in payloads:
        producer.send(payload)
    producer.close()


def payloads(frame: pd.DataFrame) -> list[str | int]:
    """The texts; of a message in chunks its size, if it is complete."""
    return [
        value if isinstance(value, str) else len(raw) if raw == BLOB else -1
        for value, raw in zip(frame["value"], frame["raw"], strict=True)
    ]


def leave_between_chunks(session: Session, url: str, proxy: Proxy, topic: str) -> None:
    """Let a consumer take the first chunk, ask for no more, and be gone."""
    # where the broker hears nothing after it, it gives what it was asked for first: two entries
    proxy.after(1_000_000, lambda: proxy.stall(ways=(Way.TO_SERVER,)), way=Way.TO_CLIENT)
    gone = bk.connect(url)
    (first,) = messages_of(gone.connection, topic, start=None, prefetch=2).next_batch(1, 60)
    assert first.data == b"m0"
    first.nack()
    proxy.cut()
    gone.connection.native.shutdown()
    gone.close()
    eventually(lambda: session.describe(topic).subscriptions["members"].iloc[0] == 0, "it is gone", within=60)
    proxy.mend()


@pytest.mark.parametrize("partitions", [None, 1])
def test_a_message_in_chunks_comes_after_a_consumer_that_left_between_them(
    session: Session, proxy: Proxy, make: Make, partitions: int | None
) -> None:
    topic = make(partitions)
    session.create_subscription(topic, "me", start="earliest")
    fill(session, topic, b"m0", BLOB, b"m2")
    leave_between_chunks(session, f"pulsar://127.0.0.1:{proxy.port}", proxy, topic)
    assert payloads(session.pull(topic, 3, subscription="me")) == ["m0", len(BLOB), "m2"]


def test_messages_in_chunks_are_pulled_one_by_one(session: Session, make: Make) -> None:
    topic = make()
    session.create_subscription(topic, "me", start="earliest")
    fill(session, topic, b"m0", BLOB, b"m2", BLOB, BLOB, b"m5")
    found = [each for _ in range(6) for each in payloads(session.pull(topic, 1, subscription="me"))]
    assert found == ["m0", len(BLOB), "m2", len(BLOB), len(BLOB), "m5"]


@pytest.mark.parametrize("row", [1, *(pytest.param(each, marks=pytest.mark.extended) for each in (3, 4))])
def test_creating_a_subscription_at_a_message_in_chunks_takes_none_of_them(
    session: Session, make: Make, row: int
) -> None:
    topic = make()
    fill(session, topic, b"m0", BLOB, b"m2", BLOB, BLOB, b"m5")
    right = ["m0", len(BLOB), "m2", len(BLOB), len(BLOB), "m5"]
    name = session.scan(topic).to_pandas()["id"].iloc[row]
    for number in range(3):
        session.create_subscription(topic, f"s{number}", start=name)
        frame = session.pull(topic, 6 - row, subscription=f"s{number}")
        assert payloads(frame) == right[row:]
        assert set(frame["delivery_count"]) <= {1}
