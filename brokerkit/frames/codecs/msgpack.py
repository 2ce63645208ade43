"""MessagePack, read through msgspec, which refuses bytes behind the value.

msgspec rounds times to microseconds, and refuses those that Python's `datetime` does not have. Such times are
given another code before it reads them, and are `Timestamp` objects.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np

from ..json_exact import read
from . import iso_times
from .avro.scalar_values import as_bytes
from .edited_objects import Again, edited
from .extras import extra
from .misfit import Misfit, shown
from .objects import object_text

_TIME = 0xFF
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""The seconds that `datetime` has, from year 1 to 9999."""

# how many bytes a value has behind its first byte, and how many of these say how many more there are
_SIZES = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
          0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}  # fmt: skip
_LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_EXTENSIONS = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_FIXED = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


class Timestamp:
    """A time that Python's `datetime` does not have: it has nanoseconds, or its year is beyond 9999."""

    __slots__ = ("nanoseconds", "seconds")

    def __init__(self, seconds: int, nanoseconds: int) -> None:
        self.seconds = seconds
        self.nanoseconds = nanoseconds

    def __str__(self) -> str:
        text = str(np.datetime64(self.seconds, "s"))
        sign = "+" if self.seconds > _LAST else ""
        return f"{sign}{text}.{self.nanoseconds:09d}Z"


def load(payload: bytes) -> Any:
    """Return the value of one MessagePack payload.

    Raises:
        ValueError: The payload is not exactly one MessagePack value.
        MissingExtra: The library for it is not installed.
    """
    msgspec = _library()
    try:
        if b"\xd7\xff" in payload or b"\xc7\x0c\xff" in payload:
            return _load_times(msgspec, payload)
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
    return object_text(load(payload), special)


def dump(value: Any) -> bytes:
    """Return an object, such as parsed JSON, as a MessagePack payload.

    Raises:
        Misfit: MessagePack cannot hold a value.
        MissingExtra: The library for it is not installed.
    """
    msgspec = _library()
    try:
        data: bytes = msgspec.msgpack.Encoder(enc_hook=_written).encode(_without_decimals(value, ""))
    except Misfit:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Misfit("", f"MessagePack cannot hold it: {str(error)[:200]}") from error
    return data


def rewritten(payload: bytes, now: str | bytes) -> bytes:
    """Return the payload for JSON text that was read from `payload` and then edited.

    Args:
        now: The text as it is now.

    Raises:
        Misfit: A value cannot be written as the type that was there.
        ValueError: The text is not JSON.
    """
    data = dump(edited(load(payload), now, special, _made))
    if read(text(data), str).value != read(now, str).value:
        raise Misfit("", "MessagePack cannot hold every digit of its numbers")
    return data


def _without_decimals(value: Any, path: str) -> Any:
    """Return an object with floats for decimals, which MessagePack does not have. Raises Misfit."""
    if isinstance(value, dict):
        return {name: _without_decimals(each, f"{path}.{name}".lstrip(".")) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_decimals(each, f"{path}[{number}]") for number, each in enumerate(value)]
    if isinstance(value, Decimal):
        near = float(value)
        if value.is_finite() and Decimal(repr(near)) != value:
            raise Misfit(path, f"MessagePack cannot hold every digit of {value}")
        return near
    return value


def _made(old: Any, before: Any, now: Any, path: str, again: Again) -> Any:
    if isinstance(old, Timestamp):
        try:
            nanoseconds = iso_times.moment(now, 10**9, zoned=True)
        except ValueError as error:
            raise Misfit(path, str(error)) from error
        return Timestamp(*divmod(nanoseconds, 10**9))
    ext = _library().msgpack.Ext
    if not isinstance(old, ext):
        raise NotImplementedError
    if not isinstance(now, dict) or now.keys() != {"$ext", "data"} or type(now["$ext"]) is not int:
        raise Misfit(path, f'expected {{"$ext": number, "data": base64}}, not {shown(now)}')
    if not -128 <= now["$ext"] <= 127:
        raise Misfit(f"{path}.$ext", f"{now['$ext']} is no code of an extension")
    return ext(now["$ext"], as_bytes(now["data"], f"{path}.data"))


def _written(value: Any) -> Any:
    if isinstance(value, Timestamp):
        data = value.nanoseconds.to_bytes(4, "big") + value.seconds.to_bytes(8, "big", signed=True)
        return _library().msgpack.Ext(-1, data)
    raise TypeError(f"a {type(value).__name__} is no type of it")


def _load_times(msgspec: Any, payload: bytes) -> Any:
    extensions = list(_extensions(payload))
    odd = [place for place, code, data in extensions if code == _TIME and _is_odd(data)]
    if not odd:
        return msgspec.msgpack.decode(payload)
    taken = {code for _, code, _ in extensions}
    free = next((code for code in range(127, -1, -1) if code not in taken), None)
    if free is None:
        raise ValueError("it has more kinds of extensions than can be read beside its times")
    changed = bytearray(payload)
    for place in odd:
        changed[place] = free

    def made(code: int, data: memoryview) -> Any:
        return Timestamp(*_parts(bytes(data))) if code == free else msgspec.msgpack.Ext(code, bytes(data))

    return msgspec.msgpack.decode(bytes(changed), ext_hook=made)


def _parts(data: bytes) -> tuple[int, int]:
    """Return the seconds and the nanoseconds of a time of 8 or 12 bytes."""
    if len(data) == 8:
        number = int.from_bytes(data, "big")
        return number & (2**34 - 1), number >> 34
    return int.from_bytes(data[4:], "big", signed=True), int.from_bytes(data[:4], "big")


def _is_odd(data: bytes) -> bool:
    if len(data) not in (8, 12):
        return False
    seconds, nanoseconds = _parts(data)
    if seconds == -(2**63) or nanoseconds >= 10**9:
        return False  # no library has it; it is refused
    return nanoseconds % 1000 != 0 or not _FIRST <= seconds <= _LAST


def _extensions(payload: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield the place of the code, the code and the data of each extension; values lie one behind another."""
    place = 0
    while place < len(payload):
        first = payload[place]
        place += 1
        if 0xA0 <= first <= 0xBF:
            place += first & 0x1F
        elif first in _SIZES:
            place += _SIZES[first]
        elif first in _LENGTHS:
            width = _LENGTHS[first]
            place += width + int.from_bytes(payload[place : place + width], "big")
        elif first in _EXTENSIONS or first in _FIXED:
            width = _EXTENSIONS.get(first, 0)
            length = _FIXED.get(first) or int.from_bytes(payload[place : place + width], "big")
            place += width
            if place < len(payload):
                yield place, payload[place], payload[place + 1 : place + 1 + length]
            place += 1 + length


def _library() -> Any:
    return extra("msgspec", "msgpack", "MessagePack")


def special(value: Any) -> Any:
    """Return what stands for an object of this codec's own types; see `objects.Special`."""
    if isinstance(value, Timestamp):
        return str(value)
    if isinstance(value, _library().msgpack.Ext):
        data = binascii.b2a_base64(bytes(value.data), newline=False).decode()
        return {"$ext": value.code, "data": data}
    raise ValueError(f"a value of the type {type(value).__name__} has no JSON text")
