"""The options of an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brokerkit.core.contract.options import COUNT, FILE, SECONDS, Option, OptionTable, flag, secret, text
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, as_secret, revealed

from .names import DEFAULT_NAMESPACE

DEFAULT_PORTS = {"pulsar": 6650, "pulsar+ssl": 6651}


def _rest_url(name: str, value: Any) -> str:
    """Check the URL of the REST endpoint."""
    problem = _url_problem(name, value)
    if problem is not None:
        # raised here, where no variable of a traceback holds what the URL hides
        raise ConfigError(problem)
    return str(revealed(value)).rstrip("/")


def _url_problem(name: str, value: Any) -> str | None:
    url = str(revealed(value))
    if not url.startswith(("http://", "https://")):
        return f"{name} must be the URL of the REST endpoint, for example http://localhost:8080"
    if "@" in url:
        return f"{name} must have no user and password: the connection's own are used there as well"
    if "?" in url:
        return f"{name} must have no query: the connection's own token is used there as well"
    return None


OPTIONS = OptionTable(
    {
        "admin": Option(
            _rest_url, "URL of the REST endpoint (http://HOST:8080): browsing, backlog, creating and deleting"
        ),
        "token": Option(secret, "a JSON Web Token"),
        "oauth2_issuer": Option(text, "OAuth2: URL of the issuer of access tokens"),
        "oauth2_key_file": Option(text, "OAuth2: file with client_id and client_secret (JSON)"),
        "oauth2_audience": Option(text, "OAuth2: the audience"),
        "oauth2_scope": Option(text, "OAuth2: the scope"),
        "tls_ca": Option(FILE, "file of trusted certificates (PEM; default: those of certifi)"),
        "tls_certificate": Option(text, "TLS authentication: file of the client's certificate (PEM)"),
        "tls_key_file": Option(text, "TLS authentication: file of its private key (PEM)"),
        "tls_check_hostname": Option(flag, "false: accept a certificate of another host", True),
        "listener": Option(text, "name of the advertised listener to connect to"),
        "nack_delay": Option(SECONDS, "seconds until a returned message is redelivered", 1.0),
        "prefetch": Option(
            COUNT, "number of messages that a consumer prefetches (default: 200, and fewer large ones)"
        ),
        "batching": Option(
            flag, "true: publish in batches, which is faster; a batch counts as one message in lags", False
        ),
        "chunking": Option(
            flag,
            "false: refuse messages above the broker's limit; true: publish them in chunks",
            True,
        ),
    }
)


@dataclass(frozen=True)
class Options:
    """The checked options of an address; see `OPTIONS`.

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
    prefetch: int | None
    batching: bool
    chunking: bool


def read_options(address: Address) -> Options:
    """Check an address and return its options.

    Raises:
        ConfigError: An option is wrong; the text says what was expected.
    """
    given = OPTIONS.read(address.options)
    tls = address.scheme == "pulsar+ssl"
    if not address.hosts:
        raise ConfigError(f"expected {address.scheme}://HOST:PORT[/TENANT/NAMESPACE]")
    hosts = tuple(_host_and_port(host, DEFAULT_PORTS[address.scheme]) for host in address.hosts)
    shown = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in hosts)
    parts = (address.path.strip("/") or DEFAULT_NAMESPACE).split("/")
    if len(parts) > 2 or not all(parts):
        raise ConfigError(f"the path of the URL must be TENANT/NAMESPACE or TENANT, not {address.path!r}")
    token = given["token"]
    if token is None and address.password is None:
        token = address.user
    oauth2 = {
        name: given[f"oauth2_{option}"]
        for name, option in (
            ("issuer_url", "issuer"),
            ("private_key", "key_file"),
            ("audience", "audience"),
            ("scope", "scope"),
        )
        if given[f"oauth2_{option}"]
    }
    if oauth2 and not {"issuer_url", "private_key"} <= set(oauth2):
        raise ConfigError("OAuth2 needs both oauth2_issuer= and oauth2_key_file=")
    certificate, key = given["tls_certificate"], given["tls_key_file"]
    if (certificate is None) != (key is None):
        raise ConfigError("TLS authentication needs both tls_certificate= and tls_key_file=")
    return Options(
        service_url=f"{address.scheme}://{shown}",
        hosts=hosts,
        tls=tls,
        namespace="/".join(parts) if len(parts) == 2 else f"{parts[0]}/default",
        whole_tenant=len(parts) == 1,
        admin=given["admin"],
        token=None if token is None else as_secret(token),
        user=revealed(address.user) if address.password is not None else None,
        password=address.password,
        oauth2=oauth2,
        tls_ca=given["tls_ca"],
        tls_certificate=certificate and FILE("tls_certificate", certificate),
        tls_key_file=key and FILE("tls_key_file", key),
        tls_check_hostname=given["tls_check_hostname"],
        listener=given["listener"],
        nack_delay=given["nack_delay"],
        prefetch=given["prefetch"],
        batching=given["batching"],
        chunking=given["chunking"],
    )


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit() and not text.endswith("]"):
        return host.strip("[]"), int(port)
    return text.strip("[]"), default
