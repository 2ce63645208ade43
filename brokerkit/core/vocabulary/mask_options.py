"""Options of the mask of a connection, which are not options of its backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .arguments import as_flag
from .errors import ConfigError
from .secrets import Secret, as_secret, revealed

NAMES = ("mask", "mask_hash_key", "mask_locked")


class MaskOptions(NamedTuple):
    """The mask of a connection, as text.

    Attributes:
        rules: The rules; None without a mask.
        hash_key: The key of its hashes.
        locked: Whether no read may leave it out.
    """

    rules: str | None = None
    hash_key: Secret | None = None
    locked: bool = False


def take_mask(options: Mapping[str, Any]) -> tuple[MaskOptions, dict[str, Any]]:
    """Return the options of the mask among options, and the other options.

    They are ``mask``, its rules as text, ``mask_hash_key`` and ``mask_locked``. Of several spellings the last
    one counts.

    Raises:
        ConfigError: The rules are not text, or `mask_locked` is no flag.
    """
    found: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in options.items():
        plain = name.lower().replace(".", "_")
        (found if plain in NAMES else rest)[plain if plain in NAMES else name] = value
    found = {name: value for name, value in found.items() if value is not None and value != ""}
    if not found:
        return MaskOptions(), rest
    rules = revealed(found.get("mask"))
    if rules is not None and not isinstance(rules, str):
        raise ConfigError(
            f"mask is text in a connection, such as 'customer.email', not a {type(rules).__name__}"
        )
    key = found.get("mask_hash_key")
    locked = as_flag(revealed(found.get("mask_locked", False)), "mask_locked")
    return MaskOptions(rules, None if key is None else as_secret(key), locked), rest
