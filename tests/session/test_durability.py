"""What a confirmation means: said by the capabilities, of each topic, and by the doctor."""

from __future__ import annotations

import uuid

import httpx
import pytest

import brokerkit as bk
from brokerkit.backends.pulsar.inspector import confirmation
from brokerkit.core.runtime import registry
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.process import free_ports
from brokerkit.sandbox.pubsub import EmulatorServer
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.testing import waiting
from brokerkit.workbench import Session


@pytest.mark.parametrize("scheme", ["inmem", "nats", "kafka", "pubsub", "pulsar", "servicebus"])
def test_every_system_says_what_a_confirmation_means(scheme: str) -> None:
    assert len(registry.backend(scheme).capabilities.durability) > 20


def test_the_doctor_says_it() -> None:
    found = bk.doctor("inmem://")
    (step,) = [each for each in found.steps if each.name == "a confirmation"]
    assert step.detail == "in the memory of this process; lost when it ends"


def said_of(session: Session, **options: object) -> str:
    """What a new topic says, the same to the doctor."""
    topic = f"d-{uuid.uuid4().hex[:8]}"
    session.create_topic(topic, **options)
    return str(session.describe(topic).details["confirmation"])


def test_a_topic_of_this_process_says_that_it_goes_with_it() -> None:
    with bk.connect("inmem://") as session:
        assert said_of(session) == "in the memory of this process; lost when it ends"


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
        "in files of one server, written; on the disk after the server's sync_interval (unknown: connect with "
        "monitor=http://HOST:8222; 2 min by default)"
    )
    assert said["memory"] == "in memory of one server; lost when it stops"


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


@pytest.mark.broker
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("", "(2 min, according to the monitor of one server)"),
        ("jetstream { sync_interval: 10s }", "(10 s, according to the monitor of one server)"),
        ("jetstream { sync_interval: always }", "(always: each message before it is confirmed)"),
    ],
)
def test_the_monitor_of_a_server_tells_when_it_writes_to_its_disk(setting: str, said: str) -> None:
    (port,) = free_ports(1)
    server = NatsServer(settings=f"http: 127.0.0.1:{port}\n{setting}\n")
    with server, bk.connect(server.url, monitor=f"http://127.0.0.1:{port}/") as session:
        assert said_of(session).endswith(f"on the disk after the server's sync_interval {said}")
        assert "lost when it stops" in said_of(session, storage="memory")


@pytest.mark.broker
def test_a_monitor_that_does_not_answer_keeps_nothing_from_being_described(nats_server: NatsServer) -> None:
    for monitor in ("http://127.0.0.1:1", f"http://{nats_server.host}"):
        with bk.connect(nats_server.url, monitor=monitor) as session:
            assert said_of(session).endswith("(unknown: the monitor did not report it; 2 min by default)")


@pytest.mark.parametrize(
    "monitor", ["localhost:8222", "file:///etc/passwd", "http://u:secret@h:8222", "http://h?x=1"]
)
def test_a_monitor_is_the_plain_url_of_one(monitor: str) -> None:
    with pytest.raises(bk.ConfigError, match="monitor must") as caught:
        bk.connect("nats://127.0.0.1:1", monitor=monitor)
    assert "secret" not in str(caught.value)


@pytest.mark.broker
def test_a_topic_of_pulsar_says_how_many_bookies_have_it(pulsar_server: PulsarServer) -> None:
    rest = "which no endpoint reports"
    with bk.connect(pulsar_server.url, admin=pulsar_server.admin) as session:
        for options in ({}, {"partitions": 2}):
            said = said_of(session, **options)
            assert said.startswith("written by 1 of the 1 bookies")
            assert said.endswith(rest)
        topic = f"d-{uuid.uuid4().hex[:8]}"
        session.create_topic(topic)
        policy = {"bookkeeperEnsemble": 3, "bookkeeperWriteQuorum": 3, "bookkeeperAckQuorum": 2}
        with httpx.Client(
            base_url=f"{pulsar_server.admin}/admin/v2/persistent/public/default/{topic}/"
        ) as admin:
            admin.post(
                "persistence", json={**policy, "managedLedgerMaxMarkDeleteRate": 0.0}
            ).raise_for_status()
        waiting.eventually(
            lambda: (
                session.describe(topic)
                .details["confirmation"]
                .startswith(
                    "written by 2 of the 3 bookies that each message goes to (ack quorum 2, write quorum 3, ensemble 3)"
                )
            ),
            "the topic's own policy is said",
        )
    with bk.connect(pulsar_server.url) as session:
        said = session.describe(topic).details["confirmation"]
        assert "not known without the REST endpoint" in said
        assert said.endswith(rest)


def test_a_topic_that_is_not_persistent_says_that_it_is_kept_nowhere() -> None:
    said = confirmation(None, "non-persistent://public/default/t", Deadline(1.0))
    assert said == "in the memory of one broker only: a non-persistent topic"


@pytest.mark.broker
def test_a_topic_of_pubsub_says_what_keeps_it(pubsub_emulator: EmulatorServer) -> None:
    with bk.connect(pubsub_emulator.address) as session:
        assert said_of(session) == "in the memory of an emulator; lost when it stops"


@pytest.mark.broker
def test_a_queue_of_servicebus_says_what_is_not_stored(servicebus_server: ServiceBusServer) -> None:
    with bk.connect(servicebus_server.address) as session:
        plain = said_of(session)
        known = said_of(session, duplicate_detection=60)
        topic = said_of(session, kind="topic")
    assert plain == topic == "stored by an emulator, which may lose it when it stops"
    assert (
        known
        == f"{plain}; or already there: a message of the same id within the duplicate window is not stored"
    )
