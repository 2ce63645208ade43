"""Conversion of addresses to options for nats-py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brokerkit.core.contract.options import FILE, Option, OptionTable, flag, secret, text
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, as_secret

from .confirmation import monitor_of
from .subjects import check_name
from .tls import context_of

DEFAULT_PORT = 4222
RECONNECT_SECONDS = 0.5

OPTIONS = OptionTable(
    {
        "user": Option(text, "user name"),
        "password": Option(secret, "password"),
        "token": Option(secret, "authorization token"),
        "nkeys_seed": Option(secret, "file that holds an NKEY seed, or the seed itself (SU...)"),
        "user_credentials": Option(FILE, "credentials file (.creds)"),
        "tls": Option(flag, "true: require TLS", False),
        "tls_first": Option(
            flag, "true: TLS before the server's greeting, for a server with handshake_first", False
        ),
        "tls_ca": Option(FILE, "file of certificate authorities"),
        "tls_cert": Option(FILE, "file of the client's certificate"),
        "tls_key": Option(FILE, "file of the client's private key"),
        "tls_hostname": Option(text, "name that the server's certificate must have"),
        "name": Option(text, "connection name shown by the server's monitoring", "brokerkit"),
        "monitor": Option(
            monitor_of, "URL of a server's monitor (http://HOST:8222), to report when it writes to its disk"
        ),
        "domain": Option(text, "JetStream domain"),
        "stream": Option(text, "stream in which subjects are looked up"),
        "inbox_prefix": Option(text, "prefix of the subjects for replies, where permissions demand one"),
    }
)


@dataclass(frozen=True)
class Options:
    """The checked options of a connection.

    Attributes:
        servers: The URLs of the servers.
        hosts: The hosts with their ports.
        domain: The JetStream domain, if any.
        stream: The stream in which subjects are looked up, if any.
        monitor: The URL of a server's monitor, if known.
        client: Keyword arguments for nats-py. The repr does not show them.
    """

    servers: tuple[str, ...]
    hosts: tuple[str, ...]
    domain: str | None
    stream: str | None
    monitor: str | None
    client: Mapping[str, Any] = field(repr=False)


def read_options(address: Address) -> Options:
    """Return the options of an address.

    Raises:
        ConfigError: An option is unknown or wrong.
    """
    given = OPTIONS.read(address.options)
    if address.path:
        raise ConfigError(
            f"nats://HOST[:PORT] has no path; {address.path!r} could be meant as a topic or stream=..."
        )
    hosts = tuple(_with_port(host) for host in address.hosts) or (f"localhost:{DEFAULT_PORT}",)
    client: dict[str, Any] = {"name": given["name"]}
    client.update(_credentials(address, given))
    tls = context_of(given)
    if tls is not None:
        client["tls"] = tls
        client["tls_handshake_first"] = given["tls_first"]
        if given["tls_hostname"]:
            client["tls_hostname"] = given["tls_hostname"]
    if given["inbox_prefix"]:
        client["inbox_prefix"] = given["inbox_prefix"]
    stream, domain = given["stream"], given["domain"]
    scheme = "tls" if tls is not None else "nats"
    return Options(
        tuple(f"{scheme}://{host}" for host in hosts),
        hosts,
        check_name(domain, "domain") if domain else None,
        check_name(stream, "stream") if stream else None,
        given["monitor"],
        client,
    )


def _with_port(host: str) -> str:
    bracketed = host.startswith("[")
    name, colon, port = host.rpartition(":") if not bracketed or "]:" in host else (host, "", "")
    if not colon:
        return f"{host}:{DEFAULT_PORT}"
    if not port.isdigit() or not 0 < int(port) < 65536 or not name:
        raise ConfigError(f"{host!r} is not HOST:PORT with a port between 1 and 65535")
    return host


def _credentials(address: Address, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options for logging in. A user without a password in the URL is a token."""
    found: dict[str, Any] = {}
    user = address.user if given["user"] is None else given["user"]
    password = address.password if given["password"] is None else given["password"]
    token = given["token"]
    if user is not None and password is None and given["user"] is None:
        user, token = None, token or as_secret(user)
    if user is not None:
        found["user"] = user
        found["password"] = Secret("") if password is None else password
    elif password is not None:
        raise ConfigError("a password needs a user: nats://USER:PASSWORD@HOST or user=...")
    if token:
        found["token"] = token
    seed = given["nkeys_seed"]
    if seed and seed.reveal().startswith("SU"):
        found["nkeys_seed_str"] = seed
    elif seed:
        found["nkeys_seed"] = FILE("nkeys_seed", seed)
    if given["user_credentials"]:
        found["user_credentials"] = given["user_credentials"]
    ways = [name for name in ("user", "token", "nkeys_seed", "user_credentials") if name in found]
    if len(ways) > 1:
        raise ConfigError(f"more than one way to log in was given: {', '.join(ways)}; choose one")
    return found
