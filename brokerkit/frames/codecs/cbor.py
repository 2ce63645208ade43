"""CBOR (RFC 8949), read through cbor2. Bytes behind the value are refused, which cbor2 does not do."""

from __future__ import annotations

import ipaddress
import re
from fractions import Fraction
from io import BytesIO
from typing import Any
from uuid import UUID

from .extras import extra
from .objects import object_text


def load(payload: bytes) -> Any:
    """Return the value of one CBOR payload.

    Raises:
        ValueError: The payload is not exactly one CBOR value.
        MissingExtra: The library for it is not installed.
    """
    cbor2 = _library()
    stream = BytesIO(payload)
    try:
        value = cbor2.load(stream)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except Exception as error:  # a tag's own reader may raise anything for a hostile value
        raise ValueError(f"byte {stream.tell()}: {error}") from error
    if stream.tell() != len(payload):
        raise ValueError(f"byte {stream.tell()}: {len(payload) - stream.tell()} bytes are left over")
    return value


def text(payload: bytes) -> str:
    """Return one CBOR payload as exact JSON text; see `objects` for the rules.

    Raises:
        ValueError: The payload is not exactly one CBOR value, or has no JSON text.
    """
    return object_text(load(payload), _special)


def _library() -> Any:
    return extra("cbor2", "cbor", "CBOR")


def _special(value: Any) -> Any:
    cbor2 = _library()
    if isinstance(value, cbor2.CBORTag):
        return {"$tag": value.tag, "value": value.value}
    if isinstance(value, cbor2.CBORSimpleValue):
        return {"$simple": value.value}
    if value is cbor2.undefined:
        return {"$simple": 23}
    if isinstance(value, UUID | Fraction | ipaddress.IPv4Address | ipaddress.IPv6Address):
        return str(value)
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return str(value)
    if isinstance(value, re.Pattern):
        return value.pattern
    raise ValueError(f"a value of the type {type(value).__name__} has no JSON text")
