"""The contexts of the command line tool `nats`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from brokerkit.core.contract.configuration_file import Untranslated, expanded, read_object
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, hidden, revealed

_OPTIONS = {
    "user": "user",
    "password": "password",
    "token": "token",
    "jetstream_domain": "domain",
    "inbox_prefix": "inbox_prefix",
    "tls_first": "tls_first",
}
_FILES = {
    "creds": "user_credentials",
    "nkey": "nkeys_seed",
    "cert": "tls_cert",
    "key": "tls_key",
    "ca": "tls_ca",
}
_SHOWN_ONLY = {"description", "color_scheme", "jetstream_event_prefix"}
_INSTEAD = {
    "jetstream_api_prefix": "give domain=, the JetStream domain",
    "user_jwt": "give user_credentials=, a .creds file with the token and its seed",
    "user_seed": "give nkeys_seed=, or user_credentials=, a .creds file",
    "nsc": "write the credentials to a file with nsc generate creds, and give user_credentials=",
    "socks_proxy": "there is no proxy here",
}
_DOMAIN = re.compile(r"\$JS\.([^.]+)\.API")


def from_context(name: str) -> Address:
    """Return the address of a context. Without a name it is the one that is selected.

    Raises:
        ConfigError: There is no such context, or one of its settings cannot be used.
    """
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "nats"
    path = Path(name) if name.endswith(".json") else folder / "context" / f"{name or _selected(folder)}.json"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in (folder / "context").glob("*.json"))) or "none"
        raise ConfigError(f"there is no context {name!r} in {folder / 'context'} (there: {known})")
    return _address(read_object(str(path)), str(path))


def _selected(folder: Path) -> str:
    named = os.environ.get("NATS_CONTEXT")
    file = folder / "context.txt"
    selected = named or (file.read_text("utf-8").strip() if file.is_file() else "")
    if not selected:
        raise ConfigError(f"no context is selected in {file}: name one (nats-context:NAME)")
    return selected


def _address(given: dict[str, Secret | bool], path: str) -> Address:
    lacking = Untranslated(path)
    options: dict[str, Any] = {}
    url = given.pop("url", Secret("nats://localhost:4222"))
    for name, value in given.items():
        if name in _OPTIONS:
            options[_OPTIONS[name]] = hidden(_OPTIONS[name], revealed(value))
        elif name in _FILES:
            options[_FILES[name]] = hidden(_FILES[name], expanded(str(revealed(value))))
        elif name == "jetstream_api_prefix" and (match := _DOMAIN.fullmatch(str(revealed(value)))):
            options["domain"] = match[1]
        elif name not in _SHOWN_ONLY and value is not False:
            lacking.add(name, _INSTEAD.get(name, "it has no counterpart"))
    servers = [Address.parse(each) for each in _urls(str(revealed(url)))]
    schemes = {server.scheme for server in servers}
    if not schemes <= {"nats", "tls"}:
        lacking.add("url", "the servers must be nats:// or tls://")
    lacking.raise_if_any()
    if "tls" in schemes:
        options["tls"] = True
    login = next((server for server in servers if server.user is not None), None)
    return Address(
        "nats",
        tuple(host for server in servers for host in server.hosts),
        user=None if login is None else login.user,
        password=None if login is None else login.password,
        options=options,
    )


def _urls(written: str) -> list[Secret]:
    """Return the URL of each server; `nats` takes those without a scheme too."""
    each = (one.strip() for one in written.split(","))
    return [Secret(one if "://" in one else f"nats://{one}") for one in each if one]
