"""Every system that this machine can start, for a notebook that is about all of them.

    servers = start()
    servers["kafka"]  # a URL, or None where it cannot be had here
    servers.missing["kafka"]  # the line that would change that

The servers end with the process.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from . import catalogue

SYSTEMS = {
    "kafka": ("kafka",),
    "nats": ("nats",),
    "pubsub": ("pubsub-emulator", "pstest"),
    "pulsar": ("pulsar",),
    "servicebus": ("servicebus",),
}
"""The servers of each system, the first choice first."""
URLS: dict[str, Callable[[Any], str]] = {
    "kafka": lambda server: f"kafka://{server.bootstrap}",
    "nats": lambda server: server.url,
    "pubsub": lambda server: f"pubsub://bookshop?emulator={server.host}",
    "pulsar": lambda server: f"{server.url}?admin={server.admin}",
    "servicebus": lambda server: server.connection_string,
}


@dataclass(frozen=True)
class Servers:
    """URLs by system, in the order in which they were asked for; in `missing` what would enable the others."""

    urls: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, system: str) -> str | None:
        return self.urls.get(system)


def start(*systems: str) -> Servers:
    """Start these systems, by default all."""
    stack = ExitStack()
    atexit.register(stack.close)
    servers = Servers()
    for system in systems or SYSTEMS:
        for name in SYSTEMS[system]:
            try:
                server = stack.enter_context(catalogue.start(name))
            except catalogue.Missing as error:
                servers.missing[system] = str(error)
            else:
                servers.urls[system] = URLS[system](server)
                servers.missing.pop(system, None)
                break
    return servers
