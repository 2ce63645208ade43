"""The private servers behind a ``sandbox+...`` address and ``registry="sandbox"``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.arguments import as_flag
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.registry_options import PREFIX, PRIVATE

if TYPE_CHECKING:
    from brokerkit.sandbox import Server

SANDBOX = "sandbox+"


def start_sandbox(target: str, options: Mapping[str, Any]) -> tuple[Server, dict[str, Any]]:
    """Start the private server of a ``sandbox+...`` target.

    Returns:
        The server, and the options that are not the sandbox's own (`data`, `demo`).

    Raises:
        ConfigError: The system is not known, or something that its server needs is missing.
        Unavailable: The server did not start.
    """
    from brokerkit import sandbox

    system, _, rest = target.removeprefix(SANDBOX).partition("://")
    place, _, query = rest.partition("?")
    if place.strip("/"):
        raise ConfigError(
            f"a sandbox chooses its own address: write {SANDBOX}{system}:// without {place!r:.60}"
        )
    given = {**dict(parse_qsl(query, keep_blank_values=True)), **options}
    data = given.pop("data", None)
    if data is not None and not (isinstance(data, str | Path) and str(data)):
        raise ConfigError(f"data= must be the path of a folder, not {data!r:.60}")
    demo = as_flag(given.pop("demo", False), "demo")
    return sandbox.start(system, data=data, demo=demo), given


def start_registry(address: Address) -> tuple[Server | None, Address]:
    """Start the private registry of an address with ``registry="sandbox"``.

    Returns:
        The server, and the address with that of the server in it. None, and the same address, for any other.

    Raises:
        ConfigError: Something that the server needs is missing.
        Unavailable: The server did not start.
    """
    from brokerkit import sandbox

    if address.registry.get(PREFIX) != PRIVATE:
        return None, address
    server = sandbox.start("registry")
    return server, replace(address, registry={**address.registry, PREFIX: server.address})
