"""Finding the backend of an address, through the entry-point group ``brokerkit.backends``."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from ..contract.backend import Backend, Facts
from ..contract.driver import Driver
from ..contract.error_table import translating
from ..vocabulary.address import Address, resolve
from ..vocabulary.errors import ConfigError
from ..vocabulary.secrets import Secret

GROUP = "brokerkit.backends"


def known() -> dict[str, EntryPoint]:
    """Return the entry points by scheme."""
    return {point.name: point for point in entry_points(group=GROUP)}


def backend(scheme: str) -> Backend:
    """Return the backend of a scheme, with its client library loaded.

    Raises:
        ConfigError: The scheme is unknown, or its client library is not installed. The text then has the
            line that installs it.
    """
    points = known()
    if scheme not in points:
        listed = ", ".join(sorted(points)) or "none (is brokerkit-notebook installed?)"
        raise ConfigError(f"unknown scheme {scheme!r}: expected one of {listed}")
    facts = Facts()
    try:
        found = cast(Backend, points[scheme].load())
        facts = facts_of(found)
        facts.load()
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "brokerkit":
            raise
        line = f": pip install 'brokerkit-notebook[{facts.extra}]'" if facts.extra else ""
        raise ConfigError(
            f"{scheme}:// needs the module {error.name!r}, which is not installed{line}"
        ) from error
    return found


def open_driver(backend: Backend, address: Address, timeout: float) -> Driver:
    """Open a driver and check that the broker answers. Close the driver if it does not."""
    driver = backend.open(address, timeout)
    try:
        with translating(driver.translate):
            driver.ping(timeout)
    except BaseException:
        driver.close(1.0)
        raise
    return driver


def facts_of(found: Backend) -> Facts:
    """Return what a backend says about its system. It need not say anything."""
    return cast(Facts, getattr(found, "facts", Facts()))


def address_of(target: str | Secret | None, options: Mapping[str, Any]) -> Address:
    """Return the address of a target that a user gave to `connect`; see `resolve`.

    A target that is not a URL may belong to any backend that can be imported.
    """
    return resolve(target, options, recognize=_recognized)


def _recognized(target: Secret) -> Address | None:
    for point in known().values():
        # a backend whose client library is missing recognizes nothing
        with contextlib.suppress(ImportError):
            address = facts_of(point.load()).recognize(target)
            if address is not None:
                return address
    return None
