"""Options that a backend knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..vocabulary.errors import ConfigError


def check_options(options: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Check options against what a backend knows (name -> meaning); ConfigError lists them."""
    strangers = sorted(set(options) - set(known))
    if strangers:
        listed = "; ".join(f"{name}: {meaning}" for name, meaning in sorted(known.items()))
        raise ConfigError(f"unknown option {', '.join(map(repr, strangers))}; known are {listed}")
    return dict(options)
