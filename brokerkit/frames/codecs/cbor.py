"""CBOR (RFC 8949), read through cbor2. Bytes behind the value are refused, which cbor2 does not do."""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from typing import Any
from uuid import UUID

from ..json_exact import read
from .cbor_sharing import refuse_endless
from .cbor_times import TaggedTime, time_decoders
from .edited_objects import Again, edited
from .extras import extra
from .misfit import Misfit, shown
from .msgpack import Timestamp
from .objects import object_text


def load(payload: bytes) -> Any:
    """Return the value of one CBOR payload.

    Raises:
        ValueError: The payload is not exactly one CBOR value, or contains itself.
        MissingExtra: The library for it is not installed.
    """
    cbor2 = _library()
    refuse_endless(payload)
    stream = BytesIO(payload)
    try:
        value = cbor2.load(stream, semantic_decoders=time_decoders(payload))
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
    return object_text(load(payload), special)


def dump(value: Any) -> bytes:
    """Return an object, such as parsed JSON, as a CBOR payload.

    Raises:
        Misfit: CBOR cannot hold a value.
        MissingExtra: The library for it is not installed.
    """
    return _dumped(value, {})


def rewritten(payload: bytes, now: str | bytes) -> bytes:
    """Return the payload for JSON text that was read from `payload` and then edited.

    Args:
        now: The text as it is now.

    Raises:
        Misfit: A value cannot be written as the type that was there.
        ValueError: The text is not JSON.
    """
    old = load(payload)
    data = _dumped(edited(old, now, special, _made), _style(old, payload))
    if read(text(data), str).value != read(now, str).value:
        raise Misfit("", "CBOR cannot hold every digit of its numbers")
    return data


_STYLES: tuple[dict[str, bool], ...] = (
    {},
    {"canonical": True},
    {"datetime_as_timestamp": True},
    {"datetime_as_timestamp": True, "canonical": True},
)


def _style(old: Any, payload: bytes) -> dict[str, bool]:
    """Return the options with which the old object gives the old payload, as far as any do."""
    return next((style for style in _STYLES if _dumped(old, style) == payload), _STYLES[-2])


def _dumped(value: Any, options: dict[str, bool]) -> bytes:
    cbor2 = _library()
    try:
        data: bytes = cbor2.dumps(value, default=_written, **options)
    except Exception as error:  # cbor2 raises several kinds
        raise Misfit("", f"CBOR cannot hold it: {str(error)[:200]}") from error
    return data


def _written(encoder: Any, value: Any) -> None:
    if not isinstance(value, TaggedTime):
        raise TypeError(f"a {type(value).__name__} is no type of it")
    encoder.encode(_library().CBORTag(value.tag, value.written))


def _made(old: Any, before: Any, now: Any, path: str, again: Again) -> Any:
    cbor2 = _library()
    if isinstance(old, cbor2.CBORTag):
        if not isinstance(now, dict) or now.keys() != {"$tag", "value"} or type(now["$tag"]) is not int:
            raise Misfit(path, f'expected {{"$tag": number, "value": ...}}, not {shown(now)}')
        return cbor2.CBORTag(now["$tag"], again(old.value, before["value"], now["value"], f"{path}.value"))
    if isinstance(old, set | frozenset) and isinstance(now, list):
        return type(old)(now)
    if isinstance(old, Decimal) and isinstance(now, int | float | Decimal) and not isinstance(now, bool):
        return Decimal(repr(now)) if isinstance(now, float) else Decimal(now)
    if not isinstance(now, str):
        raise NotImplementedError
    if isinstance(old, re.Pattern):
        return re.compile(now)
    if isinstance(old, TaggedTime):
        try:
            return old.moved(now)
        except (ValueError, OverflowError) as error:
            raise Misfit(path, str(error)) from error
    if isinstance(old, UUID | Fraction) or type(old).__module__ == "ipaddress":
        try:
            return type(old)(now)
        except (ValueError, ZeroDivisionError) as error:
            raise Misfit(path, f"expected a {type(old).__name__}: {error}") from error
    raise NotImplementedError


def _library() -> Any:
    return extra("cbor2", "cbor", "CBOR")


def special(value: Any) -> Any:
    """Return what stands for an object of this codec's own types; see `objects.Special`."""
    cbor2 = _library()
    if isinstance(value, Timestamp):
        return str(value)
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
