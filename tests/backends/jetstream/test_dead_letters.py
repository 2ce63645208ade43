"""Dead letters of JetStream: what its advisories name, and topics by a usual name."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import nats
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.sandbox.nats import NatsServer
from brokerkit.session.operate.receipts import MoveWarning
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session


def test_without_advisories_the_error_says_how_to_keep_them(nats_server: NatsServer) -> None:
    with bk.connect(nats_server.url) as session:
        topic = f"t-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic)
        with pytest.raises(bk.NotFound, match="MAX_DELIVERIES"):
            session.dead_letters(topic)


@pytest.fixture(scope="module")
def advisories(nats_server: NatsServer) -> Iterator[None]:
    """A stream that keeps the server's advisories."""
    with bk.connect(nats_server.url) as session:
        kinds = ("MAX_DELIVERIES", "MSG_TERMINATED")
        subjects = [f"$JS.EVENT.ADVISORY.CONSUMER.{kind}.>" for kind in kinds]
        name = f"advisories-{uuid.uuid4().hex[:6]}"
        session.create_topic(name, subjects=subjects)
        yield
        session.delete_topic(name, confirm=name)


@pytest.fixture
def s(nats_server: NatsServer, advisories: None) -> Iterator[Session]:
    with bk.connect(nats_server.url) as session:
        yield session


def held(server: NatsServer, topic: str) -> list[str]:
    """The payloads in a topic, as nats-py reads them."""

    async def ask() -> list[str]:
        client = await nats.connect(server.url)
        try:
            context = client.jetstream()
            stream = await context.find_stream_name_by_subject(topic)
            state = (await context.stream_info(stream)).state
            numbers = range(state.first_seq, state.last_seq + 1) if state.messages else ()
            found = []
            for number in numbers:
                try:
                    found.append((await context.get_msg(stream, number)).data or b"")
                except nats.js.errors.NotFoundError:
                    continue
        finally:
            await client.close()
        return [each.decode() for each in found]

    return asyncio.run(ask())


def failed(s: Session, count: int, **options: object) -> str:
    """A topic whose consumer gave up the even messages, and terminated the odd ones."""
    topic = f"dl-{uuid.uuid4().hex[:8]}"
    s.create_topic(topic, stream=topic, **options)
    s.create_subscription(topic, "billing", start="earliest", max_deliver=1, ack_wait=5)
    s.publish_batch(
        topic,
        [OutboundMessage(str(n), f"k{n % 5}", {"own": "1", "Nats-Msg-Id": f"m{n}"}) for n in range(count)],
    )
    with s.consumer(topic, "billing") as consumer:
        left = count
        while left:
            for each in consumer.next_batch(left, 10):
                left -= 1
                if int(each.data or b"") % 2:
                    each.reject()
                else:
                    each.nack()
        # the server gives a returned message up when the next is asked for
        eventually(
            lambda: not consumer.next_batch(1, 0.2) and len(s.dead_letters(topic)) == count,
            "all advisories are there",
            within=60,
        )
    return topic


@pytest.mark.parametrize("retention", ["limits", "workqueue"])
def test_what_advisories_name_is_shown_and_sent_again(s: Session, retention: str) -> None:
    topic = failed(s, 20, retention=retention)
    found = s.dead_letters(topic)
    assert set(found["origin_subscription"]) == {"billing"}
    counts = s.dead_letters(topic, by="reason")
    assert dict(zip(counts["reason"], counts["count"], strict=True)) == {"max_deliver": 10, "terminated": 10}
    # a work queue keeps nothing that was terminated
    kept = list(range(20)) if retention == "limits" else list(range(0, 20, 2))
    assert sorted(int(each) for each in found["value"].dropna()) == kept
    assert set(found["origin_topic"]) == {topic}
    some = s.redrive(found.iloc[:4], confirm=topic, progress=False)
    assert some["removed"].all()
    receipts = s.redrive(topic, confirm=topic, progress=False)
    assert receipts.counts["confirmed"] == len(kept) - 4
    assert len(s.dead_letters(topic)) == 20 - len(kept)
    again = s.peek(topic, 100)
    assert len(again) == (40 if retention == "limits" else 10)
    names = {each["name"] for each in again["attributes"].iloc[-1]}
    assert {"own", "bk-redriven", "bk-redrive-id", "bk-message-id"} <= names, "a new id, the old one kept"
    with s.consumer(topic, "billing") as consumer:
        got = consumer.next_batch(len(kept), 10)
        assert sorted(int(each.data or b"") for each in got) == kept
        for each in got:
            each.ack()


def test_what_is_gone_is_told_and_stays(s: Session) -> None:
    topic = failed(s, 4)
    s.purge(topic, rows=s.peek(topic, 2, start="earliest"), confirm=topic)
    receipts = s.redrive(topic, confirm=topic, progress=False)
    assert receipts.counts == {"confirmed": 2, "failed": 2, "unknown": 0}
    assert all("not there any more" in each for each in receipts.failed["error"])
    assert len(s.dead_letters(topic)) == 2


def test_a_topic_by_a_usual_name_is_sent_back_and_deleted_from(s: Session, nats_server: NatsServer) -> None:
    topic = f"t-{uuid.uuid4().hex[:8]}"
    s.create_topic(topic)
    s.create_topic(f"{topic}-dlq")
    s.publish_batch(f"{topic}-dlq", [str(n) for n in range(300)])
    assert len(s.redrive(topic, dry_run=True)) == 300
    assert (len(held(nats_server, topic)), len(held(nats_server, f"{topic}-dlq"))) == (0, 300)
    assert s.redrive(topic, confirm=topic, progress=False).counts["confirmed"] == 300
    assert held(nats_server, topic) == [str(n) for n in range(300)]
    assert held(nats_server, f"{topic}-dlq") == []


def test_other_consumers_are_named(s: Session) -> None:
    topic = failed(s, 2)
    s.create_subscription(topic, "audit", start="earliest")
    with pytest.warns(MoveWarning, match="audit, billing"):
        s.redrive(topic, confirm=topic, progress=False)


def test_messages_are_moved(s: Session, nats_server: NatsServer) -> None:
    here, there = (f"t-{uuid.uuid4().hex[:8]}" for _ in range(2))
    s.create_topic(here)
    s.create_topic(there)
    s.publish_batch(here, [str(n) for n in range(10)])
    receipts = s.move(s.peek(here).iloc[::2], there, confirm=here, progress=False)
    assert receipts["removed"].all()
    assert held(nats_server, there) == ["0", "2", "4", "6", "8"]
    assert held(nats_server, here) == ["1", "3", "5", "7", "9"]


def test_what_was_redriven_is_moved_back_with_its_reasons(s: Session) -> None:
    topic = f"t-{uuid.uuid4().hex[:8]}"
    letters = f"{topic}-dlq"
    for name in (topic, letters):
        s.create_topic(name)
    told = {"bk-dead-letter-topic": topic, "bk-dead-letter-reason": "Timeout"}
    s.publish_batch(letters, [OutboundMessage(str(n), f"k{n % 5}", told) for n in range(20)])
    s.publish(topic, "new")
    receipts = s.redrive(topic, headers="keep", confirm=topic, progress=False)
    assert "move() takes a frame of their copies" in receipts.attrs["brokerkit"]["undo"][0]
    copies = s.scan(topic, header="bk-redrive-id", progress=False).to_pandas()
    assert s.move(copies, letters, confirm=topic, progress=False)["removed"].all()
    assert list(s.peek(topic)["value"]) == ["new"]
    assert s.dead_letters(topic, by="reason")[["reason", "count"]].values.tolist() == [["Timeout", 20]]
    # they can be sent once more
    assert s.redrive(topic, confirm=topic, progress=False).counts["confirmed"] == 20
