"""Broken connections to a Kafka broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.sandbox.kafka import KafkaServer

from .places import Kafka, Place
from .suite import Publishing, Reading, Taking, through

__all__ = ["through"]
pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def place(kafka_server: KafkaServer) -> Iterator[Place]:
    with kafka_server.proxy() as proxy:
        made = Kafka(kafka_server, proxy)
        yield made
        made.close()


class TestKafkaReading(Reading):
    """All of it."""


class TestKafkaTaking(Taking):
    """All of it."""


class TestKafkaPublishing(Publishing):
    """All of it."""


@pytest.mark.extended
@pytest.mark.filterwarnings("ignore::brokerkit.PreviewWarning")
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_share_groups_are_listed_although_the_brokers_are_silent_meanwhile(
    place: Place, share: float
) -> None:
    topic, group = place.new_topic(), f"silent-{share}"
    place.direct.create_subscription(topic, group, share=True, start="earliest")
    place.direct.publish_batch(topic, ["x"] * 20)
    place.direct.pull(topic, 20, subscription=group, share=True, ack=True)
    with place.connect() as s:
        before = place.proxy.passed()
        s.subscriptions(topic)
        # a list takes about as many bytes each time
        place.proxy.after(int((place.proxy.passed() - before) * share), lambda: place.proxy.stall(6.5))
        try:
            found = s.subscriptions(topic)
        finally:
            place.proxy.mend()
    assert set(found["subscription"]) == {group}
