"""Options of the schema registry of a connection, which are not options of its backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from .secrets import Secret, as_secret, hidden, revealed

PREFIX = "registry"
PRIVATE = "sandbox"
"""The address of a private registry, which is started with the session."""


def take_registry(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the registry among options, and the other options.

    They are ``registry``, its address, and what begins with ``registry_``. Of several spellings the last one
    counts, and one that is None or empty is left out. Credentials in the address become ``registry_user`` and
    ``registry_password``, or ``registry_token`` without a password.
    """
    found: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in options.items():
        plain = name.lower().replace(".", "_")
        if plain == PREFIX or plain.startswith(f"{PREFIX}_"):
            found[plain] = value
        else:
            rest[name] = value
    found = {name: value for name, value in found.items() if value is not None and value != ""}
    return _without_login(found), rest


def _without_login(options: dict[str, Any]) -> dict[str, Any]:
    """Move the credentials of the address to options of their own, unless these are set."""
    if not isinstance(options.get(PREFIX), str | Secret):
        return options
    hosts: list[str] = []
    logins: dict[str, Any] = {}
    for each in str(revealed(options[PREFIX])).split(","):
        scheme, slashes, rest = each.strip().partition("://")
        authority, slash, path = rest.partition("/")
        login, at, host = authority.rpartition("@")
        hosts.append(f"{scheme}{slashes}{host}{slash}{path}")
        user, colon, password = login.partition(":")
        if at and colon:
            logins = {"registry_user": unquote(user), "registry_password": as_secret(unquote(password))}
        elif at:
            logins = {"registry_token": as_secret(unquote(user))}
    address = ",".join(hosts)
    # what is no address is refused later, and may be a secret until then
    return {**logins, **options, PREFIX: hidden(PREFIX, address)}
