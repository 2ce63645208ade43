"""Sending again into entities that detect duplicates: nothing is confirmed and gone."""

from __future__ import annotations

import uuid

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import ConfigError, OutboundMessage
from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.workbench import Session

from .conftest import new_name, new_queue

pytestmark = pytest.mark.broker


def detecting(session: Session, **options: object) -> str:
    return new_queue(session, duplicate_detection=600, **options)


def values(session: Session, topic: str) -> list[str]:
    return list(session.peek(topic)["value"])


def test_a_message_that_was_read_is_stored_again_under_an_id_of_its_own(session: Session) -> None:
    queue = detecting(session)
    session.publish(queue, "v", attributes={"$sb.message_id": "same"})
    frame = session.peek(queue)
    session.pull(queue, 10)
    frame["value"] = ["corrected"]
    outcome = session.publish_frame(queue, frame, progress=False)
    assert outcome["status"].tolist() == ["confirmed"]
    assert outcome["note"].tolist() == [
        f"ids renewed: {queue} drops repeated ids for 10 min; the old one is in bk-message-id"
    ]
    assert "ids renewed" in repr(outcome)
    stored = session.peek(queue)
    assert stored["value"].tolist() == ["corrected"]
    assert bk.attr(stored, "bk-message-id").tolist() == ["same"]
    # and so once more: the first id is kept
    session.publish_frame(queue, stored, progress=False)
    assert bk.attr(session.peek(queue), "bk-message-id").tolist() == ["same", "same"]


def test_every_kind_of_id_is_renewed_and_kept_beside(session: Session) -> None:
    queue = detecting(session)
    ids = ["text", 7, uuid.UUID(int=5), b"\x00bytes"]
    for each in ids:
        session.publish(queue, "v", attributes={"$sb.message_id": each})
    outcome = session.publish_frame(queue, session.peek(queue), progress=False)
    assert outcome.counts == {"confirmed": 4, "failed": 0, "unknown": 0}
    frame = session.peek(queue)
    assert len(frame) == 8
    kinds = [
        next(pair["type"] for pair in row if pair["name"] == "bk-message-id")
        for row in frame["attributes"][4:]
    ]
    assert kinds == ["string", "int", "uuid", "bytes"]


def test_an_id_is_kept_where_it_is_asked_for_and_that_is_said(session: Session) -> None:
    queue = detecting(session)
    session.publish(queue, "v", attributes={"$sb.message_id": "same"})
    frame = session.peek(queue)
    outcome = session.publish_frame(queue, frame, message_ids="keep", progress=False)
    assert outcome["note"].str.contains("ids kept: .* drops ids that it saw in the last 10 min").all()
    assert len(values(session, queue)) == 1
    with pytest.raises(ConfigError, match='"new" or "keep"'):
        session.publish_frame(queue, frame, message_ids="other")  # type: ignore[arg-type]  # that is the point


def test_an_id_that_a_publisher_gives_is_sent_and_the_result_says_what_cannot_be_known(
    session: Session,
) -> None:
    queue = detecting(session)
    for _ in range(2):
        result = session.publish(queue, "v", attributes={"$sb.message_id": "mine"})
        assert result.status == "confirmed"
        assert result.note is not None
        assert "without reporting it" in result.note
    assert values(session, queue) == ["v"]
    assert session.publish(queue, "v").note is None


def test_ids_stay_where_the_entity_takes_repeated_ones(session: Session) -> None:
    queue = new_queue(session)
    session.publish(queue, "v", attributes={"$sb.message_id": "same"})
    outcome = session.publish_frame(queue, session.peek(queue), progress=False)
    assert "note" not in outcome.columns
    assert bk.attr(session.peek(queue), "$sb.message_id").tolist() == ["same", "same"]


def test_a_topic_that_detects_duplicates_passes_on_what_is_sent_again(session: Session) -> None:
    topic = new_name()
    session.create_topic(topic, kind="topic", duplicate_detection=60)
    session.create_subscription(topic, "s")
    session.publish(topic, "v", attributes={"$sb.message_id": "same"})
    place = f"{topic}/Subscriptions/s"
    outcome = session.publish_frame(topic, session.peek(place), progress=False)
    assert "for 1 min" in outcome["note"][0]
    assert values(session, place) == ["v", "v"]


def test_a_copy_and_a_composed_message_arrive_too(session: Session) -> None:
    source, target = new_queue(session), detecting(session)
    for value in ("a", "b"):
        session.publish(source, value, attributes={"$sb.message_id": "same"})
    assert session.copy(source, session, target, progress=False)["status"].eq("confirmed").all()
    assert values(session, target) == ["a", "b"]
    read = session.peek(source)
    for _ in range(2):
        composer = session.compose(target, message=read.head(1))
        assert composer.send()["status"].tolist() == ["confirmed"]
    composer = session.compose(target, frame=read)
    assert composer.send()["status"].tolist() == ["confirmed", "confirmed"]
    assert values(session, target) == ["a", "b", "a", "a", "a", "b"]


def test_dead_letters_are_taken_back_by_their_queue(session: Session) -> None:
    queue = detecting(session)
    session.publish(queue, "bad", attributes={"$sb.message_id": "same"})
    with session.consumer(queue) as consumer:
        message = consumer.next_message(60)
        assert message is not None
        message.reject(reason="why")
    dead = session.peek(f"{queue}/$deadletterqueue")
    assert session.publish_frame(queue, dead, progress=False)["status"].tolist() == ["confirmed"]
    assert values(session, queue) == ["bad"]


def test_where_the_entity_may_not_be_looked_at_ids_are_renewed_and_that_is_said(
    servicebus_server: ServiceBusServer, session: Session
) -> None:
    queue = detecting(session)
    session.publish(queue, "v", attributes={"$sb.message_id": "same"})
    frame = session.peek(queue)
    with bk.connect(servicebus_server.connection_string_of("SendOnly")) as limited:
        outcome = limited.publish_frame(queue, frame, progress=False)
        kept = limited.publish(queue, "w", attributes={"$sb.message_id": "other"})
    assert outcome["note"].str.contains(f"it is not known whether {queue} drops repeated ids").all()
    assert kept.note is not None
    assert "is unknown" in kept.note
    assert values(session, queue) == ["v", "v", "w"]


def test_a_row_that_resume_sends_again_is_stored_once(session: Session) -> None:
    queue = detecting(session)
    frame = pd.DataFrame({"value": ["a", "b", "c"]})
    outcome = session.publish_frame(queue, frame, kind="messages", progress=False)
    outcome.loc[1:, "status"] = "failed"
    again = session.publish_frame(queue, frame, kind="messages", resume=outcome, progress=False)
    assert again["status"].tolist() == ["confirmed"] * 3
    assert values(session, queue) == ["a", "b", "c"]


def test_a_message_id_of_ours_is_one_for_each_row(session: Session) -> None:
    queue = detecting(session)
    results = session.publish_batch(queue, [OutboundMessage("x")] * 5)
    assert [result.status for result in results] == ["confirmed"] * 5
    assert len(values(session, queue)) == 5
