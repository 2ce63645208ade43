"""The options of an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brokerkit.core.contract.options import Option, OptionTable, anything, choice, file, secret, text
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, revealed

DOMAIN = ".servicebus.windows.net"
AMQP_PORT = 5672
EMULATOR_ADMIN_PORT = 5300
"""The administration port of Microsoft's emulator."""

OPTIONS = OptionTable(
    {
        "connection_string": Option(secret, "Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=..."),
        "credential": Option(anything, "an object of azure-identity, in place of DefaultAzureCredential"),
        "admin": Option(
            text,
            "HOST[:PORT] of the administration, where it is not the namespace's own (port 5300 of "
            "Microsoft's emulator is known where the connection string names no port)",
        ),
        "ca": Option(
            file("certificates in PEM format"),
            "file of certificates (PEM) to trust, instead of the default ones",
        ),
        "transport": Option(
            choice("amqp", "websockets"), "amqp, or websockets where only port 443 may be reached", "amqp"
        ),
    }
)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.\-]*)(:\d{1,5})?")
_EXPECTED = (
    "expected Endpoint=sb://NAME.servicebus.windows.net/;SharedAccessKeyName=...;SharedAccessKey=..., "
    "as the portal shows it under Shared access policies"
)


@dataclass(frozen=True)
class Options:
    """The checked options of an address.

    Attributes:
        host: The host of the namespace, with a port if it has one of its own.
        key: The name and value of a shared access key.
        signature: A shared access signature.
        credential: An object that provides tokens.
        entity: The only entity that the connection string is for.
        emulator: Whether to use plain AMQP without TLS.
        admin: The host and port of the administration, if they are not those of the namespace.
        ca: The path of a file of certificates to trust.
        websockets: Whether to use AMQP over WebSockets.
    """

    host: str
    key: tuple[str, Secret] | None = field(default=None, repr=False)
    signature: Secret | None = field(default=None, repr=False)
    credential: Any = field(default=None, repr=False)
    entity: str | None = None
    emulator: bool = False
    admin: str | None = None
    ca: str | None = None
    websockets: bool = False


def from_connection_string(target: Secret) -> Address | None:
    """Return the address of a connection string. None for any other text. Raises nothing."""
    text = target.reveal().strip()
    match = re.match(r"Endpoint=sb://([^/;\s]*)", text, re.IGNORECASE)
    if match is None:
        return None
    hosts = (match[1],) if match[1] else ()
    return Address("servicebus", hosts, options={"connection_string": Secret(text)})


def read_options(address: Address) -> Options:
    """Check an address and return its options.

    Raises:
        ConfigError: An option is wrong; the text says what was expected and shows no secret.
    """
    given = OPTIONS.read(address.options)
    shared: dict[str, Any] = {
        "admin": given["admin"] and _host(given["admin"], "admin"),
        "ca": given["ca"],
        "websockets": given["transport"] == "websockets",
    }
    string, credential = given["connection_string"], given["credential"]
    if string is None:
        return Options(_namespace(address), credential=credential, **shared)
    if credential is not None:
        raise ConfigError("a connection string and credential= are two ways to log in; choose one")
    return _from_connection_string(string, shared)


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


def _host(host: str, what: str) -> str:
    match = _HOST.fullmatch(host)
    if match is None or (match[2] and not 0 < int(match[2][1:]) < 65536):
        raise ConfigError(f"{what} must be HOST[:PORT], not {host!r}")
    return host


def _from_connection_string(string: Secret, shared: Mapping[str, Any]) -> Options:
    parts = _parts_of(string)
    if parts is None:
        raise ConfigError(f"the connection string has a part without '=': {_EXPECTED}")
    endpoint = revealed(parts.get("endpoint", ""))
    match = re.fullmatch(r"(?:sb|amqps?)://([^/]+)/?", endpoint, re.IGNORECASE)
    if match is None:
        raise ConfigError(f"the connection string has no Endpoint=sb://...: {_EXPECTED}")
    policy, key = revealed(parts.get("sharedaccesskeyname")), parts.get("sharedaccesskey")
    signature = parts.get("sharedaccesssignature")
    if signature is None and not (policy and key):
        raise ConfigError(f"the connection string has no key: {_EXPECTED}")
    host = _host(match[1], "the endpoint")
    emulator = revealed(parts.get("usedevelopmentemulator", "")).lower() == "true"
    if emulator and shared["admin"] is None and host.rpartition(":")[2] in ("", host, str(AMQP_PORT)):
        shared = {**shared, "admin": f"{host.removesuffix(f':{AMQP_PORT}')}:{EMULATOR_ADMIN_PORT}"}
    return Options(
        host,
        key=(policy, key) if policy and key else None,
        signature=signature if not (policy and key) else None,
        entity=revealed(parts.get("entitypath")) or None,
        emulator=emulator,
        **shared,
    )


def _parts_of(string: Secret) -> dict[str, Secret] | None:
    """Return the values of a connection string by name, or None if a part has no name."""
    pairs = [each.strip().partition("=") for each in string.reveal().split(";") if each.strip()]
    if not all(equals for _, equals, _ in pairs):
        return None
    return {name.strip().lower(): Secret(value.strip()) for name, _, value in pairs}
