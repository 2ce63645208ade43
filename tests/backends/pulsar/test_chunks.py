"""Messages in chunks that lie between each other, and one whose last chunk never comes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.backends.pulsar.positions import extent_of, position_of, unpack
from brokerkit.sandbox.proxy import Proxy, Way
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually
from brokerkit.workbench import Session

from .conftest import Make, publish

pytestmark = pytest.mark.broker

BLOB = 12_000_000
"""Bytes of a message in three chunks."""


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with bk.connect(url) as opened:
        yield opened


@pytest.fixture(params=["with the REST endpoint", "without"])
def either(request: pytest.FixtureRequest, url: str, pulsar_server: PulsarServer) -> Iterator[Session]:
    """A session that knows the REST endpoint, and one that does not."""
    with bk.connect(url if request.param != "without" else pulsar_server.url) as opened:
        yield opened


@pytest.fixture
def proxy(pulsar_server: PulsarServer) -> Iterator[Proxy]:
    with pulsar_server.proxy() as made:
        yield made


def chunking(session: Session, topic: str) -> Any:
    return session.connection.native.create_producer(topic, chunking_enabled=True, batching_enabled=False)


def entries(session: Session, topic: str) -> int:
    (bounds,) = session.inspector.bounds(topic)
    return unpack(bounds.end)[1]


def read_in_every_way(session: Session, topic: str, right: pd.DataFrame) -> None:
    ids = list(right["id"])
    for rows in (1, 2, 5):
        assert list(session.scan(topic, slice_rows=rows).to_pandas()["id"]) == ids
    for row, name in enumerate(ids):
        one = session.peek(topic, 1, start=name)
        assert list(one["id"]) == [name]
        assert one["raw"].iloc[0] is right["raw"].iloc[row] or one["raw"].iloc[0] == right["raw"].iloc[row]
    for count in range(1, len(ids) + 1):
        assert list(session.peek(topic, count)["id"]) == ids[-count:]
    assert list(session.reread(right.iloc[::-1])["id"]) == ids[::-1]


@pytest.mark.extended
@pytest.mark.parametrize("either", ["with the REST endpoint", "without"], indirect=True)
def test_messages_whose_chunks_alternate_are_all_read(
    either: Session, session: Session, proxy: Proxy, make: Make
) -> None:
    topic, ids = make(), list[Any]()
    with (
        bk.connect(f"pulsar://127.0.0.1:{proxy.port}") as first,
        bk.connect(f"pulsar://127.0.0.1:{proxy.port}") as second,
    ):
        producers = [chunking(each, topic) for each in (first, second)]
        # both send at the same pace
        proxy.trickle(400_000, 0.05, ways=(Way.TO_SERVER,))

        def alternating() -> bool:
            sent = len(ids)
            for producer in producers:
                producer.send_async(os.urandom(BLOB), lambda _, message_id: ids.append(message_id))
            eventually(lambda: len(ids) == sent + 2, "both are stored", within=60)
            spans = sorted((extent_of(each).first or 0, position_of(each)) for each in ids)
            return any(later < end for (_, end), (later, _) in pairwise(spans))

        eventually(alternating, "the chunks of two messages lie between each other", within=60)
        proxy.mend()
    publish(session.connection, topic, b"behind them")
    frame = either.scan(topic).to_pandas()
    assert [len(raw) for raw in frame["raw"].iloc[:-1]] == [BLOB] * len(ids)
    assert frame["value"].iloc[-1] == "behind them"
    read_in_every_way(either, topic, frame)


@pytest.mark.parametrize(
    "either", ["with the REST endpoint", pytest.param("without", marks=pytest.mark.extended)], indirect=True
)
def test_messages_between_the_chunks_of_another_are_all_read(
    either: Session, session: Session, proxy: Proxy, make: Make
) -> None:
    topic, ids = make(), list[Any]()
    with bk.connect(f"pulsar://127.0.0.1:{proxy.port}") as slow:
        producer = chunking(slow, topic)
        proxy.after(7_000_000, lambda: proxy.stall(ways=(Way.TO_SERVER,)), way=Way.TO_SERVER)
        producer.send_async(os.urandom(BLOB), lambda _, message_id: ids.append(message_id))
        eventually(lambda: entries(session, topic) == 1, "its first chunk is stored", within=60)
        publish(session.connection, topic, b"inside")
        chunking(session, topic).send(os.urandom(BLOB))
        proxy.mend()
        eventually(lambda: ids, "it is stored", within=60)
    publish(session.connection, topic, b"behind")
    frame = either.scan(topic).to_pandas()
    assert frame["value"].fillna("blob").tolist() == ["inside", "blob", "blob", "behind"]
    read_in_every_way(either, topic, frame)


def test_a_message_whose_last_chunk_never_came_holds_up_nothing(
    session: Session, proxy: Proxy, make: Make
) -> None:
    topic = make()
    publish(session.connection, topic, b"before")
    slow = bk.connect(f"pulsar://127.0.0.1:{proxy.port}")
    proxy.after(7_000_000, lambda: proxy.stall(ways=(Way.TO_SERVER,)), way=Way.TO_SERVER)
    chunking(slow, topic).send_async(os.urandom(BLOB), lambda *_: None)
    eventually(lambda: entries(session, topic) == 2, "its first chunk is stored", within=60)
    proxy.cut()
    slow.close()
    assert list(session.scan(topic).to_pandas()["value"]) == ["before"]
    assert list(session.peek(topic, 5)["value"]) == ["before"]
    publish(session.connection, topic, b"after")
    for rows in (1, 2, 10):
        assert list(session.scan(topic, slice_rows=rows).to_pandas()["value"]) == ["before", "after"]
    assert list(session.peek(topic, 1, start=-2)["value"]) == ["before"]
