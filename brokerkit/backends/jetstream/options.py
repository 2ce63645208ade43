"""Conversion of addresses to options for nats-py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brokerkit.core.contract.options import check_options
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, as_secret

from .confirmation import monitor_of
from .subjects import check_name
from .tls import context_of, handshake_first

DEFAULT_PORT = 4222
RECONNECT_SECONDS = 0.5

KNOWN: Mapping[str, str] = {
    "user": "user name",
    "password": "password",
    "token": "authorization token",
    "nkeys_seed": "file that holds an NKEY seed, or the seed itself (SU...)",
    "user_credentials": "credentials file (.creds)",
    "tls": "true: insist on TLS",
    "tls_first": "true: TLS before the server's greeting, for a server with handshake_first",
    "tls_ca": "file of certificate authorities",
    "tls_cert": "file of the client's certificate",
    "tls_key": "file of the client's private key",
    "tls_hostname": "name that the server's certificate must have",
    "name": "connection name shown by the server's monitoring",
    "monitor": "URL of a server's monitor (http://HOST:8222), to tell when it writes to its disk",
    "domain": "JetStream domain",
    "stream": "stream in which subjects are looked up",
    "inbox_prefix": "prefix of the subjects for replies, where permissions demand one",
}


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
    given = check_options(address.options, KNOWN)
    if address.path:
        raise ConfigError(
            f"nats://HOST[:PORT] has no path; {address.path!r} could be meant as a topic or stream=..."
        )
    hosts = tuple(_with_port(host) for host in address.hosts) or (f"localhost:{DEFAULT_PORT}",)
    client: dict[str, Any] = {"name": str(given.get("name") or "brokerkit")}
    client.update(_credentials(address, given))
    tls = context_of(given)
    if tls is not None:
        client["tls"] = tls
        client["tls_handshake_first"] = handshake_first(given)
        if given.get("tls_hostname"):
            client["tls_hostname"] = given["tls_hostname"]
    if given.get("inbox_prefix"):
        client["inbox_prefix"] = str(given["inbox_prefix"])
    stream = given.get("stream")
    domain = given.get("domain")
    scheme = "tls" if tls is not None else "nats"
    return Options(
        tuple(f"{scheme}://{host}" for host in hosts),
        hosts,
        check_name(str(domain), "domain") if domain else None,
        check_name(str(stream), "stream") if stream else None,
        monitor_of(given.get("monitor")),
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
    user = given.get("user", address.user)
    password = given.get("password", address.password)
    token = given.get("token")
    if user is not None and password is None and "user" not in given:
        user, token = None, token or user
    if user is not None:
        found["user"] = user if isinstance(user, Secret) else str(user)
        found["password"] = Secret("") if password is None else as_secret(password)
    elif password is not None:
        raise ConfigError("a password needs a user: nats://USER:PASSWORD@HOST or user=...")
    if token:
        found["token"] = as_secret(token)
    seed = given.get("nkeys_seed")
    if seed:
        if as_secret(seed).reveal().startswith("SU"):
            found["nkeys_seed_str"] = as_secret(seed)
        else:
            found["nkeys_seed"] = _existing(as_secret(seed), "nkeys_seed")
    if given.get("user_credentials"):
        found["user_credentials"] = _existing(as_secret(given["user_credentials"]), "user_credentials")
    ways = [name for name in ("user", "token", "nkeys_seed", "user_credentials") if name in found]
    if len(ways) > 1:
        raise ConfigError(f"more than one way to log in was given: {', '.join(ways)}; choose one")
    return found


def _existing(path: Secret, option: str) -> str:
    if not Path(path.reveal()).is_file():
        raise ConfigError(f"{option} names a file that is not there")
    return path.reveal()
