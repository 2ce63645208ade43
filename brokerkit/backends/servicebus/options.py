"""The options of an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brokerkit.core.address import Address
from brokerkit.core.errors import ConfigError
from brokerkit.core.options import options_of

DOMAIN = ".servicebus.windows.net"

KNOWN: Mapping[str, str] = {
    "connection_string": "Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...",
    "credential": "an object of azure-identity, in place of DefaultAzureCredential",
    "admin": "HOST[:PORT] of the administration, where it is not the namespace's own (emulators)",
    "ca": "file of certificates (PEM) to trust, where they are not the usual ones",
    "transport": "amqp (default), or websockets where only port 443 may be reached",
}
TRANSPORTS = ("amqp", "websockets")

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.\-]*)(:\d{1,5})?")
_EXPECTED = (
    "expected Endpoint=sb://NAME.servicebus.windows.net/;SharedAccessKeyName=...;SharedAccessKey=..., "
    "as the portal shows it under Shared access policies"
)


@dataclass(frozen=True)
class Options:
    """Checked options. host: the namespace's, with a port where it has its own.

    key: name and value of a shared access key. signature: a shared access signature. credential: an
    object that gives tokens. entity: the only one that the connection string is for. emulator: plain
    AMQP without TLS.
    """

    host: str
    key: tuple[str, str] | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)
    credential: Any = field(default=None, repr=False)
    entity: str | None = None
    emulator: bool = False
    admin: str | None = None
    ca: str | None = None
    websockets: bool = False


def read_options(address: Address) -> Options:
    """Check an address. Raises ConfigError that says what was expected, and shows no secret."""
    # an environment variable spells the underscore as a dot
    given = options_of({name.replace(".", "_"): value for name, value in address.options.items()}, KNOWN)
    transport = given.get("transport") or "amqp"
    if transport not in TRANSPORTS:
        raise ConfigError(f"transport must be amqp or websockets, not {transport!r}")
    ca = given.get("ca")
    if ca is not None and not Path(str(ca)).is_file():
        raise ConfigError("ca names a file that is not there; expected certificates in PEM format")
    shared: dict[str, Any] = {
        "admin": given.get("admin") and _host(str(given["admin"]), "admin"),
        "ca": ca and str(ca),
        "websockets": transport == "websockets",
    }
    text = given.get("connection_string")
    if text is None:
        return Options(_namespace(address), credential=given.get("credential"), **shared)
    if given.get("credential") is not None:
        raise ConfigError("a connection string and credential= are two ways to log in; choose one")
    return _from_connection_string(str(text), shared)


def _namespace(address: Address) -> str:
    if len(address.hosts) != 1 or address.path or address.user is not None:
        raise ConfigError(
            "expected servicebus://NAMESPACE with nothing before or after the namespace, or a connection "
            "string"
        )
    (host,) = address.hosts
    return _host(
        host if "." in host or ":" in host or host == "localhost" else host + DOMAIN, "the namespace"
    )


def _host(text: str, what: str) -> str:
    match = _HOST.fullmatch(text)
    if match is None or (match[2] and not 0 < int(match[2][1:]) < 65536):
        raise ConfigError(f"{what} must be HOST[:PORT], not {text!r}")
    return text


def _from_connection_string(text: str, shared: Mapping[str, Any]) -> Options:
    parts: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, equals, value = part.partition("=")
        if not equals:
            raise ConfigError(f"the connection string has a part without '=': {_EXPECTED}")
        parts[name.strip().lower()] = value.strip()
    match = re.fullmatch(r"(?:sb|amqps?)://([^/]+)/?", parts.get("endpoint", ""), re.IGNORECASE)
    if match is None:
        raise ConfigError(f"the connection string has no Endpoint=sb://...: {_EXPECTED}")
    policy, key = parts.get("sharedaccesskeyname"), parts.get("sharedaccesskey")
    signature = parts.get("sharedaccesssignature")
    if signature is None and not (policy and key):
        raise ConfigError(f"the connection string has no key: {_EXPECTED}")
    return Options(
        _host(match[1], "the endpoint"),
        key=(policy, key) if policy and key else None,
        signature=signature if not (policy and key) else None,
        entity=parts.get("entitypath") or None,
        emulator=parts.get("usedevelopmentemulator", "").lower() == "true",
        **shared,
    )
