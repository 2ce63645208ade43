"""Finding the backend of an address, through the entry-point group ``brokerkit.backends``."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from ..contract.backend import Backend, Facts
from ..contract.driver import Driver
from ..contract.error_table import translating
from ..vocabulary.address import Address, resolve
from ..vocabulary.errors import ConfigError
from ..vocabulary.saved_connections import Fetch, from_environment
from ..vocabulary.secrets import Secret

GROUP = "brokerkit.backends"


def known() -> dict[str, EntryPoint]:
    """Return the entry points by scheme.

    The metadata of all distributions is read again only after something was installed or removed.
    """
    return dict(_known(tuple(map(_changed, sys.path))))


@functools.lru_cache(maxsize=1)
def _known(places: tuple[tuple[str, int], ...]) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _changed(place: str) -> tuple[str, int]:
    """Return a place that modules are imported from, and when it was changed."""
    try:
        return place, os.stat(place or ".").st_mtime_ns
    except OSError:
        return place, 0


@functools.cache
def backend(scheme: str) -> Backend:
    """Return the backend of a scheme, with its client library loaded.

    A backend that was found once is not looked for again: reading the metadata of all distributions takes
    longer than the rest of a connection to memory. One that is installed later is found.

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


def address_of(
    target: str | Secret | None, options: Mapping[str, Any], fetch: Fetch = from_environment
) -> Address:
    """Return the address of a target that a user gave to `connect`; see `resolve`.

    A target that is not a URL may belong to any backend that can be imported.
    """
    return resolve(target, options, recognize=recognized, fetch=fetch)


def recognized(target: Secret) -> Address | None:
    """Return the address in a target that is not a URL; None if it is none of any system.

    Raises:
        ConfigError: It names the configuration of another tool, which cannot be read.
    """
    kind, _, name = target.reveal().strip().partition(":")
    read = _configurations().get(kind)
    if read is not None:
        return read(name)
    return next((address for each in _all_facts() if (address := each.recognize(target))), None)


def is_configuration(target: Secret) -> bool:
    """Return whether a target names the configuration of another tool (``kind:name``)."""
    return target.reveal().partition(":")[0] in _configurations()


def secret_option(scheme: str) -> str | None:
    """Return the option that holds the secret of a connection; None if it is that of the URL's user."""
    point = known().get(scheme)
    with contextlib.suppress(ImportError):
        return None if point is None else facts_of(point.load()).secret
    return None


def systems() -> dict[str, Facts]:
    """Return what each system that has a title says of itself, by its usual scheme."""
    found: dict[str, Facts] = {}
    for scheme, point in sorted(known().items()):
        with contextlib.suppress(ImportError):
            facts = facts_of(point.load())
            # a system may have more schemes than one
            if facts.title and scheme == facts.extra:
                found[scheme] = facts
    return found


def _configurations() -> dict[str, Callable[[str], Address]]:
    return {kind: read for each in _all_facts() for kind, read in each.configurations.items()}


def _all_facts() -> Iterator[Facts]:
    for point in known().values():
        # a backend whose client library is missing says nothing
        with contextlib.suppress(ImportError):
            yield facts_of(point.load())
