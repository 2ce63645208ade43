"""MessagePack, read through msgspec, which refuses bytes behind the value."""

from __future__ import annotations

import binascii
from typing import Any

from .extras import extra
from .objects import object_text


def load(payload: bytes) -> Any:
    """Return the value of one MessagePack payload.

    Raises:
        ValueError: The payload is not exactly one MessagePack value.
        MissingExtra: The library for it is not installed.
    """
    msgspec = _library()
    try:
        return msgspec.msgpack.decode(payload)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def text(payload: bytes) -> str:
    """Return one MessagePack payload as exact JSON text; see `objects` for the rules.

    Raises:
        ValueError: The payload is not exactly one MessagePack value, or has no JSON text.
    """
    return object_text(load(payload), _special)


def _library() -> Any:
    return extra("msgspec", "msgpack", "MessagePack")


def _special(value: Any) -> Any:
    if isinstance(value, _library().msgpack.Ext):
        data = binascii.b2a_base64(bytes(value.data), newline=False).decode()
        return {"$ext": value.code, "data": data}
    raise ValueError(f"a value of the type {type(value).__name__} has no JSON text")
