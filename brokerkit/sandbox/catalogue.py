"""The servers that can be started, by name, and the requirements of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError

from .server import Server


class Missing(ConfigError):
    """A server cannot be started here. The text holds the line that makes it possible."""


@dataclass(frozen=True)
class Kind:
    """A description of how to start a server.

    Attributes:
        extra: The extra of the distribution with its client library. A module that imports the client is
            not imported before it is needed.
        module: The module of its class.
        server: The name of its class.
        available: The function beside the class that says what keeps it from starting.
        keeps_data: Whether it can keep its data in a folder.
    """

    extra: str
    module: str
    server: str
    available: str = "available"
    keeps_data: bool = True


KINDS = {
    "nats": Kind("sandbox", "nats", "NatsServer"),
    "kafka": Kind("kafka", "kafka", "KafkaServer"),
    "pubsub-emulator": Kind("pubsub", "pubsub", "EmulatorServer", "emulator_available", keeps_data=False),
    "pstest": Kind("pubsub", "pubsub", "PstestServer", "pstest_available", keeps_data=False),
    "pulsar": Kind("pulsar", "pulsar", "PulsarServer"),
    "servicebus": Kind("servicebus", "servicebus.server", "ServiceBusServer"),
    "schema-registry": Kind(
        "sandbox", "registries", "SchemaRegistryServer", "schema_registry_available", keeps_data=False
    ),
    "apicurio": Kind("sandbox", "registries", "ApicurioServer", "apicurio_available", keeps_data=False),
}
SYSTEMS = {
    "nats": ("nats",),
    "kafka": ("kafka",),
    "pulsar": ("pulsar",),
    "pubsub": ("pubsub-emulator", "pstest"),
    "servicebus": ("servicebus",),
}
"""The servers of each system, in order of preference."""
REGISTRY = "registry"
REGISTRIES = ("schema-registry", "apicurio")
"""The schema registries, in order of preference."""


def start(name: str, *, data: Path | None = None, **options: Any) -> Server:
    """Start a server by the name of its kind. `options` are those of its class.

    Raises:
        Missing: Something that it needs is not available.
        ConfigError: `data` is given for a server that keeps its data in memory.
        Unavailable: It did not start; the text holds the end of its log.
    """
    kind = KINDS[name]
    try:
        module = import_module(f"{__package__}.{kind.module}")
    except ModuleNotFoundError as error:
        raise Missing(
            f"{name} needs {error.name!r}: pip install 'brokerkit-notebook[{kind.extra}]'"
        ) from error
    needed = getattr(module, kind.available)()
    if needed is not None:
        raise Missing(needed)
    if data is not None:
        if not kind.keeps_data:
            raise ConfigError(f"{name} keeps its data in memory only: leave data= out")
        options["data"] = data
    started: Server = getattr(module, kind.server)(**options)
    return started


def start_system(system: str, *, data: Path | None = None) -> Server:
    """Start the first server of a system that can be started here. Raises the errors of `start`.

    `REGISTRY` stands for the schema registries.
    """
    names = REGISTRIES if system == REGISTRY else SYSTEMS.get(system)
    if names is None:
        known = ", ".join([*SYSTEMS, REGISTRY])
        raise ConfigError(f"there is no sandbox for {system!r}: expected one of {known}")
    reasons: list[str] = []
    for name in names:
        try:
            return start(name, data=data)
        except Missing as error:
            reasons.append(str(error))
    raise Missing(f"no {system} server can be started here: {'; or '.join(reasons)}")


def startable() -> Iterator[tuple[str, str | None]]:
    """Yield each system, and `REGISTRY`, with what it lacks to be started here, or None."""
    for system, names in {**SYSTEMS, REGISTRY: REGISTRIES}.items():
        reasons = [_lack(name) for name in names]
        yield system, None if None in reasons else "; or ".join(filter(None, reasons))


def _lack(name: str) -> str | None:
    kind = KINDS[name]
    try:
        module = import_module(f"{__package__}.{kind.module}")
    except ModuleNotFoundError:
        return f"pip install 'brokerkit-notebook[{kind.extra}]'"
    needed: str | None = getattr(module, kind.available)()
    return needed
