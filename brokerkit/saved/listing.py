"""The saved connections as a frame, without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brokerkit.core.runtime import registry as backends
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.saved_connections import SECRET, SecretPlace, config_path, entries
from brokerkit.core.vocabulary.secrets import MASK, Secret, is_public, revealed

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["name", "url", "read_only", "production", "registry", "secrets", "options"]
OWN = {"url", "read_only", "production", "registry"}
IN_THE_FILE = "in the file"


def connections() -> pd.DataFrame:
    """Return the saved connections, one row each.

    Returns:
        A frame with the columns ``name``, ``url``, ``read_only``, ``production``, ``registry``, ``secrets``
        (each option that holds one, with its place: ``env:NAME``, ``keyring:NAME``, ``prompt``,
        ``call:FUNCTION``, or "in the file", for one that was written there by hand) and ``options`` (the
        others). No secret is in it.

    Raises:
        ConfigError: The file of saved connections cannot be read.
    """
    import pandas as pd

    rows = [_row(name, entry or {}) for name, entry in sorted(entries(config_path()).items())]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    others = {key: value for key, value in entry.items() if key not in OWN}
    address, url = _address(entry.get("url"), any("password" in key or key == SECRET for key in entry))
    return {
        "name": name,
        "url": url,
        "read_only": _flag(entry, address, "read_only"),
        "production": _flag(entry, address, "production"),
        "registry": _shown("registry", entry.get("registry")) if "registry" in entry else None,
        "secrets": {key: place for key, value in entry.items() if (place := _place(key, value))},
        "options": {key: value for key, value in others.items() if not _place(key, value)},
    }


def _address(url: Any, has_secret: bool) -> tuple[Address | None, str | None]:
    """Return the address of a URL, where it can be read, and the URL as it is shown."""
    if not isinstance(url, Secret):
        return None, None if url is None else MASK
    if backends.is_configuration(url):
        return None, url.reveal()
    try:
        address = (backends.recognized(url) or Address.parse(url)).with_marks()
    except ConfigError:
        return None, MASK
    if has_secret and address.user is not None:
        address = address.with_secret(Secret(MASK))
    return address, str(address)


def _flag(entry: Mapping[str, Any], address: Address | None, name: str) -> bool:
    given = entry.get(name)
    if given is None:
        return address is not None and bool(getattr(address.marks, name))
    return str(revealed(given)).lower() in ("true", "yes", "on", "1")


def _place(key: str, value: Any) -> str | None:
    """Return where the secret of an option is; None if the option holds none."""
    if isinstance(value, SecretPlace):
        return str(value)
    if key == "url" and isinstance(value, Secret):
        try:
            address = backends.recognized(value) or Address.parse(value)
        except ConfigError:
            return None
        return IN_THE_FILE if not backends.is_configuration(value) and address.password else None
    return IN_THE_FILE if isinstance(value, Secret) else None


def _shown(key: str, value: Any) -> str:
    plain = value if isinstance(value, SecretPlace) else revealed(value)
    return str(plain) if is_public(key, plain) else MASK
