r"""Bytes as text that can be typed, and back to the same bytes.

Plain text where a text field of a browser keeps it as it is. Anything else, such as NUL, carriage
returns, invisible characters or bytes that are not UTF-8, is written with escapes: ``\xff`` a byte,
``\u202e`` a character, ``\n`` ``\r`` ``\t`` ``\\``.
"""

from __future__ import annotations

import re
from typing import Literal

from brokerkit.core.errors import ConfigError

Mode = Literal["text", "escaped", "null"]
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[nrt\\]|.|$)", re.DOTALL)
_SHORT = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}
_NAMED = {"\\": "\\\\", "\r": "\\r", "\x00": "\\x00"}


def to_text(data: bytes | None) -> tuple[Mode, str]:
    """How data is shown in a text field."""
    if data is None:
        return "null", ""
    text = data.decode("utf-8", "surrogateescape")
    if all(each.isprintable() or each in "\n\t" for each in text):
        return "text", text
    return "escaped", "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    if char.isprintable() or char in "\n\t":
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def to_bytes(mode: str, text: str) -> bytes | None:
    """What was typed, as bytes. Raises ConfigError for an escape that means nothing."""
    if mode == "null":
        return None
    try:
        if mode == "text":
            return text.encode()
        if mode == "escaped":
            return b"".join(_pieces(text))
    except (UnicodeEncodeError, ValueError, OverflowError) as error:
        raise ConfigError(f"the text cannot be sent: {error}") from error
    raise ConfigError(f"a field is text, escaped or null, not {mode!r:.40}")


def _pieces(text: str) -> list[bytes]:
    parts, place = [], 0
    for found in _ESCAPE.finditer(text):
        parts.append(text[place : found.start()].encode())
        code = found[1]
        if code in _SHORT:
            parts.append(_SHORT[code])
        elif len(code) > 1 and code[0] == "x":
            parts.append(bytes.fromhex(code[1:]))
        elif len(code) > 1:
            parts.append(chr(int(code[1:], 16)).encode())
        else:
            raise ConfigError(f"\\{code} means nothing: write \\\\ for a backslash, \\xff for a byte")
        place = found.end()
    parts.append(text[place:].encode())
    return parts
