"""The real servers of a test run: each is started once, on first use, and ended with the run."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from brokerkit.sandbox import catalogue

if TYPE_CHECKING:
    from brokerkit.sandbox.kafka import KafkaServer
    from brokerkit.sandbox.nats import NatsServer
    from brokerkit.sandbox.pubsub import EmulatorServer, PstestServer
    from brokerkit.sandbox.pulsar import PulsarServer
    from brokerkit.sandbox.servicebus.server import ServiceBusServer

pytest_plugins = ["brokerkit.testing.plugin"]

REQUIRE = "BROKERKIT_REQUIRE"
"""Environment variable: the servers, with commas, without which the run fails instead of skipping."""


ROOT = Path(__file__).parent
NOTEBOOK_SECONDS = 600
"""How long a cell may take: one may have to download the servers that it starts."""


NOTEBOOKS_WITH_SERVERS = {"02_five_brokers.ipynb"}
LONGEST_FIRST = (
    "conformance/test_pulsar", "widgets/lab/test_browse", "conformance/test_pubsub",
    "faults/test_pulsar", "faults/test_kafka",
    "faults/test_nats", "faults/test_servicebus", "faults/test_pubsub", "faults/test_pstest",
    "conformance/test_kafka_share", "conformance/test_kafka", "widgets/lab/test_tail",
    "widgets/lab/test_compose", "scenarios/test_flights", "scenarios/test_restart",
    "conformance/test_servicebus", "widgets/lab/test_hostile", "backends/kafka/test_share",
    "scenarios/test_copying", "scenarios/test_interrupt", "conformance/test_jetstream",
    "backends/kafka/test_crash", "backends/kafka/test_consumer", "backends/pulsar/test_process",
    "backends/pubsub/test_consumer", "widgets/lab/test_lab", "backends/pubsub/test_connection",
    "scenarios/test_crash", "conformance/test_inmem", "conformance/test_inmem_records",
    "conformance/test_suite", "core/test_message_consumer",
)  # fmt: skip
"""Files of tests from 250 seconds down to 8, so that no process is left alone with one at the end."""
_RANKS = {str(ROOT / f"{name}.py"): rank for rank, name in enumerate(LONGEST_FIRST)}
SERVERS = {
    "nats_server", "kafka_server", "kafka_server_default_delay", "pubsub_emulator", "pstest_server",
    "pulsar_server", "servicebus_server",
}  # fmt: skip
"""The fixtures below that start a real server."""
_item: list[pytest.Item] = []
"""The test that is run now."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order and mark the tests; those marked `soak` run only where ``pytest -m soak`` asks for them."""
    items.sort(key=lambda item: _RANKS.get(str(item.path), len(_RANKS)))
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.broker)
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.timeout(NOTEBOOK_SECONDS))
        if item.path.name in NOTEBOOKS_WITH_SERVERS:
            item.add_marker(pytest.mark.broker)
    if "soak" in (config.option.markexpr or ""):
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which test asks for a server."""
    _item[:] = [item]


def pytest_configure() -> None:
    """Let Ctrl-C be tried in a run in the background, too: shells start such a one without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def missing(server: str, enable: str) -> NoReturn:
    """Skip, or fail where the server is required. enable: the line that would make it available."""
    required = {name.strip() for name in os.environ.get(REQUIRE, "").split(",")}
    if server in required:
        pytest.fail(f"{server} is in {REQUIRE} and cannot be started here: {enable}", pytrace=False)
    pytest.skip(f"no {server} server here: {enable}")


def _running(name: str, **options: Any) -> Iterator[Any]:
    assert not _item or _item[0].get_closest_marker("broker"), f"{_item[0].nodeid} needs the marker broker"
    try:
        server = catalogue.start(name, **options)
    except catalogue.Missing as error:
        missing(name, str(error))
    with server:
        yield server


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """A NATS server with JetStream."""
    yield from _running("nats")


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A Kafka broker whose groups form at once."""
    yield from _running("kafka", rebalance_delay=0.0)


@pytest.fixture(scope="session")
def kafka_server_default_delay() -> Iterator[KafkaServer]:
    """A Kafka broker with the default of 3 s before a new group forms."""
    yield from _running("kafka", rebalance_delay=3.0)


@pytest.fixture(scope="session")
def pubsub_emulator() -> Iterator[EmulatorServer]:
    """Google's Pub/Sub emulator."""
    yield from _running("pubsub-emulator")


@pytest.fixture(scope="session")
def pstest_server() -> Iterator[PstestServer]:
    """The test server of Google's Go client."""
    yield from _running("pstest")


@pytest.fixture(scope="session")
def pulsar_server() -> Iterator[PulsarServer]:
    """A Pulsar standalone."""
    yield from _running("pulsar")


@pytest.fixture(scope="session")
def servicebus_server() -> Iterator[ServiceBusServer]:
    """Our own Service Bus."""
    yield from _running("servicebus")
