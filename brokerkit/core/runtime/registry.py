"""Finding the backend of a URL scheme, through the entry-point group ``brokerkit.backends``."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from ..contract.driver import Backend
from ..vocabulary.errors import ConfigError

GROUP = "brokerkit.backends"

EXTRAS = {
    "jetstream": "nats",
    "nats": "nats",
    "kafka": "kafka",
    "pubsub": "pubsub",
    "pulsar": "pulsar",
    "pulsar+ssl": "pulsar",
    "servicebus": "servicebus",
}
"""The extra of the distribution that installs the client library, by scheme."""


def known() -> dict[str, EntryPoint]:
    """Return the entry points by scheme."""
    return {point.name: point for point in entry_points(group=GROUP)}


def backend(scheme: str) -> Backend:
    """Load the backend of a scheme.

    Raises:
        ConfigError: the scheme is unknown, or its client library is not installed. The text then has the
            line that installs it.
    """
    points = known()
    if scheme not in points:
        listed = ", ".join(sorted(points)) or "none (is brokerkit-notebook installed?)"
        raise ConfigError(f"unknown scheme {scheme!r}: expected one of {listed}")
    try:
        return cast(Backend, points[scheme].load())
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "brokerkit":
            raise
        extra = EXTRAS.get(scheme)
        line = f": pip install 'brokerkit-notebook[{extra}]'" if extra else ""
        raise ConfigError(
            f"{scheme}:// needs the module {error.name!r}, which is not installed{line}"
        ) from error
