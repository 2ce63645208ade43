"""What a confirmation means: said by the capabilities, of each topic, and by the doctor."""

from __future__ import annotations

import uuid

import pytest

import brokerkit as bk
from brokerkit.core import registry
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer


@pytest.mark.parametrize("scheme", ["inmem", "nats", "kafka", "pubsub", "pulsar", "servicebus"])
def test_every_system_says_what_a_confirmation_means(scheme: str) -> None:
    assert len(registry.backend(scheme).capabilities.durability) > 20


def test_the_doctor_says_it() -> None:
    found = bk.doctor("inmem://")
    (step,) = [each for each in found.steps if each.name == "a confirmation"]
    assert step.detail == "in the memory of this process, and gone with it"


@pytest.mark.broker
def test_a_stream_says_where_its_messages_are_when_they_are_confirmed(nats_server: NatsServer) -> None:
    with bk.connect(nats_server.url) as session:
        said = {}
        for storage in ("file", "memory"):
            topic = f"d-{uuid.uuid4().hex[:8]}"
            session.create_topic(topic, storage=storage)
            said[storage] = session.describe(topic).details["confirmation"]
            assert said[storage] in repr(bk.doctor(nats_server.url, topic=topic).frame["detail"].tolist())
    assert said["file"] == (
        "in files of one server, written; on the disk after the server's sync_interval, 2 min unless configured"
    )
    assert said["memory"] == "in memory of one server; gone when it stops"


@pytest.mark.broker
def test_a_topic_of_kafka_says_how_many_replicas_have_it(kafka_server: KafkaServer) -> None:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as session:
        topic = f"d-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic, partitions=2)
        said = session.describe(topic).details["confirmation"]
    assert said == (
        "in memory of the in-sync replicas: 1 of 1 now, at least 1 (min.insync.replicas); each broker writes to "
        "its disk when its operating system does"
    )
