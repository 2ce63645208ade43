"""Local brokers for trying things out: real servers on a free loopback port, gone afterwards.

    sandbox = brokerkit.sandbox.start("nats")
    session = brokerkit.connect(sandbox.url)
    sandbox.stop()

A server keeps its data in a temporary folder and ends when it is stopped, when this process exits,
and when this process is killed. ``python -m brokerkit.sandbox nats`` runs one in the foreground.
"""

from __future__ import annotations

from brokerkit.core.errors import ConfigError

from .server import Sandbox

KINDS = ("nats",)
"""The brokers that can be started."""

__all__ = ["KINDS", "Sandbox", "start"]


def start(kind: str, *, timeout: float = 10.0) -> Sandbox:
    """Start a broker and wait until it answers.

    Raises ConfigError for a kind that is not known or not installed, and Unavailable, with the end
    of the server's log, when it did not answer within `timeout` seconds.
    """
    if kind != "nats":
        raise ConfigError(f"there is no sandbox for {kind!r}: expected one of {', '.join(KINDS)}")
    from .nats import start_nats

    return start_nats(timeout)
