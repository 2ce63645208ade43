"""Python objects of a codec without schemas as exact JSON text.

JSON has fewer types than MessagePack or CBOR. Bytes become base64, a time ISO 8601 (``Z`` for UTC), a key
that is not text its JSON text, an extension ``{"$ext": code, "data": base64}``, and a tag without a meaning
here ``{"$tag": number, "value": ...}``. NaN and infinity are written as such.
"""

from __future__ import annotations

import binascii
import datetime
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import orjson

from ..json_kinds import json_text

DEEPEST = 400
"""Levels of lists and maps; a value that contains itself is deeper than any number."""

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_SUBCLASS

Special = Callable[[Any], Any]
"""Return what stands for an object of a codec's own type; raise TypeError for a type it does not know."""


def object_text(value: Any, special: Special) -> str:
    """Return a decoded value as JSON text.

    Args:
        special: Handles the types of the codec.

    Raises:
        ValueError: Two keys of a map have the same text, or the value is too deep.
    """
    try:
        text = orjson.dumps(value, default=_unknown, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return _exact(value, special)
    # orjson writes null for NaN and infinity
    return _exact(value, special) if b"null" in text else text.decode()


def _unknown(value: Any) -> Any:
    if isinstance(value, bytes):
        return binascii.b2a_base64(value, newline=False).decode()
    raise TypeError


def _exact(value: Any, special: Special) -> str:
    try:
        return _text(value, special, DEEPEST)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _text(value: Any, special: Special, levels: int) -> str:
    if levels < 0:
        raise ValueError(f"more than {DEEPEST} levels deep")
    if isinstance(value, Mapping):
        return _object(value, special, levels)
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{','.join(_text(item, special, levels - 1) for item in value)}]"
    if value is None or isinstance(value, bool | int | str):
        return json_text(value)
    if isinstance(value, float):
        return json_text(value) if not math.isfinite(value) else orjson.dumps(value).decode()
    if isinstance(value, Decimal):
        return json_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f'"{binascii.b2a_base64(bytes(value), newline=False).decode()}"'
    if isinstance(value, datetime.datetime):
        return orjson.dumps(value, option=_OPTIONS).decode()
    if isinstance(value, datetime.date):
        return f'"{value.isoformat()}"'
    return _text(special(value), special, levels - 1)


def _object(value: Mapping[Any, Any], special: Special, levels: int) -> str:
    parts: dict[str, str] = {}
    for key, inner in value.items():
        name = key if isinstance(key, str) else _text(key, special, levels - 1).strip('"')
        if name in parts:
            raise ValueError(f"two keys of a map have the text {name!r:.60}")
        parts[name] = _text(inner, special, levels - 1)
    return "{" + ",".join(f"{json_text(name)}:{text}" for name, text in parts.items()) + "}"
