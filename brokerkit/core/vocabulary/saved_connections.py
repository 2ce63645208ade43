"""The file of saved connections: where it is, and what stands in it."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .secrets import Secret, hidden, revealed, shortened

SECRET = "secret"
"""The entry with the password of the URL's user, or the token where there is no user."""
PLACES = ("env", "keyring", "prompt", "call")


def config_path() -> Path:
    """Return the path of the file of saved connections, which the variable BROKERKIT_CONFIG can set."""
    named = os.environ.get("BROKERKIT_CONFIG")
    if named:
        return Path(named)
    usual = Path.home() / ".config"
    folder = usual
    if sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    elif os.environ.get("XDG_CONFIG_HOME"):
        folder = Path(os.environ["XDG_CONFIG_HOME"])
    inside = Path("brokerkit") / "connections.toml"
    # a file that is in the place of earlier releases stays in use
    return usual / inside if (usual / inside).exists() and not (folder / inside).exists() else folder / inside


@dataclass(frozen=True)
class SecretPlace:
    """Where a secret is, in place of the secret.

    Attributes:
        kind: One of `PLACES`.
        name: The name of the variable, of the entry of the keyring, or of the function (``module:function``).
    """

    kind: str
    name: str = ""

    @classmethod
    def read(cls, value: object) -> SecretPlace | None:
        """Return the place in a value of the file, such as ``{env = "NAME"}``. None for any other value."""
        if not isinstance(value, Mapping) or len(value) != 1:
            return None
        ((kind, name),) = value.items()
        return cls(kind, "" if kind == "prompt" else str(name)) if kind in PLACES else None

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


Fetch = Callable[[str, SecretPlace], Secret]
"""Returns the secret at a place. Its first argument says what it is for, in errors and prompts."""


def from_environment(what: str, place: SecretPlace) -> Secret:
    """Return a secret from the environment, the only place that needs nothing but the standard library.

    Raises:
        ConfigError: The variable is not set, or the place is another one.
    """
    if place.kind != "env":
        raise ConfigError(
            f"{what} is in the place {place}, which brokerkit.core does not read: use brokerkit.connect"
        )
    found = _variable(place.name)
    if found is None:
        raise ConfigError(
            f"{what} is to be read from the environment variable {place.name}, which is not set"
        )
    return found


def _variable(name: str) -> Secret | None:
    # a traceback shows what its lines name, such as the whole environment: nothing is raised here
    return Secret(os.environ[name]) if name in os.environ else None


def saved(name: str | Secret, examples: str, fetch: Fetch) -> tuple[Secret, dict[str, Any]]:
    """Return the URL and the options of a saved connection, with its secrets fetched from their places.

    Args:
        name: The name of the connection.
        examples: Shows in an error what else a target can be.
        fetch: Fetches a secret.

    Raises:
        ConfigError: There is no such connection, or it cannot be read.
    """
    path = config_path()
    connections = entries(path)
    if revealed(name) not in connections:
        known = ", ".join(sorted(connections)) or "none"
        raise ConfigError(
            f"{shortened(revealed(name))!r} is neither a connection URL (for example {examples}) nor a "
            f"connection saved in {path} (saved there: {known})"
        )
    entry = connections[revealed(name)]
    if entry is None:
        raise ConfigError(f"{name!r} in {path} must be a table: [{name}] and below it url = ...")
    found = {
        key: hidden(key, fetch(f"option {key!r} of the connection {name!r}", value).reveal())
        if isinstance(value, SecretPlace)
        else value
        for key, value in entry.items()
    }
    url = found.pop("url", None)
    if url is None or not isinstance(url, str | Secret):
        raise ConfigError(f'the connection {name!r} in {path} needs a line: url = "SCHEME://..."')
    return Secret(revealed(url)), found


def entries(path: Path) -> dict[str, dict[str, Any] | None]:
    """Return the saved connections with every secret hidden. Of secrets that are elsewhere, it has the place.

    An entry that is not a table is None.

    Raises:
        ConfigError: The file cannot be read.
    """
    found = _read(path)
    if isinstance(found, str):
        raise ConfigError(f"{path} is not valid TOML: {found}")
    return found


def _read(path: Path) -> dict[str, dict[str, Any] | None] | str:
    """Return the saved connections with every secret hidden, or the text of an error."""
    try:
        content = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return getattr(error, "reason", None) or str(error)
    return {name: _entry(each) if isinstance(each, dict) else None for name, each in content.items()}


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a saved connection, with secrets hidden."""
    return {
        key: Secret(value) if key in ("url", SECRET) and isinstance(value, str) else hidden(key, value)
        for key, value in _flattened(entry)
    }


def _flattened(entry: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over the options with dotted names: TOML reads ``sasl.password = ...`` as nested tables."""
    for key, value in entry.items():
        place = SecretPlace.read(value)
        if place is not None:
            yield prefix + key, place
        elif isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
