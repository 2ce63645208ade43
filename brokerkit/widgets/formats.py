"""The formats that values and keys are read as, to choose one from a menu."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerkit.frames.decoding import decoder_names

SET_IN_CODE = "set in code"


def formats_of(chosen: Any) -> list[str]:
    """Return the formats of a menu in which this decoder is chosen."""
    names = decoder_names()
    return names if isinstance(chosen, str) and chosen in names else [*names, decoder_name(chosen)]


def chosen_formats(message: Mapping[str, Any]) -> dict[str, str]:
    """Return what a message of a view chooses in the menus: without what was set in code, which stays."""
    named = {name: message.get(name) for name in ("decode", "decode_key")}
    return {
        name: text.strip()
        for name, text in named.items()
        if isinstance(text, str) and text.strip() not in ("", SET_IN_CODE)
    }


def decoder_name(decode: Any) -> str:
    """Return a decoder as a menu shows it: its name, or that it was set in code."""
    return decode if isinstance(decode, str) else SET_IN_CODE
