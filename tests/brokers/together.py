"""Every system that this machine can start, for a notebook that is about all of them.

    servers = start()
    servers["kafka"]  # a URL, or None where it cannot be had here
    servers.missing["kafka"]  # why, and the line that would change it

The servers end with the process.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


class Unavailable(Exception):
    """A server cannot be started here; the text is the line that would enable it."""


@dataclass(frozen=True)
class Servers:
    """URLs by system, in the order in which they were asked for; in `missing` the reasons of the others."""

    urls: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, system: str) -> str | None:
        return self.urls.get(system)


def _checked(reason: str | None) -> None:
    if reason is not None:
        raise Unavailable(reason)


def _kafka(enter: Callable[[AbstractContextManager[Any]], Any]) -> str:
    kafka = import_module("tests.brokers.kafka")
    _checked(kafka.available())
    return f"kafka://{enter(kafka.start(rebalance_delay=0.0)).bootstrap}"


def _nats(enter: Callable[[AbstractContextManager[Any]], Any]) -> str:
    return str(enter(import_module("tests.brokers.nats").NatsServer()).url)


def _pubsub(enter: Callable[[AbstractContextManager[Any]], Any]) -> str:
    pubsub = import_module("tests.brokers.pubsub")
    if pubsub.emulator_available() is None:
        server = enter(pubsub.EmulatorServer())
    else:
        _checked(pubsub.pstest_available())
        server = enter(pubsub.PstestServer())
    return f"pubsub://bookshop?emulator={server.host}"


def _pulsar(enter: Callable[[AbstractContextManager[Any]], Any]) -> str:
    pulsar = import_module("tests.brokers.pulsar")
    _checked(pulsar.available())
    server = enter(pulsar.PulsarServer())
    return f"{server.url}?admin={server.admin}"


def _servicebus(enter: Callable[[AbstractContextManager[Any]], Any]) -> str:
    servicebus = import_module("tests.brokers.servicebus.server")
    _checked(servicebus.available())
    return str(enter(servicebus.ServiceBusServer()).connection_string)


STARTING: Mapping[str, Callable[[Callable[[AbstractContextManager[Any]], Any]], str]] = {
    "kafka": _kafka,
    "nats": _nats,
    "pubsub": _pubsub,
    "pulsar": _pulsar,
    "servicebus": _servicebus,
}


def start(*systems: str) -> Servers:
    """Start these systems, by default all; a client library that is missing is a reason, too."""
    stack = ExitStack()
    atexit.register(stack.close)
    servers = Servers()
    for system in systems or STARTING:
        try:
            servers.urls[system] = STARTING[system](stack.enter_context)
        except Unavailable as error:
            servers.missing[system] = str(error)
        except ModuleNotFoundError:
            servers.missing[system] = f"pip install 'brokerkit-notebook[{system}]'"
    return servers
