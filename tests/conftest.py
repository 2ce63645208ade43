"""The real servers of a test run: each is started once, on first use, and ended with the run."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from brokerkit.core import ConfigError

if TYPE_CHECKING:
    from tests.brokers.kafka import KafkaServer
    from tests.brokers.nats import NatsServer
    from tests.brokers.pubsub import EmulatorServer, PstestServer
    from tests.brokers.pulsar import PulsarServer
    from tests.brokers.servicebus.server import ServiceBusServer

pytest_plugins = ["brokerkit.testing.plugin"]

REQUIRE = "BROKERKIT_REQUIRE"
"""Environment variable: the servers, with commas, without which the run fails instead of skipping."""


NOTEBOOK_SECONDS = 600
"""How long a cell may take: one may have to download the servers that it starts."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `soak` run only where the marker expression names them: ``pytest -m soak``."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.timeout(NOTEBOOK_SECONDS))
    if "soak" in (config.option.markexpr or ""):
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


def pytest_configure() -> None:
    """Let Ctrl-C be tried in a run in the background, too: shells start such a one without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def missing(server: str, enable: str) -> None:
    """Skip, or fail where the server is required. enable: the line that would make it available."""
    required = {name.strip() for name in os.environ.get(REQUIRE, "").split(",")}
    if server in required:
        pytest.fail(f"{server} is in {REQUIRE} and cannot be started here: {enable}", pytrace=False)
    pytest.skip(f"no {server} server here: {enable}")


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """A NATS server with JetStream."""
    from brokerkit.sandbox.nats import server_binary
    from tests.brokers.nats import NatsServer

    try:
        server_binary()
    except ConfigError as error:
        missing("nats", str(error))
    with NatsServer() as server:
        yield server


def _kafka(rebalance_delay: float) -> Iterator[KafkaServer]:
    try:
        from tests.brokers import kafka
    except ModuleNotFoundError:
        missing("kafka", "pip install 'brokerkit-notebook[kafka]'")
    enable = kafka.available()
    if enable is not None:
        missing("kafka", enable)
    with kafka.start(rebalance_delay=rebalance_delay) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A Kafka broker whose groups form at once."""
    yield from _kafka(0.0)


@pytest.fixture(scope="session")
def kafka_server_default_delay() -> Iterator[KafkaServer]:
    """A Kafka broker with the default of 3 s before a new group forms."""
    yield from _kafka(3.0)


@pytest.fixture(scope="session")
def pubsub_emulator() -> Iterator[EmulatorServer]:
    """Google's Pub/Sub emulator."""
    try:
        from tests.brokers import pubsub
    except ModuleNotFoundError:
        missing("pubsub-emulator", "pip install 'brokerkit-notebook[pubsub]'")
    enable = pubsub.emulator_available()
    if enable is not None:
        missing("pubsub-emulator", enable)
    with pubsub.EmulatorServer() as server:
        yield server


@pytest.fixture(scope="session")
def pstest_server() -> Iterator[PstestServer]:
    """The test server of Google's Go client."""
    try:
        from tests.brokers import pubsub
    except ModuleNotFoundError:
        missing("pstest", "pip install 'brokerkit-notebook[pubsub]'")
    enable = pubsub.pstest_available()
    if enable is not None:
        missing("pstest", enable)
    with pubsub.PstestServer() as server:
        yield server


@pytest.fixture(scope="session")
def pulsar_server() -> Iterator[PulsarServer]:
    """A Pulsar standalone."""
    try:
        from tests.brokers import pulsar
    except ModuleNotFoundError:
        missing("pulsar", "pip install 'brokerkit-notebook[pulsar]'")
    enable = pulsar.available()
    if enable is not None:
        missing("pulsar", enable)
    with pulsar.PulsarServer() as server:
        yield server


@pytest.fixture(scope="session")
def servicebus_server() -> Iterator[ServiceBusServer]:
    """Our own Service Bus."""
    from tests.brokers.servicebus import server as servicebus

    enable = servicebus.available()
    if enable is not None:
        missing("servicebus", enable)
    with servicebus.ServiceBusServer() as server:
        yield server
