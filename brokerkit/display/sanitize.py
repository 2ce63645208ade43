"""Names and texts from a broker, made safe to show as plain text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

LONGEST = 200
_JOINER = "\u200d"
_SELECTOR = "[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_PICTURE = (
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297"
    "\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
)
"""What an emoji may begin with, or a part of one; regional indicators and tones of skin are none."""
_EMOJI = f"{_PICTURE}(?:[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff])?"
_TAGS = "|".join("".join(chr(0xE0000 + ord(each)) for each in place) for place in ("eng", "sct", "wls"))
_WHOLE = re.compile(
    f"\U0001f3f4\U000e0067\U000e0062(?:{_TAGS})\U000e007f|{_EMOJI}(?:{_JOINER}{_EMOJI})*|[0-9#*][\ufe0e\ufe0f]"
)
"""A sequence that is one picture: joined ones, a flag of a part of a country, a digit on a key."""
_PIECE = re.compile(f"{_WHOLE.pattern}|.{_SELECTOR}?", re.DOTALL)
_HAS_SELECTOR = re.compile(_SELECTOR)
_OF_PICTURES = re.compile(f"{_JOINER}|{_SELECTOR}|{_PICTURE}|\U000e007f")
_VARIED = {"Lo", "Sm", "So"}
"""The kinds of characters that have variants: ideographs, letters without case, and symbols."""


def plain(text: str, limit: int = LONGEST) -> str:
    """Return one line without control, direction or invisible characters, at most `limit` characters long.

    A terminal acts on escape sequences, and reverses text for some characters; these are shown as escapes
    instead. HTML must be escaped as well.
    """
    return without_hidden(text if len(text) <= limit else text[: limit - 1].removesuffix(_JOINER) + "…")


def plain_lines(text: str) -> str:
    """Do the same for a text of several lines, without a limit of their length."""
    return "\n".join(plain(line, len(line) + 1) for line in text.split("\n"))


def without_hidden(text: str, escape: Callable[[str], str] | None = None) -> str:
    """Return text with escapes for the characters that are not seen, or change how others are seen.

    A joiner or a selector of a variant is only left where it makes a picture or a letter what it is.

    Args:
        text: Any text.
        escape: Writes one such character; otherwise it is written as in Python.
    """
    if text.isprintable() and (text.isascii() or not _HAS_SELECTOR.search(text)):
        return text
    written = escape or _as_in_python
    if not _OF_PICTURES.search(text):
        return "".join(each if each.isprintable() else written(each) for each in text)
    return "".join(
        piece
        if _WHOLE.fullmatch(piece)
        else "".join(each if _stands(each, piece) else written(each) for each in piece)
        for piece in _PIECE.findall(text)
    )


def hides(text: str) -> bool:
    """Return whether a text has characters that `without_hidden` would escape."""
    return without_hidden(text, lambda _: "") != text


def _stands(each: str, piece: str) -> bool:
    """Return whether a character of a piece is seen; its last one may choose a variant of its first."""
    if not each.isprintable():
        return False
    return not _HAS_SELECTOR.match(each) or (len(piece) == 2 and unicodedata.category(piece[0]) in _VARIED)


def _as_in_python(char: str) -> str:
    return char.encode("unicode_escape").decode()
