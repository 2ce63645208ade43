"""The entries for a schema registry among properties of Java: its address and how to sign in."""

from __future__ import annotations

from typing import Any

from brokerkit.core.contract.configuration_file import Untranslated
from brokerkit.core.vocabulary.secrets import Secret

PREFIX = "schema.registry."
_LEFT_OUT = {"request.timeout.ms", "cache.capacity"}


def take_registry(given: dict[str, Secret], lacking: Untranslated) -> dict[str, Any]:
    """Take the entries of the registry out of properties, and return them as options of a connection.

    The names may begin with ``schema.registry.`` or not, as serializers and tools write them.
    """
    found = {name.removeprefix(PREFIX): given.pop(name) for name in list(given) if _is_ours(name)}
    url = found.pop("url", None)
    source = found.pop("basic.auth.credentials.source", Secret("")).reveal().upper()
    login = found.pop("basic.auth.user.info", None)
    options: dict[str, Any] = {} if url is None else {"registry": url}
    if source == "SASL_INHERIT":
        options |= {
            "registry_user": given.get("sasl.username"),
            "registry_password": given.get("sasl.password"),
        }
    elif login is not None:
        user, _, password = login.reveal().partition(":")
        options |= {"registry_user": user, "registry_password": Secret(password)}
    found.pop("bearer.auth.credentials.source", None)
    token = found.pop("bearer.auth.token", None)
    if token is not None:
        options["registry_token"] = token
    for name, own in (("ssl.truststore.location", "registry_ca"), ("ssl.ca.location", "registry_ca")):
        path = found.pop(name, None)
        if path is not None:
            options[own] = path.reveal()
    for name, value in found.items():
        if value and name not in _LEFT_OUT and not name.endswith((".type", "truststore.password")):
            lacking.add(
                PREFIX + name, "give registry_user= and registry_password=, registry_token=, registry_ca=, "
                "registry_cert= or registry_key="
            )  # fmt: skip
    return options if url is not None else {}


def _is_ours(name: str) -> bool:
    return name.startswith((PREFIX, "basic.auth.", "bearer.auth."))
