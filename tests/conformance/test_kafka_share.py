"""The conformance suite on the share groups of a real Kafka broker."""

from __future__ import annotations

import pytest

from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing import Gap, Harness, OtherModel

from .test_kafka import KafkaHarness

pytestmark = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore::brokerkit.core.vocabulary.errors.PreviewWarning"),
]


class KafkaShareHarness(KafkaHarness):
    """The same broker, read by members of share groups."""

    name = "kafka (share groups)"
    model = "message"
    gaps = {  # noqa: RUF012  # as the base class has it
        **KafkaHarness.gaps,
        "a late subscriber replays": Gap(
            "never", "a share group that has settled nothing has no position but earliest"
        ),
    }


@pytest.fixture(scope="module")
def harness(kafka_server: KafkaServer) -> Harness:
    return KafkaShareHarness(kafka_server)


class TestKafkaShare(OtherModel):
    """The behaviours that either model has, with messages."""
