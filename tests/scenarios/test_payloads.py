"""Payloads and keys that are no text, empty or null come out as they went in, or are refused."""

from __future__ import annotations

import pandas as pd
import pytest

from brokerkit.core import OutboundMessage
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.results import PublishFailed
from brokerkit.workbench import Session

from .messages import bytes_of
from .systems import JetStream, Kafka, System

HOSTILE = [b"", b"\x00", b"\xff\xfe", b"caf\xe9", "naïve ✓ \U0001f680".encode(), b'{"a": 1, "a": 2}', b"null"]


def test_any_bytes_come_out_as_they_went_in(system: System, session: Session) -> None:
    topic = system.create_topic(session)
    sent = [
        OutboundMessage(data, key)
        for data in HOSTILE
        for key in HOSTILE
        if key or session.capabilities.empty_key
    ]
    session.publish_batch(topic, sent)

    frame = session.scan(topic, progress=False).to_pandas()

    assert sorted(_pairs(frame)) == sorted((message.key, message.data) for message in sent)


def test_null_and_empty_are_different_on_kafka(kafka_system: Kafka, kafka_session: Session) -> None:
    kafka_session.create_topic(topic := kafka_system.new_name("nulls"))
    sent = [(key, data) for key in (None, b"", b"k") for data in (None, b"", b"d")]
    kafka_session.publish_batch(topic, [OutboundMessage(data, key) for key, data in sent])

    for frame in (
        kafka_session.scan(topic, progress=False).to_pandas(),
        kafka_session.pull(topic, subscription="me", start="earliest"),
        kafka_session.peek(topic),
    ):
        assert _pairs(frame) == sent


@pytest.mark.parametrize("data", [None], ids=["null"])
def test_a_null_payload_is_refused_on_nats_before_anything_of_it_is_sent(
    nats_system: JetStream, data: None
) -> None:
    with nats_system.connect() as session:
        topic = nats_system.create_topic(session)
        with pytest.raises(PublishFailed, match="no null payload") as caught:
            session.publish_batch(topic, [OutboundMessage("first"), OutboundMessage(data)])
        assert isinstance(caught.value.results[1].error, ConfigError)
        assert list(session.peek(topic)["value"]) == ["first"]


def _pairs(frame: pd.DataFrame) -> list[tuple[bytes | None, bytes | None]]:
    """Key and payload of each row."""
    return list(zip(bytes_of(frame, "key", "raw_key"), bytes_of(frame, "value", "raw"), strict=True))
