"""The options of an address."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from brokerkit.core.contract.options import check_options
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import revealed

ENDPOINT = "pubsub.googleapis.com:443"
EMULATOR_VARIABLE = "PUBSUB_EMULATOR_HOST"

KNOWN: Mapping[str, str] = {
    "credentials": "file of a service account's key (JSON); else the application-default credentials",
    "emulator": f"HOST:PORT of an emulator (default: the environment variable {EMULATOR_VARIABLE})",
    "endpoint": f"HOST[:PORT] of the service, for example a regional one (default: {ENDPOINT})",
    "project": "project id, where it cannot stand in the URL (example.com:my-project)",
}

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
    given = check_options(address.options, KNOWN)
    if address.path or address.user is not None or len(address.hosts) > 1:
        raise ConfigError("expected pubsub://PROJECT with nothing before or after the project")
    project = given.get("project") or (address.hosts[0] if address.hosts else None)
    if project is not None and not _PROJECT.fullmatch(str(project)):
        raise ConfigError(f"{project!r} is not a project id: expected letters, digits and hyphens")
    if given.get("emulator") and given.get("endpoint"):
        raise ConfigError("emulator= and endpoint= name two different servers; choose one")
    emulator = given.get("emulator") or (not given.get("endpoint") and os.environ.get(EMULATOR_VARIABLE))
    credentials = revealed(given.get("credentials"))
    if credentials is not None and not Path(str(credentials)).is_file():
        raise ConfigError(
            "credentials names a file that is not there; expected a service account's key (JSON)"
        )
    if emulator:
        return Options(project and str(project), _host(str(emulator), "emulator"), True, None)
    endpoint = str(given.get("endpoint") or ENDPOINT)
    if ":" not in endpoint:
        endpoint += ":443"
    return Options(
        project and str(project),
        _host(endpoint, "endpoint"),
        False,
        None if credentials is None else str(credentials),
    )


def _host(text: str, option: str) -> str:
    match = _HOST_AND_PORT.fullmatch(text.removeprefix("http://").rstrip("/"))
    if match is None or not 0 < int(match[2]) < 65536:
        raise ConfigError(f"{option} must be HOST:PORT, not {text!r}")
    return match[0]
