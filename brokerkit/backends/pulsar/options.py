"""The options of an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brokerkit.core.contract.options import check_options
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.arguments import as_integer
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, as_secret, revealed

from .names import DEFAULT_NAMESPACE

DEFAULT_PORTS = {"pulsar": 6650, "pulsar+ssl": 6651}
KNOWN: Mapping[str, str] = {
    "admin": "URL of the REST endpoint (http://HOST:8080): browsing, backlog, creating and deleting",
    "token": "a JSON Web Token",
    "oauth2_issuer": "OAuth2: URL of the issuer of access tokens",
    "oauth2_key_file": "OAuth2: file with client_id and client_secret (JSON)",
    "oauth2_audience": "OAuth2: the audience",
    "oauth2_scope": "OAuth2: the scope",
    "tls_ca": "file of trusted certificates (PEM; default: those of certifi)",
    "tls_certificate": "TLS authentication: file of our certificate (PEM)",
    "tls_key_file": "TLS authentication: file of its private key (PEM)",
    "tls_check_hostname": "false: accept a certificate of another host",
    "listener": "name of the advertised listener to connect to",
    "nack_delay": "seconds until a message that was given back comes again (default 1)",
    "prefetch": "messages that a consumer holds ready (default 200)",
    "batching": "true: publish in batches, which is faster; a batch counts as one message in lags",
    "chunking": "false: refuse messages above the broker's limit, instead of publishing them in chunks",
}


@dataclass(frozen=True)
class Options:
    """The checked options of an address; see `KNOWN`.

    Attributes:
        namespace: The namespace of topics that are named without one.
        whole_tenant: Whether to list the topics of all namespaces of the tenant.
    """

    service_url: str
    hosts: tuple[tuple[str, int], ...]
    tls: bool
    namespace: str
    whole_tenant: bool
    admin: str | None
    token: Secret | None = field(repr=False)
    user: str | None
    password: Secret | None = field(repr=False)
    oauth2: Mapping[str, str]
    tls_ca: str | None
    tls_certificate: str | None
    tls_key_file: str | None
    tls_check_hostname: bool
    listener: str | None
    nack_delay: float
    prefetch: int
    batching: bool
    chunking: bool


def read_options(address: Address) -> Options:
    """Check an address and return its options.

    Raises:
        ConfigError: An option is wrong; the text says what was expected.
    """
    given = check_options(address.options, KNOWN)
    tls = address.scheme == "pulsar+ssl"
    if not address.hosts:
        raise ConfigError(f"expected {address.scheme}://HOST:PORT[/TENANT/NAMESPACE]")
    hosts = tuple(_host_and_port(host, DEFAULT_PORTS[address.scheme]) for host in address.hosts)
    shown = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in hosts)
    parts = (address.path.strip("/") or DEFAULT_NAMESPACE).split("/")
    if len(parts) > 2 or not all(parts):
        raise ConfigError(f"the path of the URL must be TENANT/NAMESPACE or TENANT, not {address.path!r}")
    token = given.get("token")
    if token is None and address.password is None:
        token = address.user
    oauth2 = {
        name: str(given[f"oauth2_{option}"])
        for name, option in (
            ("issuer_url", "issuer"),
            ("private_key", "key_file"),
            ("audience", "audience"),
            ("scope", "scope"),
        )
        if given.get(f"oauth2_{option}")
    }
    if oauth2 and not {"issuer_url", "private_key"} <= set(oauth2):
        raise ConfigError("OAuth2 needs both oauth2_issuer= and oauth2_key_file=")
    certificate, key = given.get("tls_certificate"), given.get("tls_key_file")
    if (certificate is None) != (key is None):
        raise ConfigError("TLS authentication needs both tls_certificate= and tls_key_file=")
    return Options(
        service_url=f"{address.scheme}://{shown}",
        hosts=hosts,
        tls=tls,
        namespace="/".join(parts) if len(parts) == 2 else f"{parts[0]}/default",
        whole_tenant=len(parts) == 1,
        admin=_admin(given.get("admin")),
        token=None if token is None else as_secret(token),
        user=revealed(address.user) if address.password is not None else None,
        password=address.password,
        oauth2=oauth2,
        tls_ca=_file(given, "tls_ca"),
        tls_certificate=_file(given, "tls_certificate"),
        tls_key_file=_file(given, "tls_key_file"),
        tls_check_hostname=truth(given, "tls_check_hostname", True),
        listener=None if given.get("listener") is None else str(given["listener"]),
        nack_delay=seconds(given, "nack_delay", 1.0),
        prefetch=count(given, "prefetch", 200),
        batching=truth(given, "batching", False),
        chunking=truth(given, "chunking", True),
    )


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit() and not text.endswith("]"):
        return host.strip("[]"), int(port)
    return text.strip("[]"), default


def _admin(value: Any) -> str | None:
    if value is None:
        return None
    problem = _admin_problem(value)
    if problem is not None:
        # raised here, where no variable of a traceback holds what the URL hides
        raise ConfigError(problem)
    return str(revealed(value)).rstrip("/")


def _admin_problem(value: Any) -> str | None:
    text = str(revealed(value))
    if not text.startswith(("http://", "https://")):
        return "admin must be the URL of the REST endpoint, for example http://localhost:8080"
    if "@" in text:
        return "admin must have no user and password: the connection's own are used there as well"
    return None


def _file(given: Mapping[str, Any], option: str) -> str | None:
    value = given.get(option)
    if value is not None and not Path(str(value)).is_file():
        raise ConfigError(f"{option} names a file that is not there")
    return None if value is None else str(value)


def truth(given: Mapping[str, Any], option: str, default: bool) -> bool:
    """Return an option that is true or false, which a URL writes as text. Raises ConfigError."""
    value = given.get(option, default)
    words = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ConfigError(f"{option} must be true or false, not {value!r}")
    return words[str(value).lower()]


def seconds(given: Mapping[str, Any], option: str, default: float) -> float:
    """Return an option in seconds. Raises ConfigError."""
    value = given.get(option, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < 1e9:
        raise ConfigError(f"{option} must be a number of seconds, not {value!r}")
    return number


def count(given: Mapping[str, Any], option: str, default: int) -> int:
    """Return an option that is a positive integer. Raises ConfigError."""
    value = given.get(option, default)
    number = as_integer(int(value) if isinstance(value, str) and value.isdigit() else value)
    if number is None or number < 1:
        raise ConfigError(f"{option} must be a positive integer, not {value!r}")
    return number
