"""Where a registry is, and how to sign in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from brokerkit.core.contract.options import FILE, Option, OptionTable, seconds, secret, text
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.registry_options import PREFIX
from brokerkit.core.vocabulary.secrets import Secret, revealed

SECONDS = 10.0


def addresses(value: Any) -> tuple[str, ...]:
    """Check the addresses of a registry, separated by commas. They hold no credentials any more.

    Raises:
        ConfigError: One is none. No variable of its traceback holds what may be a secret.
    """
    found = tuple(_address(each) for each in str(revealed(value)).split(","))
    if not all(found):
        raise ConfigError(
            "registry must be the address of a schema registry, such as http://HOST:8081 or "
            "https://HOST/apis/ccompat/v7"
        )
    return found


def _address(text: str) -> str:
    """Return an address as it is used; an empty text if it is none."""
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return ""
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        return ""
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


OPTIONS = OptionTable(
    {
        "registry_user": Option(text, "user of the registry, with registry_password"),
        "registry_password": Option(secret, "password of that user"),
        "registry_token": Option(secret, "bearer token for the registry, instead of a user"),
        "registry_ca": Option(FILE, "file of the authorities that the registry's certificate may have (PEM)"),
        "registry_cert": Option(FILE, "file of the certificate to show to the registry (PEM)"),
        "registry_key": Option(FILE, "file of its private key, unless the certificate's file has it"),
        "registry_timeout": Option(seconds(above_zero=True), "seconds for one request", SECONDS),
    }
)


@dataclass(frozen=True)
class RegistryOptions:
    """Where a registry is, and how to sign in.

    Attributes:
        urls: Addresses of one registry; the next is tried where one does not answer.
        user, password: For basic authentication.
        token: A bearer token, instead.
        ca: A file of trusted certificates; None trusts those of the system.
        cert, key: Files of the client's certificate and key; None for none.
        timeout: Seconds for one request, from connecting to its last byte.
    """

    urls: tuple[str, ...]
    user: str | None = None
    password: Secret | None = field(default=None, repr=False)
    token: Secret | None = field(default=None, repr=False)
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    timeout: float = SECONDS

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> RegistryOptions | None:
        """Return the options among those of a connection; None if it has no registry.

        Raises:
            ConfigError: One cannot be used, or says how to sign in to a registry that is not named.
        """
        found = OPTIONS.read({name: value for name, value in given.items() if name != PREFIX})
        named = {name.removeprefix("registry_"): value for name, value in found.items()}
        if PREFIX not in given:
            if given:
                raise ConfigError(f"{', '.join(sorted(given))} needs registry=, the address of the registry")
            return None
        if named["token"] is not None and named["user"] is not None:
            raise ConfigError("give registry_token, or registry_user with registry_password, not both")
        if named["password"] is not None and named["user"] is None:
            raise ConfigError("registry_password needs registry_user")
        return cls(addresses(given[PREFIX]), **named)
