"""One message that the service refuses fails alone, and the others are stored in their order."""

from __future__ import annotations

from typing import Any

import pytest

import brokerkit as bk
from brokerkit.backends.servicebus.client_internals import Sender
from brokerkit.workbench import Session

from .conftest import new_queue

pytestmark = pytest.mark.broker
ROWS = 3_000
BAD = [{0}, {1_500}, {ROWS - 1}, {1, 700, 701, 2_998}]


def check(session: Session, queue: str, batch: list[bk.OutboundMessage], bad: set[int]) -> list[Any]:
    results = session.shared_publisher().topic(queue).publish_batch(batch)
    assert {row for row, result in enumerate(results) if result.status == "failed"} == bad
    assert sum(result.ok for result in results) == ROWS - len(bad)
    stored = session.scan(queue, progress=False).to_pandas().sort_values("offset")
    assert stored["value"].astype(int).tolist() == [row for row in range(ROWS) if row not in bad]
    return results


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_of_a_batch_that_the_service_refuses_only_the_message_that_is_wrong_fails(
    session: Session, monkeypatch: pytest.MonkeyPatch, bad: set[int]
) -> None:
    sent = []
    send = Sender.send_messages

    def counted(self: Sender, *args: Any, **options: Any) -> None:
        sent.append(1)
        send(self, *args, **options)

    monkeypatch.setattr(Sender, "send_messages", counted)
    queue = new_queue(session, sessions=True)
    batch = [bk.OutboundMessage(b"%d" % n, None if n in bad else b"k%d" % (n % 9)) for n in range(ROWS)]
    results = check(session, queue, batch, bad)
    assert all("SessionId was not set" in str(results[row].error) for row in bad)
    # each takes a way to the service and back: one by one would take minutes
    assert len(sent) < 30 * len(bad)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_message_that_is_too_large_fails_alone(session: Session, bad: set[int]) -> None:
    batch = [bk.OutboundMessage(b"x" * 1_100_000 if n in bad else b"%d" % n) for n in range(ROWS)]
    results = check(session, new_queue(session), batch, bad)
    assert all(isinstance(results[row].error, bk.TooLarge) for row in bad)


@pytest.mark.parametrize(
    "wrong", [{"$sb.time_to_live": -5}, {"$sb.nope": "x"}, {"$sb.message_id": "x" * 200}, {"a": 2**70}]
)
def test_a_message_with_a_property_that_cannot_be_fails_alone(session: Session, wrong: Any) -> None:
    batch = [bk.OutboundMessage(b"%d" % n, None, wrong if n == 1_500 else {"a": n}) for n in range(ROWS)]
    check(session, new_queue(session), batch, {1_500})


@pytest.mark.parametrize(
    "attributes",
    [
        {"a": "v" * 70_000},
        {"a": b"v" * 70_000},
        {"n" * 70_000: "v"},
        {f"n{n}": "é" * 200 for n in range(200)},
    ],
    ids=["text", "bytes", "name", "many"],
)
def test_attributes_above_the_limit_of_the_service_fail_before_they_are_sent(
    session: Session, attributes: dict[str, Any]
) -> None:
    queue = new_queue(session)
    batch = [bk.OutboundMessage(b"%d" % n, attributes=attributes if n == 7 else None) for n in range(20)]
    results = session.shared_publisher().topic(queue).publish_batch(batch)
    assert [row for row, result in enumerate(results) if result.status == "failed"] == [7]
    assert isinstance(results[7].error, bk.TooLarge)
    assert "a message may have 65,536 of them here" in str(results[7].error)
    source = bk.connect("inmem://")
    with source:
        source.create_topic("t")
        source.publish_batch("t", batch)
        outcome = source.copy("t", session, queue, progress=False)
    assert outcome.counts == {"confirmed": 19, "failed": 1, "unknown": 0}
    assert outcome.failed["source"].tolist() == ["0-7"]


def test_attributes_within_the_limit_of_the_service_are_kept(session: Session) -> None:
    queue = new_queue(session)
    session.publish(queue, "1", attributes={"a": "v" * 65_000})
    assert bk.attr(session.peek(queue), "a").tolist() == ["v" * 65_000]
