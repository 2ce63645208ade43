"""Saving a connection: what stands in the file, and what is moved out of it before."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from brokerkit.core.runtime import registry as backends
from brokerkit.core.vocabulary.address import EXAMPLES, Address, hidden_target
from brokerkit.core.vocabulary.connection_flags import take_flags
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.mask_options import take_mask
from brokerkit.core.vocabulary.registry_options import take_registry
from brokerkit.core.vocabulary.saved_connections import SECRET, SecretPlace, config_path, entries
from brokerkit.core.vocabulary.secrets import (
    Secret,
    as_secret,
    hidden,
    is_public,
    like_a_name,
    revealed,
    shortened,
)

from . import secret_places
from .file import remove_entry, write_entry

KEYRING = "keyring"
WAYS = 'secret="keyring", "env:NAME", "prompt" or a function'
SecretSource = str | Callable[[], str]


def save_connection(
    name: str,
    url: str,
    *,
    secret: SecretSource | None = None,
    read_only: bool | None = None,
    production: bool | None = None,
    registry: str | None = None,
    **options: Any,
) -> None:
    """Save a connection under a name, for ``connect(name)``. The file holds no secret.

    A connection of the same name is replaced. Comments and what else stands in the file stay.

    Args:
        name: Letters, digits, and ``_ . + -``.
        url: As for `connect`: a URL, a connection string, or the name of another tool's configuration.
        secret: Where the password of the URL's user is, or the token if it names no user: "keyring" moves
            what the URL and the options hold to the keyring of the system, and asks for it if they hold none;
            "env:NAME" is an environment variable; "prompt" asks whenever the connection is opened; a function
            of a module returns it.
        read_only, production, registry: As for `connect`.
        **options: Options of the backend. ``{"env": "NAME"}`` as the value of one names its own place.

    Raises:
        ConfigError: The name or the URL is wrong, a secret would stand in the file, or the keyring cannot be
            used.
    """
    # a traceback may show the variables of this function
    secret = Secret(secret) if isinstance(secret, str) else secret  # type: ignore[assignment]
    url, options = hidden_target(url), {key: _hidden(key, value) for key, value in options.items()}
    registry, source = hidden("registry", registry), _source(secret)
    if not isinstance(name, str) or not like_a_name(name):
        raise ConfigError(
            f"the name of a connection has up to 40 letters, digits and _ . + -, not {shortened(str(name))!r}"
        )
    if not isinstance(url, str | Secret) or not revealed(url).strip():
        raise ConfigError(f"save_connection needs a URL, for example {EXAMPLES}")
    named = {"read_only": read_only, "production": production, "registry": registry}
    options |= {key: value for key, value in named.items() if value is not None}
    take_flags(options)
    take_mask(options)
    schemas, options = take_registry(options)
    options |= schemas
    written, to_move = _entry(name, as_secret(url), options, source)
    for option, value in to_move.items():
        secret_places.keep(f"{name}/{option}", value)
    write_entry(name, written)


def delete_connection(name: str) -> None:
    """Delete a saved connection, and what the keyring keeps for it.

    Raises:
        ConfigError: There is no such connection, or the file or the keyring cannot be changed.
    """
    known = entries(config_path())
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise ConfigError(f"there is no saved connection {shortened(str(name))!r} (saved are: {listed})")
    for value in (known[name] or {}).values():
        # an entry that was written by hand may name one that other programs use
        if isinstance(value, SecretPlace) and value.kind == KEYRING and value.name.startswith(f"{name}/"):
            secret_places.forget(value.name)
    remove_entry(name)


def _hidden(key: str, value: Any) -> Any:
    return SecretPlace.read(value) or hidden(key, value)


def _source(secret: object) -> SecretPlace | None:
    """Return the place that ``secret=`` names."""
    if secret is None:
        return None
    if callable(secret):
        return SecretPlace("call", secret_places.reference(secret))
    place = _place(secret) if isinstance(secret, Secret) else None
    if place is not None:
        return place
    # a password that was given in place of its place must not be shown
    raise ConfigError(f"secret= says where the secret is, and never is the secret itself: {WAYS}")


def _place(text: Secret) -> SecretPlace | None:
    kind, _, name = text.reveal().partition(":")
    usable = name.isidentifier() if kind == "env" else kind in (KEYRING, "prompt") and not name
    return SecretPlace(kind, name) if usable else None


def _entry(
    name: str, url: Secret, options: Mapping[str, Any], source: SecretPlace | None
) -> tuple[dict[str, Any], dict[str, Secret]]:
    """Return what stands in the file, and the secrets that are to be moved to the keyring, by option."""
    text, option, values = _without_secrets(url, options, source)
    written: dict[str, Any] = {"url": text}
    to_move: dict[str, Secret] = {}
    for key, value in values.items():
        if isinstance(value, Mapping | list):
            raise ConfigError(f"{key} cannot be saved: give its parts as options by their own names")
        if not isinstance(value, SecretPlace) and _may_be_secret(key, value):
            to_move[key] = as_secret(value)
        else:
            written[key] = revealed(value)
    if source is not None and source.kind != KEYRING:
        written[option] = source
    if to_move and (source is None or source.kind != KEYRING):
        raise ConfigError(
            "the file of saved connections holds no secret, and "
            f"{', '.join(map(_spoken, to_move))} may be one: "
            f'secret="keyring" moves it to the keyring, or say where it is ({WAYS} for the login, '
            '{"env": "NAME"} as the value of an option)'
        )
    if source is not None and source.kind == KEYRING and not to_move:
        to_move[option] = secret_places.ask(f"the secret of the connection {name!r}")
    written |= {key: SecretPlace(KEYRING, f"{name}/{key}") for key in to_move}
    return written, to_move


def _without_secrets(
    url: Secret, options: Mapping[str, Any], source: SecretPlace | None
) -> tuple[str, str, dict[str, Any]]:
    """Return a URL without its secrets, the option for the login, and the options with what the URL held."""
    text = Secret(revealed(url).strip())
    if backends.is_configuration(text):
        return text.reveal(), SECRET, dict(options)
    address = backends.recognized(text) or Address.parse(text)
    address = address.with_marks()
    option = backends.secret_option(address.scheme) or SECRET
    elsewhere = source is not None and source.kind != KEYRING
    if isinstance(address.user, Secret) and address.password is None and not elsewhere:
        if not any("password" in key for key in options):
            raise ConfigError(
                "the user in the URL has no password, and may be a token, which the file must not hold: give "
                "the token as an option or the password in the URL, or say where the password is (secret=)"
            )
        address = replace(address, user=address.user.reveal())
    inside = {**address.options, **address.registry}
    if address.password is None and not any(_may_be_secret(*each) for each in inside.items()):
        return text.reveal(), option, dict(options)
    if address.password is not None:
        inside[option] = address.password
    return replace(address, options={}, registry={}).public_url, option, {**inside, **options}


def _may_be_secret(key: str, value: Any) -> bool:
    """Return whether the file must not hold a value. The path of a file is none."""
    plain = revealed(value)
    return not is_public(key, plain) and not (isinstance(plain, str) and os.path.isfile(plain))


def _spoken(option: str) -> str:
    return "the login" if option == SECRET else repr(option)
