"""The options of an address."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from brokerkit.core.contract.options import Option, OptionTable, file, text
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import hidden

ENDPOINT = "pubsub.googleapis.com:443"
EMULATOR_VARIABLE = "PUBSUB_EMULATOR_HOST"

OPTIONS = OptionTable(
    {
        "credentials": Option(
            file("a service account's key (JSON)"),
            "file of a service account's key (JSON); else the application-default credentials",
        ),
        "emulator": Option(
            text, f"HOST:PORT of an emulator (default: the environment variable {EMULATOR_VARIABLE})"
        ),
        "endpoint": Option(
            text, f"HOST[:PORT] of the service, for example a regional one (default: {ENDPOINT})"
        ),
        "project": Option(text, "project id, where it cannot stand in the URL (example.com:my-project)"),
    }
)

_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:/@\s]+):(\d{1,5})")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:\-]*")


@dataclass(frozen=True)
class Options:
    """The checked options of an address.

    Attributes:
        project: The project id; None if it is to be taken from the credentials.
        host: The host and port of the service.
        credentials: The path of a key file, if one was given.
        emulator: Whether the host is an emulator, which has neither credentials nor TLS.
    """

    project: str | None
    host: str
    emulator: bool
    credentials: str | None


def read_options(address: Address) -> Options:
    """Check an address and return its options.

    Raises:
        ConfigError: An option is wrong; the text says what was expected.
    """
    given = OPTIONS.read(address.options)
    if address.path or address.user is not None or len(address.hosts) > 1:
        raise ConfigError("expected pubsub://PROJECT with nothing before or after the project")
    project = given["project"] or (address.hosts[0] if address.hosts else None)
    if project is not None and not _PROJECT.fullmatch(project):
        raise ConfigError(f"{project!r} is not a project id: expected letters, digits and hyphens")
    if given["emulator"] and given["endpoint"]:
        raise ConfigError("emulator= and endpoint= name two different servers; choose one")
    emulator = given["emulator"] or (not given["endpoint"] and text("emulator", _in_environment()))
    if emulator:
        return Options(project, _host(emulator, "emulator"), True, None)
    endpoint = given["endpoint"] or ENDPOINT
    if ":" not in endpoint:
        endpoint += ":443"
    return Options(project, _host(endpoint, "endpoint"), False, given["credentials"])


def _in_environment() -> Any:
    # a traceback shows what its lines name, such as the whole environment: nothing is raised here
    return hidden("emulator", os.environ.get(EMULATOR_VARIABLE, ""))


def _host(text: str, option: str) -> str:
    match = _HOST_AND_PORT.fullmatch(text.removeprefix("http://").rstrip("/"))
    if match is None or not 0 < int(match[2]) < 65536:
        raise ConfigError(f"{option} must be HOST:PORT, not {text!r}")
    return match[0]
