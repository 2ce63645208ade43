"""Negative positions on a real server: they count messages of the subject that was asked for."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator

import nats
import pytest

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker


@pytest.fixture
def session(nats_server: NatsServer) -> Iterator[Session]:
    with bk.connect(nats_server.url) as s:
        s.create_topic("sp.>")
        for number in range(200):
            s.publish("sp.rare" if number % 20 == 0 else "sp.common", str(number))
        yield s
        s.delete_topic("sp.>", confirm="sp.>")


def numbers(frame: object) -> list[int]:
    return [int(value) for value in frame["value"]]  # type: ignore[index]  # a frame


def test_a_negative_position_counts_messages_of_the_subject(session: Session) -> None:
    assert numbers(session.peek("sp.rare", start=-3)) == [140, 160, 180]
    assert numbers(session.scan("sp.rare", start=-3).to_pandas()) == [140, 160, 180]
    assert numbers(session.scan("sp.rare", start=-4, end=-2).to_pandas()) == [120, 140]
    assert numbers(session.scan("sp.rare", start=-100).to_pandas()) == list(range(0, 200, 20))
    assert numbers(session.scan("sp.>", start=-3).to_pandas()) == [197, 198, 199]
    assert numbers(session.pull("sp.rare", subscription="last", start=-2)) == [160, 180]
    session.create_subscription("sp.rare", "made", start=-1)
    assert numbers(session.pull("sp.rare", subscription="made")) == [180]


def test_deleted_messages_are_not_counted(session: Session, nats_server: NatsServer) -> None:
    stream = session.describe("sp.>").details["stream"]

    async def delete() -> None:
        client = await nats.connect(nats_server.url)
        for sequence in (199, 198, 150):
            await client.jetstream().delete_msg(stream, sequence)
        await client.close()

    asyncio.run(delete())
    assert numbers(session.scan("sp.>", start=-3).to_pandas()) == [195, 196, 199]
    described = session.describe("sp.rare")
    assert (described.messages, described.exact) == (10, True)


def test_a_sequence_after_the_end_of_the_stream_says_so(session: Session) -> None:
    end = int(session.peek("sp.>", 1)["offset"].iloc[0]) + 1
    for start in (end + 1, 10**9, 2**63 - 1):
        with pytest.warns(bk.AfterTheEndWarning, match=f"lies after the end, {end:,}"):
            assert len(session.peek("sp.>", start=start)) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error", bk.AfterTheEndWarning)
        assert len(session.peek("sp.>", start=end)) == 0


def test_a_subscription_that_begins_after_the_end_of_the_stream_says_so(session: Session) -> None:
    end = int(session.peek("sp.>", 1)["offset"].iloc[0]) + 1
    with pytest.warns(bk.AfterTheEndWarning, match=f"lies after the end, {end:,}"):
        session.create_subscription("sp.>", "made-late", start=end + 1)
    with pytest.warns(bk.AfterTheEndWarning, match=f"lies after the end, {end:,}"):
        assert len(session.pull("sp.>", subscription="late", start=10**9, timeout=0.3)) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error", bk.AfterTheEndWarning)
        session.create_subscription("sp.>", "at-the-end", start=end)
        # it exists, and `start` is not used
        with pytest.warns(bk.StartIgnoredWarning):
            session.pull("sp.>", subscription="late", start=10**9, timeout=0.3)
