r"""Bytes as text that can be typed, and back to the same bytes.

Plain text is used where a text field of a browser keeps it as it is. Anything else, such as NUL, carriage
returns, invisible characters or bytes that are not UTF-8, is written with escapes: ``\xff`` for a byte,
``\u202e`` for a character, and ``\n``, ``\r``, ``\t``, ``\\``.
"""

from __future__ import annotations

import re
from typing import Literal

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.display.sanitize import without_hidden

Mode = Literal["text", "escaped", "null"]
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[nrt\\]|.|$)", re.DOTALL)
_SHORT = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}
_NAMED = {"\r": "\\r", "\n": "\\n", "\t": "\\t"}


def to_text(data: bytes | None, *, one_line: bool = False) -> tuple[Mode, str]:
    """Return the mode and the text of data for a text field.

    A field of one line drops line ends, so they are escaped.
    """
    if data is None:
        return "null", ""
    text = data.decode("utf-8", "surrogateescape")
    kept = "" if one_line else "\n\t"
    if without_hidden(text, lambda char: char if char in kept else "") == text:
        return "text", text
    return "escaped", _with_escapes(text, kept)


def name_to_text(name: str) -> str:
    """Return a name for a text field of one line, always in the form with escapes."""
    return _with_escapes(name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape"))


def text_to_name(text: str) -> str:
    """Return the name of a text; the inverse of `name_to_text`.

    Raises:
        ConfigError: An escape has no meaning.
    """
    data = to_bytes("escaped", text) or b""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise ConfigError(f"a name must be text, and {text[:60]!r} stands for other bytes") from error


def _with_escapes(text: str, kept: str = "") -> str:
    return without_hidden(text.replace("\\", "\\\\"), lambda char: char if char in kept else _escaped(char))


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def to_bytes(mode: str, text: str) -> bytes | None:
    """Return the typed text as bytes.

    Raises:
        ConfigError: An escape has no meaning.
    """
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
            raise ConfigError(f"\\{code} is not an escape: write \\\\ for a backslash, \\xff for a byte")
        place = found.end()
    parts.append(text[place:].encode())
    return parts
