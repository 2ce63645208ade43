"""What a view says about the formats that values and keys are read as."""

from __future__ import annotations

from typing import Literal, TypedDict


class ChooseFormats(TypedDict):
    """The formats to read values and keys as from now on."""

    type: Literal["formats"]
    decode: str
    decode_key: str
