"""The systems that the scenarios run on, and a year of flights on each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.workbench import Session

from .flights import Flights
from .systems import JetStream, Kafka, Pulsar, System


@pytest.fixture(scope="session")
def kafka_system(kafka_server: KafkaServer) -> Kafka:
    return Kafka(kafka_server)


@pytest.fixture(scope="session")
def nats_system(nats_server: NatsServer) -> JetStream:
    return JetStream(nats_server)


@pytest.fixture(scope="session")
def pulsar_system(pulsar_server: PulsarServer) -> Pulsar:
    return Pulsar(pulsar_server)


ON_ONE_SYSTEM = pytest.mark.parametrize(
    "system", ["kafka", pytest.param("nats", marks=pytest.mark.soak)], indirect=True, scope="session"
)
"""For what takes long and is the same on each system."""


@pytest.fixture(scope="session", params=["kafka", "nats"])
def system(request: pytest.FixtureRequest) -> System:
    """Each system in turn."""
    found: System = request.getfixturevalue(f"{request.param}_system")
    return found


@pytest.fixture
def session(system: System) -> Iterator[Session]:
    with system.connect() as opened:
        yield opened


@pytest.fixture
def kafka_session(kafka_system: Kafka) -> Iterator[Session]:
    with kafka_system.connect() as opened:
        yield opened


@pytest.fixture(scope="session")
def flights(system: System) -> Flights:
    """All flights of a year, published once to each system; tests only read them."""
    return Flights.published(system)
