"""The places of secrets: the environment, the keyring of the system, a prompt, and a function."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from getpass import getpass
from typing import Any

from brokerkit.core.vocabulary.attended import attended
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.saved_connections import SecretPlace, from_environment
from brokerkit.core.vocabulary.secrets import Secret, as_secret

SERVICE = "brokerkit"
"""The name of the service in the keyring."""
INSTALL = "pip install 'brokerkit-notebook[keyring]'"
ELSEWHERE = 'name an environment variable instead (secret="env:NAME"), or secret="prompt"'
SAFE_PRIORITY = 1
"""Keyrings below it store plain text, or nothing."""


def fetch(what: str, place: SecretPlace) -> Secret:
    """Return the secret at a place.

    Args:
        what: Says what it is for.
        place: Where it is.

    Raises:
        ConfigError: It is not there.
    """
    if place.kind == "keyring":
        return _from_keyring(what, place.name)
    if place.kind == "prompt":
        return _typed(what)
    if place.kind == "call":
        return _called(what, place.name)
    return from_environment(what, place)


def keep(name: str, secret: Secret) -> None:
    """Store a secret in the keyring, and read it back.

    Raises:
        ConfigError: There is no keyring that is safe, or it did not keep the secret.
    """
    keyring = _keyring()
    problem = _failure(lambda: keyring.set_password(SERVICE, name, secret.reveal()))
    if problem is None and _read(keyring, name) != secret:
        problem = "it was not there when it was read back"
    if problem is not None:
        raise ConfigError(f"the keyring did not keep the secret {name!r} ({problem}): {ELSEWHERE}")


def forget(name: str) -> None:
    """Delete a secret from the keyring, if it is there.

    Raises:
        ConfigError: The keyring cannot be used, or refuses.
    """
    keyring = _keyring()
    if _read(keyring, name) is None:
        return
    problem = _failure(lambda: keyring.delete_password(SERVICE, name))
    if problem is not None:
        raise ConfigError(f"the keyring did not delete the secret {name!r} ({problem})")


def ask(what: str) -> Secret:
    """Let the person type a secret. Raises ConfigError if none can be asked, or nothing was typed."""
    return _typed(what)


def reference(function: Callable[..., Any]) -> str:
    """Return the name by which another process finds a function (``module:function``).

    Raises:
        ConfigError: It is not found by a name.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<")
    if not module or module == "__main__" or "<" in name:
        raise ConfigError(
            "another process finds a function only by its name: put the function of secret= into a module "
            "that can be imported"
        )
    return f"{module}:{name}"


def _keyring() -> Any:
    """Return the keyring of the system."""
    try:
        import keyring
    except ModuleNotFoundError as error:
        raise ConfigError(f"the keyring needs the module 'keyring': {INSTALL}; or {ELSEWHERE}") from error
    found = keyring.get_keyring()
    # a chain writes to its first keyring
    first = next(iter(getattr(found, "backends", [])), found)
    if min(found.priority, first.priority) < SAFE_PRIORITY:
        kind = type(first)
        raise ConfigError(
            f"this machine has no keyring that keeps a secret (found: {kind.__module__}.{kind.__name__}, "
            f"with the priority {first.priority:g}): {ELSEWHERE}"
        )
    return found


def _failure(attempt: Callable[[], object]) -> str | None:
    """Try a call of the keyring. Return the name of its error: its text and frames may hold the secret."""
    try:
        attempt()
    except Exception as error:
        return type(error).__name__
    return None


def _read(keyring: Any, name: str) -> Secret | None:
    found: list[Secret] = []

    def read() -> None:
        password = keyring.get_password(SERVICE, name)
        if password is not None:
            found.append(Secret(password))

    problem = _failure(read)
    if problem is not None:
        raise ConfigError(f"the keyring does not give the secret {name!r} ({problem}): is it locked?")
    return found[0] if found else None


def _from_keyring(what: str, name: str) -> Secret:
    found = _read(_keyring(), name)
    if found is None:
        raise ConfigError(
            f"{what} is to be read from the keyring, which has no entry {name!r} of the service {SERVICE!r}: "
            "save the connection again"
        )
    return found


def _typed(what: str) -> Secret:
    if not attended():
        raise ConfigError(
            f"{what} is to be typed, and no person can be asked here: name an environment variable "
            '("env:NAME")'
        )
    found = Secret(getpass(f"{what}: "))
    if not found:
        raise ConfigError(f"{what} is to be typed, and nothing was typed")
    return found


def _called(what: str, name: str) -> Secret:
    try:
        function = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{what} is returned by the function {name}, which is not found: {type(error).__name__}: {error}"
        ) from error
    found = function()
    if not isinstance(found, str | bytes | Secret) or not found:
        raise ConfigError(f"{what}: the function {name} must return a text, not a {type(found).__name__}")
    return as_secret(found)
