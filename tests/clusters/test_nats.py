"""A cluster of three NATS servers, of which one dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.errors import ConfigError, Unavailable
from brokerkit.testing import eventually
from brokerkit.workbench import Session
from tests.brokers.nats_cluster import NatsCluster

from .suite import Publishing, Working, frame, running, topic, whole

__all__ = ["topic", "whole"]
pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsCluster]:
    yield from running(NatsCluster, "nats", tmp_path_factory.mktemp("nats"))


class TestNatsPublishing(Publishing):
    """All of it."""


class TestNatsWorking(Working):
    """All of it."""


def test_a_stream_says_how_many_replicas_have_what_is_confirmed(whole: NatsCluster) -> None:
    with bk.connect(whole.url) as session:
        for name, options, said in (
            ("inthree", {"num_replicas": 3}, "in files of 2 of 3 replicas (3 up to date now), written; "),
            ("inone", {}, "in files of one server, written; "),
            (
                "inmemory",
                {"num_replicas": 3, "storage": "memory"},
                "in memory of 2 of 3 replicas (3 up to date now); lost when it stops",
            ),
        ):
            session.create_topic(name, **options)
            session.publish(name, "1")
            details = eventually(lambda name=name, said=said: told(session, name, said), said, within=60)
            assert details["num_replicas"] == options.get("num_replicas", 1)
        with pytest.raises(ConfigError, match="10005"):
            session.create_topic("toomany", num_replicas=5)


def told(session: Session, topic: str, said: str) -> dict[str, Any] | None:
    """The details of a topic once they say what a confirmation means in these words."""
    details = dict(session.describe(topic).details)
    return details if details["confirmation"].startswith(said) else None


@pytest.mark.soak
def test_a_stream_says_that_a_replica_is_away(whole: NatsCluster, topic: str) -> None:
    leader = whole.leader(topic)
    follower = next(name for name in whole.servers if name != leader)
    with bk.connect(whole.servers[leader].url) as session:
        session.publish_frame(topic, frame(10), kind="messages", progress=False).raise_for_failures()
        whole.kill(follower)
        eventually(
            lambda: "(2 up to date now)" in session.describe(topic).details["confirmation"],
            "it is said",
            within=60,
        )
        session.publish_frame(topic, frame(10), kind="messages", progress=False).raise_for_failures()


@pytest.mark.soak
@pytest.mark.timeout(120)
def test_a_stream_without_a_majority_confirms_nothing_and_comes_back(whole: NatsCluster, topic: str) -> None:
    leader = whole.leader(topic)
    other = next(name for name in whole.servers if name != leader)
    with bk.connect(whole.url) as session:
        session.publish_frame(topic, frame(100), kind="messages", progress=False).raise_for_failures()
        for name in (leader, other):
            whole.kill(name)
        begun = time.monotonic()
        outcome = session.publish_frame(topic, frame(100), kind="messages", timeout=3.0, progress=False)
        assert not outcome["status"].eq("confirmed").any()
        with pytest.raises(Unavailable):
            session.create_topic("later", num_replicas=3)
        assert time.monotonic() - begun < 60
        whole.mend()
        again = session.publish_frame(topic, frame(100), kind="messages", resume=outcome, progress=False)
        assert again["status"].eq("confirmed").all()
        assert len(session.scan(topic, progress=False).to_pandas()) == 200
