"""MessagePack, read through msgspec, which refuses bytes behind the value.

msgspec rounds times to microseconds, and refuses those that Python's `datetime` does not have. Such times are
given another code before it reads them, and are `Timestamp` objects.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import Any

import numpy as np

from .extras import extra
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
    return object_text(load(payload), _special)


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


def _special(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return str(value)
    if isinstance(value, _library().msgpack.Ext):
        data = binascii.b2a_base64(bytes(value.data), newline=False).decode()
        return {"$ext": value.code, "data": data}
    raise ValueError(f"a value of the type {type(value).__name__} has no JSON text")
