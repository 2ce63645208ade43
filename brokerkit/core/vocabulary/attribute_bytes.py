"""The values of attributes as bytes with the name of their type, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from .attributes import Pair, type_name
from .errors import ConfigError


def text_to_bytes(text: str) -> bytes:
    """Encode as UTF-8. Lone surrogates, which a client may make of broken bytes, keep their code."""
    return text.encode("utf-8", "surrogatepass")


def bytes_to_text(data: bytes) -> str:
    """Decode the result of `text_to_bytes`."""
    return data.decode("utf-8", "surrogatepass")


WRITE: dict[type, Callable[[Any], bytes | None]] = {
    bytes: lambda value: value,
    str: text_to_bytes,
    type(None): lambda value: None,
    bool: lambda value: b"true" if value else b"false",
    int: lambda value: str(value).encode(),
    float: lambda value: repr(value).encode(),
    datetime: lambda value: value.isoformat().encode(),
    UUID: lambda value: str(value).encode(),
}
"""How a value is written, by its type."""


def _bool(data: bytes) -> bool:
    return {b"true": True, b"false": False}[data]


_READ: dict[str, Callable[[Any], Any]] = {
    "bytes": lambda data: data,
    "string": bytes_to_text,
    "null": lambda data: None,
    "bool": _bool,
    "int": int,
    "float": float,
    "timestamp": lambda data: datetime.fromisoformat(data.decode()),
    "uuid": lambda data: UUID(data.decode()),
}


def parts_of(pair: Pair) -> tuple[str, bytes | None, str]:
    """Return the name, the value as bytes, and the type of an attribute."""
    name, value = pair
    return name, WRITE[type(value)](value), type_name(value)


def pair_of(name: str | None, data: bytes | None, kind: str | None) -> Pair:
    """Return the attribute of these parts; the inverse of `parts_of`.

    Raises:
        ConfigError: The parts are not those of an attribute.
    """
    if name is None:
        raise ConfigError("an attribute has no name")
    if kind not in _READ:
        raise ConfigError(f"attribute {name!r} has the type {kind!r}; expected one of {', '.join(_READ)}")
    if data is None and kind != "null":
        raise ConfigError(f"attribute {name!r} has no value but the type {kind!r}; expected the type 'null'")
    try:
        return name, _READ[kind](data)
    except (ValueError, KeyError) as error:
        raise ConfigError(f"attribute {name!r} is not a {kind} in its text form: {data!r:.60}") from error
