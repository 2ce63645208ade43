"""Checking the options of a backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..vocabulary.errors import ConfigError


def check_options(options: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Return a copy of options after checking their names.

    Args:
        options: options as a user gave them.
        known: the meaning of each option, by name.

    Raises:
        ConfigError: an option is unknown. The text lists the known ones.
    """
    strangers = sorted(set(options) - set(known))
    if strangers:
        listed = "; ".join(f"{name}: {meaning}" for name, meaning in sorted(known.items()))
        raise ConfigError(f"unknown option {', '.join(map(repr, strangers))}; known are {listed}")
    return dict(options)
