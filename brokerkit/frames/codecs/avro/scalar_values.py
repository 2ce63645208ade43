"""Python values, such as those of parsed JSON, as the bytes of Avro types that hold no other type."""

from __future__ import annotations

import binascii
import math
import re
import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from .. import iso_times
from ..misfit import Misfit, shown
from ..varints import write_zigzag
from .schema import Enum, Fixed, Primitive

_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_WIDTH = {"int": 32, "long": 64}
_LARGEST_FLOAT = 2.0**128 * (1 - 2.0**-25)
_PER_SECOND = {"millis": 10**3, "micros": 10**6, "nanos": 10**9}
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def scalar_bytes(type: Primitive | Fixed | Enum, value: Any, path: str) -> bytes:
    """Return a value as Avro writes it.

    Bytes may be base64 text, times ISO 8601 text or the number that Avro keeps, and decimals any number.

    Raises:
        Misfit: The value does not fit exactly.
    """
    if hasattr(value, "dtype") and hasattr(value, "item"):
        value = value.item()
    if isinstance(type, Enum):
        if not isinstance(value, str) or value not in type.symbols:
            symbols = ", ".join(type.symbols[:10])
            raise Misfit(path, f"{type.name} has no symbol {shown(value)}; it has {symbols}")
        return write_zigzag(type.symbols.index(value))
    if type.logical == "decimal" and type.precision <= 76:
        return _decimal(type, value, path)
    if isinstance(type, Fixed):
        return _fixed(type, value, path)
    kind = type.kind
    if kind in _WIDTH:
        return write_zigzag(_whole(type, value, path))
    if kind in ("float", "double"):
        return _float(kind, value, path)
    if kind == "string":
        return _text(type, value, path)
    if kind == "bytes":
        return _sized(as_bytes(value, path))
    if kind == "boolean" and isinstance(value, bool):
        return b"\1" if value else b"\0"
    if kind == "null" and value is None:
        return b""
    raise Misfit(path, f"expected {'true or false' if kind == 'boolean' else kind}, not {shown(value)}")


def _sized(data: bytes) -> bytes:
    return write_zigzag(len(data)) + data


def _whole(type: Primitive, value: Any, path: str) -> int:
    logical = type.logical or ""
    if not isinstance(value, int) and logical:
        value = _time(logical, value, path)
    elif (
        isinstance(value, float | Decimal)
        and value == value
        and value in (int(value) if _finite(value) else None,)
    ):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Misfit(path, f"expected a whole number, not {shown(value)}")
    bits = _WIDTH[type.kind]
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise Misfit(path, f"{value} is not a number of {bits} bits")
    if logical.startswith("time-") and not 0 <= value < 86_400 * _PER_SECOND[logical.rpartition("-")[2]]:
        raise Misfit(path, f"{value} is not a time of day")
    return value


def _finite(value: float | Decimal) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def _time(logical: str, value: Any, path: str) -> int:
    name, _, unit = logical.rpartition("-")
    try:
        if logical == "date":
            return iso_times.days(value)
        if name == "time":
            return iso_times.of_day(value, _PER_SECOND[unit])
        return iso_times.moment(value, _PER_SECOND[unit], zoned=name == "timestamp")
    except ValueError as error:
        raise Misfit(path, str(error)) from error


def _float(kind: str, value: Any, path: str) -> bytes:
    if isinstance(value, str):
        value = _NUMBERS.get(value, value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Misfit(path, f"expected a number, not {shown(value)}")
    try:
        number = float(value)
    except OverflowError as error:
        raise Misfit(path, f"{shown(value)} is too large") from error
    exact = (
        isinstance(value, float)
        or not _is_finite(value)
        or Decimal(value) in (Decimal(number), _near(number))
    )
    if not exact:
        raise Misfit(path, f"{value} cannot be held exactly by a floating-point number")
    if kind == "double":
        return struct.pack("<d", number)
    if math.isfinite(number) and abs(number) >= _LARGEST_FLOAT:
        raise Misfit(path, f"{number} is too large for 32 bits")
    if isinstance(value, int) and struct.unpack("<f", struct.pack("<f", number))[0] != value:
        raise Misfit(path, f"{value} cannot be held exactly by a floating-point number of 32 bits")
    return struct.pack("<f", number)


def _is_finite(value: int | Decimal) -> bool:
    return not isinstance(value, Decimal) or value.is_finite()


def _near(number: float) -> Decimal:
    return Decimal(repr(number)) if math.isfinite(number) else Decimal("NaN")


def _text(type: Primitive, value: Any, path: str) -> bytes:
    if type.logical == "uuid" and isinstance(value, UUID):
        value = str(value)
    if not isinstance(value, str):
        raise Misfit(path, f"expected text, not {shown(value)}")
    try:
        return _sized(value.encode())
    except UnicodeEncodeError as error:
        raise Misfit(path, f"the text is not valid Unicode: {error.reason}") from error


def as_bytes(value: Any, path: str) -> bytes:
    """Return bytes, or those that a text has as base64. Raises Misfit."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if not isinstance(value, str):
        raise Misfit(path, f"expected bytes, not {shown(value)}")
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError as error:
        raise Misfit(path, f"expected bytes as base64: {error}") from error


def _decimal(type: Primitive | Fixed, value: Any, path: str) -> bytes:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Misfit(path, f"expected a number, not {shown(value)}")
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        raise Misfit(path, f"a decimal cannot be {value}")
    sign, digits, exponent = exact.as_tuple()
    assert isinstance(exponent, int)
    kept = int("".join(map(str, digits)))
    places = exponent + type.scale
    if kept and len(digits) + places > type.precision:
        raise Misfit(path, f"{value} has more than {type.precision - type.scale} digits before its point")
    lost = 10 ** min(-places, len(digits) + 1) if places < 0 else 1
    if kept % lost:
        raise Misfit(path, f"{value} has more than {type.scale} digits behind its point")
    number = 0 if not kept else kept * 10**places if places >= 0 else kept // lost
    number = -number if sign else number
    size = (
        type.size if isinstance(type, Fixed) else (number if number >= 0 else ~number).bit_length() // 8 + 1
    )
    try:
        data = number.to_bytes(size, "big", signed=True)
    except OverflowError as error:
        raise Misfit(path, f"{value} does not fit into {size} bytes") from error
    return data if isinstance(type, Fixed) else _sized(data)


def _fixed(type: Fixed, value: Any, path: str) -> bytes:
    if type.logical == "uuid" and isinstance(value, str | UUID):
        if isinstance(value, str) and not _UUID.fullmatch(value):
            raise Misfit(path, f"expected a UUID, not {shown(value)}")
        return UUID(str(value)).bytes
    if type.logical == "duration" and isinstance(value, Mapping):
        return _duration(value, path)
    data = as_bytes(value, path)
    if len(data) != type.size:
        raise Misfit(path, f"expected {type.size} bytes, not {len(data)}")
    return data


def _duration(value: Mapping[Any, Any], path: str) -> bytes:
    names = ("months", "days", "milliseconds")
    if value.keys() != set(names):
        raise Misfit(path, f"expected the fields {', '.join(names)}, not {shown(dict(value))}")
    parts = [value[name] for name in names]
    for name, part in zip(names, parts, strict=True):
        if not isinstance(part, int) or isinstance(part, bool) or not 0 <= part < 2**32:
            raise Misfit(f"{path}.{name}", f"expected a whole number of 32 bits, not {shown(part)}")
    return struct.pack("<III", *parts)
