"""The servers that tests and notebooks can start, by the names that BROKERKIT_REQUIRE knows."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .server import Server


class Missing(Exception):
    """A server cannot be had here; the text is the line that would enable it."""


@dataclass(frozen=True)
class Kind:
    """Where a server's class is, and the function beside it that says what keeps it from starting.

    Its client library is the extra `extra`; a module that wants it is not imported before it is needed.
    """

    extra: str
    module: str
    server: str
    available: str = "available"


KINDS = {
    "nats": Kind("nats", "nats", "NatsServer"),
    "kafka": Kind("kafka", "kafka", "KafkaServer"),
    "pubsub-emulator": Kind("pubsub", "pubsub", "EmulatorServer", "emulator_available"),
    "pstest": Kind("pubsub", "pubsub", "PstestServer", "pstest_available"),
    "pulsar": Kind("pulsar", "pulsar", "PulsarServer"),
    "servicebus": Kind("servicebus", "servicebus.server", "ServiceBusServer"),
}


def start(name: str, **options: Any) -> Server:
    """A running server. Raises Missing."""
    kind = KINDS[name]
    try:
        module = import_module(f"tests.brokers.{kind.module}")
    except ModuleNotFoundError as error:
        raise Missing(f"pip install 'brokerkit-notebook[{kind.extra}]'") from error
    enable = getattr(module, kind.available)()
    if enable is not None:
        raise Missing(enable)
    started: Server = getattr(module, kind.server)(**options)
    return started
