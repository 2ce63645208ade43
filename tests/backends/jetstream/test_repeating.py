"""Sending again: what a stream knows as sent before, for how long, and what the outcome says of it."""

from __future__ import annotations

import asyncio
import socket
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count

import nats
import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.proxy import Way
from brokerkit.testing import eventually
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker

_numbers = count(1)


@pytest.fixture
def session(nats_server: NatsServer) -> Iterator[Session]:
    with bk.connect(nats_server.url) as opened:
        yield opened


@pytest.fixture
def topic(session: Session) -> str:
    name = f"again{next(_numbers)}"
    session.create_topic(name)
    return name


def others_publish(server: NatsServer, subject: str, *ids: str) -> None:
    """Messages of another program, which names them."""

    async def publish() -> None:
        client = await nats.connect(server.url)
        stream = client.jetstream()
        for each in ids:
            await stream.publish(subject, each.encode(), headers={"Nats-Msg-Id": each, "Kind": "k"})
        await client.close()

    asyncio.run(publish())


def test_the_id_of_another_publisher_is_an_attribute_and_can_be_looked_for(
    nats_server: NatsServer, session: Session, topic: str
) -> None:
    others_publish(nats_server, topic, "order-1", "order-2")
    session.publish(topic, "ours")
    frame = session.peek(topic)
    assert bk.attr(frame, "Nats-Msg-Id").isna().tolist() == [False, False, True]
    assert len(session.peek(topic, header="Nats-Msg-Id")) == 2
    assert session.scan(topic, header="Nats-Msg-Id").to_pandas()["value"].tolist() == ["order-1", "order-2"]


def test_a_frame_that_was_read_is_stored_again_and_not_taken_for_its_original(
    nats_server: NatsServer, session: Session, topic: str
) -> None:
    others_publish(nats_server, topic, "order-1", "order-2")
    frame = session.peek(topic)
    outcome = session.publish_frame(topic, frame, progress=False)
    assert outcome["status"].tolist() == ["confirmed", "confirmed"]
    again = session.peek(topic)
    assert again["value"].tolist() == ["order-1", "order-2"] * 2
    assert bk.attr(again, "bk-message-id").tolist()[2:] == ["order-1", "order-2"]
    # and once more: the first id is kept
    session.publish_frame(topic, again.tail(2), progress=False)
    assert bk.attr(session.peek(topic, 2), "bk-message-id").tolist() == ["order-1", "order-2"]


def test_an_id_that_is_kept_is_a_duplicate_and_the_outcome_says_so(
    nats_server: NatsServer, session: Session, topic: str
) -> None:
    others_publish(nats_server, topic, "order-1")
    frame = session.peek(topic)
    outcome = session.publish_frame(topic, frame, message_ids="keep", progress=False)
    assert (outcome["status"].tolist(), outcome["id"].tolist()) == (["duplicate"], ["1"])
    assert outcome.counts == {"confirmed": 0, "failed": 0, "unknown": 0, "duplicate": 1}
    assert "already has a message with the id 'order-1'" in repr(outcome)
    with pytest.raises(bk.PublishFailed, match="1 are duplicates"):
        outcome.raise_for_failures()
    # what is known to be there is not sent again
    resumed = session.publish_frame(topic, frame, resume=outcome, message_ids="keep", progress=False)
    assert resumed["status"].tolist() == ["duplicate"]
    assert session.describe(topic).messages == 1


def test_an_id_that_is_given_is_sent_and_its_repetition_is_told(session: Session, topic: str) -> None:
    first = session.publish(topic, "1", attributes={"Nats-Msg-Id": "mine"})
    second = session.publish(topic, "2", attributes={"Nats-Msg-Id": "mine"})
    assert (first.status, second.status, second.id) == ("confirmed", "duplicate", first.id)
    third = session.connection.publisher().topic(topic).publish(OutboundMessage("3", dedup_id="mine"))
    assert third.status == "duplicate"
    assert session.peek(topic)["value"].tolist() == ["1"]


def test_a_copy_keeps_what_it_can_carry_beside_what_is_packed(
    nats_server: NatsServer, session: Session, topic: str
) -> None:
    """A header that is there twice is sent as it is, and packed only where the target cannot have it twice."""
    raw = b"NATS/1.0\r\nA: 1\r\nTrace: 1\r\nB: 2\r\nTrace: 2\r\nNats-Msg-Id: order-9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", nats_server.port), timeout=60) as client:
        client.sendall(b'CONNECT {"verbose":false,"headers":true}\r\n')
        client.sendall(b"HPUB %s %d %d\r\n%sx\r\nPING\r\n" % (topic.encode(), len(raw), len(raw) + 1, raw))
        while b"PONG" not in client.recv(4096):
            pass
    eventually(lambda: session.describe(topic).messages == 1, "it is stored", within=60)
    copies, third = f"{topic}-copy", f"{topic}-third"
    session.create_topic(copies)
    assert session.copy(topic, session, copies, progress=False)["status"].tolist() == ["confirmed"]
    names = [pair["name"] for pair in session.peek(copies)["attributes"][0]]
    assert names[:5] == ["A", "Trace", "B", "Trace", "bk-message-id"]
    with bk.connect("inmem://") as other:
        other.create_topic(third)
        session.copy(copies, other, third, progress=False)
        pairs = [(pair["name"], pair["value"]) for pair in other.peek(third)["attributes"][0]]
    assert pairs[:4] == [("A", b"1"), ("Trace", b"1"), ("B", b"2"), ("Trace", b"2")]


def stored_but_unknown(server: NatsServer, session: Session, topic: str) -> pd.DataFrame:
    """Ten rows that are stored, of which that is not known."""
    server.pause()
    try:
        outcome = session.publish_frame(topic, pd.DataFrame({"n": range(10)}), timeout=0.5, progress=False)
    finally:
        server.resume()
    assert outcome["status"].tolist() == ["unknown"] * 10
    eventually(lambda: session.describe(topic).messages == 10, "they are stored all the same", within=60)
    return outcome


@pytest.mark.parametrize("window", [1, 3])
def test_unknown_rows_are_not_sent_again_after_the_window_of_the_stream(window: int) -> None:
    with NatsServer() as server, bk.connect(server.url) as session:
        session.create_topic("t", duplicate_window=window)
        frame = pd.DataFrame({"n": range(10)})
        outcome = stored_but_unknown(server, session, "t")
        known = outcome.attrs["brokerkit"]
        since = datetime.fromisoformat(known["unknown_since"]).timestamp()
        eventually(lambda: time.time() > since + window, "the window has passed", within=window + 5)
        with pytest.warns(bk.UnknownRowsWarning, match=f"10 rows of unknown outcome.*for {window} s only"):
            again = session.publish_frame("t", frame, resume=outcome, progress=False)
        assert again["status"].tolist() == ["unknown"] * 10
        assert again["error"].str.endswith("if it is missing, publish it alone").all()
        assert session.describe("t").messages == 10
        # and so it stays, until it is told
        with pytest.warns(bk.UnknownRowsWarning, match="10 rows"):
            third = session.publish_frame("t", frame, resume=again, progress=False)
        assert third["status"].tolist() == ["unknown"] * 10
        third.loc[:2, "status"] = "failed"
        with pytest.warns(bk.UnknownRowsWarning, match="7 rows"):
            told = session.publish_frame("t", frame, resume=third, progress=False)
        assert told.counts == {"confirmed": 3, "failed": 0, "unknown": 7}


def test_unknown_rows_are_sent_again_and_stored_once_within_the_window() -> None:
    with NatsServer() as server, bk.connect(server.url) as session:
        session.create_topic("t", duplicate_window=120)
        outcome = stored_but_unknown(server, session, "t")
        frame = pd.DataFrame({"n": range(10)})
        with warnings.catch_warnings():
            warnings.simplefilter("error", bk.UnknownRowsWarning)
            again = session.publish_frame("t", frame, resume=outcome, progress=False)
        assert again.counts == {"confirmed": 10, "failed": 0, "unknown": 0}
        assert session.describe("t").messages == 10


def test_a_copy_is_resumed_within_the_window_only() -> None:
    with NatsServer() as server, bk.connect(server.url) as session, bk.connect("inmem://") as source:
        source.create_topic("from")
        source.publish_batch("from", [str(number) for number in range(10)])
        for window, counts in ((1, {"unknown": 10, "confirmed": 0}), (120, {"unknown": 0, "confirmed": 10})):
            topic = f"to{window}"
            session.create_topic(topic, duplicate_window=window)
            publisher = session.shared_publisher()
            send = publisher.send
            server.pause()
            try:
                publisher.send = lambda batch, timeout=None, send=send: send(batch, timeout=0.5)  # type: ignore[method-assign]  # copy has no timeout
                outcome = source.copy("from", session, topic, progress=False)
            finally:
                server.resume()
                publisher.send = send  # type: ignore[method-assign]  # as it was
            assert outcome.counts["unknown"] == 10
            eventually(lambda topic=topic: session.describe(topic).messages == 10, "stored", within=60)
            since = datetime.fromisoformat(outcome.attrs["brokerkit"]["unknown_since"]).timestamp()
            eventually(lambda since=since: time.time() > since + 1.5, "a second has passed", within=60)
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                again = source.copy("from", session, topic, resume=outcome, progress=False)
            left = [each for each in told if each.category is bk.UnknownRowsWarning]
            assert len(left) == (1 if counts["unknown"] else 0)
            assert again.counts == {"failed": 0, **counts}
            assert session.describe(topic).messages == 10


@pytest.mark.parametrize("messages", [1, 40])
@pytest.mark.parametrize(("window", "kept"), [(1, False), (2, False), (120, True)])
def test_unconfirmed_messages_are_sent_again_within_the_window_of_the_stream_only(
    nats_server: NatsServer, topic: str, window: int, kept: bool, messages: int
) -> None:
    """The connection is lost after the messages are stored, and comes back when they may be forgotten."""
    topic = f"{topic}-{window}"
    payloads = [OutboundMessage(str(number), "k") for number in range(messages)]
    with (
        bk.connect(nats_server.url) as direct,
        nats_server.proxy() as proxy,
        bk.connect(f"nats://127.0.0.1:{proxy.port}") as session,
    ):
        direct.create_topic(topic, duplicate_window=window)
        session.publish(topic, "first")
        proxy.stall(ways=(Way.TO_CLIENT,))
        publisher = session.shared_publisher().topic(topic)
        with ThreadPoolExecutor(1) as pool:
            publishing = pool.submit(publisher.publish_batch, payloads, timeout=20.0)
            eventually(lambda: direct.describe(topic).messages == messages + 1, "they are stored")
            stored_at = time.monotonic()
            proxy.refuse()
            proxy.cut()
            eventually(lambda: time.monotonic() > stored_at + 2.5, "a short window has passed", within=60)
            proxy.mend()
            results = publishing.result(30)
        values = direct.scan(topic, progress=False).to_pandas()["value"].tolist()
    assert values == ["first", *(str(number) for number in range(messages))]
    assert {result.status for result in results} == {"confirmed" if kept else "unknown"}
