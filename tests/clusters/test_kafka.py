"""A cluster of three Kafka brokers, of which one dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import brokerkit as bk
from brokerkit.testing import eventually
from brokerkit.workbench import Session
from tests.brokers.kafka_cluster import KafkaCluster

from .suite import CASE_SECONDS, Publishing, Working, running, topic, whole

__all__ = ["topic", "whole"]
pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    yield from running(KafkaCluster, "kafka", tmp_path_factory.mktemp("kafka"))


@pytest.mark.extended
class TestKafkaPublishing(Publishing):
    """All of it."""


class TestKafkaWorking(Working):
    """All of it."""


BEGIN = "in memory of the in-sync replicas: {}, at least {} (min.insync.replicas); each broker writes"


def said(session: Session, topic: str) -> str:
    return str(session.describe(topic).details["confirmation"])


def test_a_topic_says_how_many_replicas_have_what_is_confirmed(whole: KafkaCluster, topic: str) -> None:
    with bk.connect(whole.url) as session:
        assert said(session, topic).startswith(BEGIN.format("3 of 3 now", 2))
        session.create_topic("single", partitions=1, replication_factor=1, config={"min.insync.replicas": 1})
        assert said(session, "single").startswith(BEGIN.format("1 of 1 now", 1))


def test_a_new_topic_can_be_described_at_once_whichever_broker_answers(whole: KafkaCluster) -> None:
    with ExitStack() as stack:
        sessions = [stack.enter_context(bk.connect(whole.url)) for _ in range(3)]
        for number in range(4):
            name = f"at-once-{number}"
            sessions[0].create_topic(name, partitions=9, replication_factor=1)
            assert [len(each.describe(name).partitions) for each in sessions] == [9] * 3


@pytest.mark.soak
@pytest.mark.timeout(CASE_SECONDS)
def test_a_topic_says_that_a_replica_is_away(whole: KafkaCluster, topic: str) -> None:
    with bk.connect(whole.url) as session:
        session.create_subscription(topic, "away", start="earliest")
        begun = time.monotonic()
        whole.kill(whole.leader(topic))
        now = BEGIN.format("2 of 3 now", 2)
        eventually(lambda: said(session, topic).startswith(now), "the dead broker is out of sync", within=60)
        assert time.monotonic() - begun < 25
