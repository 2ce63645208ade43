"""The real servers of a test run: each is started once, on first use, and ended with the run."""

from __future__ import annotations

import compileall
import gc
import os
import re
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

import brokerkit
from brokerkit.sandbox import catalogue
from brokerkit.testing.plugin import BY_NAME

from . import durations

if TYPE_CHECKING:
    from brokerkit.sandbox.kafka import KafkaServer
    from brokerkit.sandbox.nats import NatsServer
    from brokerkit.sandbox.pubsub import EmulatorServer, PstestServer
    from brokerkit.sandbox.pulsar import PulsarServer
    from brokerkit.sandbox.registries import ApicurioServer, SchemaRegistryServer
    from brokerkit.sandbox.servicebus.server import ServiceBusServer

pytest_plugins = ["brokerkit.testing.plugin"]

# how long an example takes says more about what else runs on the machine
# few examples in each of many runs find as much as many in one
settings.register_profile(
    "unhurried", deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")

REQUIRE = "BROKERKIT_REQUIRE"
"""Environment variable: the servers, with commas, without which the run fails instead of skipping.

`native` is the compiled reader for Kafka.
"""


NOTEBOOK_SECONDS = 600
"""How long a cell may take: one may have to download the servers that it starts."""


NOTEBOOKS_WITH_SERVERS: dict[str, dict[str, str]] = {
    "02_five_brokers.ipynb": {},
    "04_formats.ipynb": {"kafka": "kafka", "registry": "schema-registry"},
    "05_dead_letters.ipynb": {"kafka": "kafka"},
    "06_export_and_scale.ipynb": {"kafka": "kafka"},
}
"""Notebooks that start real servers: what they cannot do without, and its name in `REQUIRE`."""
LONG_NOTEBOOKS = {"03_browse_and_repair.ipynb"}
"""Notebooks of a hundred thousand messages, which are extended tests."""
FOLDERS = {"tests/scenarios": "broker", "tests/widgets/lab": "browser"}
"""Folders, and the marker of every test in them."""
MARKED = re.compile(r"^pytestmark = (?:[^\[\n].*|\[[^\]]*\])$", re.MULTILINE)
"""The markers of every test of a file."""
SERVERS = {
    "nats_server", "kafka_server", "kafka_server_default_delay", "pubsub_emulator", "pstest_server",
    "pulsar_server", "servicebus_server", "schema_registry_server", "apicurio_server",
}  # fmt: skip
"""The fixtures below that start a real server."""
_item: list[pytest.Item] = []
"""The test that is run now."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Spare the garbage collector what stays for the whole run: every module and every test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        # many tests make many objects and keep few
        gc.set_threshold(10_000)
        gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file of which ``-m "not broker"`` and the like leave no test: they are half of the files."""
    left_out = _left_out(config.option.markexpr or "")
    if not left_out or not collection_path.is_relative_to(config.rootpath):
        return None
    name = collection_path.relative_to(config.rootpath).as_posix()
    named = (config.invocation_params.dir / argument.split("::", 1)[0] for argument in config.args)
    if collection_path in {path.resolve() for path in named}:
        return None
    if FOLDERS.get(name) in left_out:
        return True
    if collection_path.name in NOTEBOOKS_WITH_SERVERS:
        return True if "broker" in left_out else None
    if not collection_path.name.startswith("test_") or collection_path.suffix != ".py":
        return None
    marked = " ".join(MARKED.findall(collection_path.read_text("utf-8")))
    return True if any(re.search(rf"(?<![=\w])pytest\.mark\.{name}\b", marked) for name in left_out) else None


def _left_out(expression: str) -> set[str]:
    """Return the markers of which no test runs, with those that run only by name."""
    if not re.fullmatch(r"not \w+( and not \w+)*", expression):
        return set()
    return {*re.findall(r"not (\w+)", expression), *BY_NAME}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order and mark the tests."""
    stored = durations.stored()
    items.sort(key=lambda item: -stored.get(durations.file_of(item.nodeid), 0.0))
    markers = cache(
        lambda path: [
            each for folder, each in FOLDERS.items() if path.is_relative_to(config.rootpath / folder)
        ]
    )
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.broker)
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.timeout(NOTEBOOK_SECONDS))
        if item.path.name in NOTEBOOKS_WITH_SERVERS:
            item.add_marker(pytest.mark.broker)
        if item.path.name in LONG_NOTEBOOKS:
            item.add_marker(pytest.mark.extended)
        for marker in markers(item.path):
            item.add_marker(marker)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which test asks for a server, and skip a notebook whose servers cannot be started here."""
    if not _item or _item[0].path != item.path:
        # what tests of the file before have imported stays, too
        gc.collect()
        gc.freeze()
    _item[:] = [item]
    for system, name in NOTEBOOKS_WITH_SERVERS.get(item.path.name, {}).items():
        enable = lacking()[system]
        if enable is not None:
            missing(name, enable)


@cache
def lacking() -> dict[str, str | None]:
    """Return what each system lacks to be started here, or None."""
    return dict(catalogue.startable())


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes share the tests, which wait for much of their time."""
    processors = os.cpu_count() or 1
    real = "not broker" not in (config.option.markexpr or "")
    # each process imports all tests, and each that uses real servers starts its own
    return max(4, processors) if real else max(2, processors * 3 // 2)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share by file as `--dist loadfile` does, and keep the files together that share a large topic."""
    return durations.scheduler(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure() -> None:
    """Compile once what hundreds of interpreters import, and let Ctrl-C be tried.

    A run in the background can be interrupted, too: shells start such a one without it.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        compileall.compile_dir(Path(brokerkit.__file__).parent, quiet=2)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def missing(name: str, enable: str, what: str = "server") -> NoReturn:
    """Skip, or fail where it is required. enable: the line that would make it available."""
    required = {each.strip() for each in os.environ.get(REQUIRE, "").split(",")}
    if name in required:
        pytest.fail(f"{name} is in {REQUIRE} and cannot be used here: {enable}", pytrace=False)
    pytest.skip(f"no {name} {what} here: {enable}")


def _running(name: str, **options: Any) -> Iterator[Any]:
    assert not _item or _item[0].get_closest_marker("broker"), f"{_item[0].nodeid} needs the marker broker"
    try:
        server = catalogue.start(name, **options)
    except catalogue.Missing as error:
        missing(name, str(error))
    with server:
        yield server


@pytest.fixture
def small_heap() -> None:
    """Let the collector look at nothing that was there before: the test asks it to collect, many times."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def schema_registry_server() -> Iterator[SchemaRegistryServer]:
    """The schema registry of a Go client's tests, which has GUIDs and finds everything compatible."""
    yield from _running("schema-registry")


@pytest.fixture(scope="session")
def apicurio_server() -> Iterator[ApicurioServer]:
    """An Apicurio Registry."""
    yield from _running("apicurio")
