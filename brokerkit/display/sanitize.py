"""Names and texts from a broker, made safe to show as plain text."""

from __future__ import annotations

LONGEST = 200


def plain(text: str, limit: int = LONGEST) -> str:
    """Return one line without control, direction or invisible characters, at most `limit` characters long.

    A terminal acts on escape sequences, and reverses text for some characters; these are shown as escapes
    instead. HTML must be escaped as well.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)


def plain_lines(text: str) -> str:
    """Do the same for a text of several lines, without a limit of their length."""
    return "\n".join(plain(line, len(line) + 1) for line in text.split("\n"))
