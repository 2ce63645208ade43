"""The conformance suite on a real Pulsar standalone, with records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import Conformance, Harness, OtherModel
from brokerkit.testing.behaviour import behaviours_of

from .test_pulsar import PulsarHarness

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def harness(pulsar_server: PulsarServer) -> Harness:
    return PulsarHarness(pulsar_server, "record")


class TestPulsarRecords(OtherModel):
    """The behaviours that either model has, with records."""


@pytest.mark.extended
@pytest.mark.parametrize("number", [1, 26, 42, 45, 54, 62])
def test_conformance_on_a_broker_with_the_default_delay_of_failover(
    default_delay: Harness, number: int
) -> None:
    """The first consumer gets its first message a second later, which changes nothing else."""
    (chosen,) = [each for each in behaviours_of(Conformance) if each.number == number]
    assert chosen.check(Conformance(), default_delay) is None


@pytest.fixture(scope="module")
def default_delay() -> Iterator[Harness]:
    """A server of its own, with the delay that it has where nothing is said."""
    with PulsarServer(settings={"activeConsumerFailoverDelayTimeMillis": "1000"}) as server:
        yield PulsarHarness(server, "record")
