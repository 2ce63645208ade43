"""The conformance suite on a real Kafka broker."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing import Conformance, Gap, Harness
from brokerkit.testing.behaviour import behaviours_of

from .on_server import Impatient, ServerHarness

pytestmark = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore::brokerkit.core.vocabulary.errors.PreviewWarning"),
]


class KafkaHarness(ServerHarness):
    """One broker; gaps in the offsets are the markers of transactions."""

    name = "kafka"
    model = "record"
    lock_seconds = 3.0
    lock_options = {"share.record.lock.duration.ms": 3000}  # noqa: RUF012  # as the base class has it
    gaps: Mapping[str, Gap] = {
        "a hundred nacks over three consumers lose nothing": Gap(
            "never", "the broker gives a message up after so many deliveries (5 by default)"
        ),
        "ordered the next of a key waits for the ack": Gap(
            "never", "a share group does not order: the next of a key goes to who asks first"
        ),
    }

    def __init__(self, server: KafkaServer) -> None:
        super().__init__(server)
        self.url = f"kafka://{server.bootstrap}"
        # members hear of a newcomer at their next heartbeat, every 3 s by default
        self.options = {"heartbeat.interval.ms": 500}


@pytest.fixture(scope="module")
def harness(kafka_server: KafkaServer) -> Harness:
    return KafkaHarness(kafka_server)


class TestKafka(Impatient, Conformance):
    """All behaviours."""

    waits = "brokerkit.backends.kafka.consumer", "COMMIT_SECONDS"


@pytest.mark.parametrize(
    "number", [1, *(pytest.param(each, marks=pytest.mark.extended) for each in (26, 45, 54))]
)
def test_conformance_on_a_broker_with_the_default_rebalance_delay(
    kafka_server_default_delay: KafkaServer, number: int
) -> None:
    """Timeouts count from being attached, so a first join of 3 s changes nothing."""
    (chosen,) = [each for each in behaviours_of(Conformance) if each.number == number]
    assert chosen.check(Conformance(), KafkaHarness(kafka_server_default_delay)) is None
