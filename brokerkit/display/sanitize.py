"""Names and texts that came from a broker, made safe to show in plain text."""

from __future__ import annotations

LONGEST = 200


def plain(text: str, most: int = LONGEST) -> str:
    """One line without control, direction or invisible characters, at most `most` long.

    A terminal acts on escape sequences and reverses text for some characters: they are shown as
    escapes instead. What goes into HTML must be escaped besides.
    """
    cut = text if len(text) <= most else text[: most - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)


def plain_lines(text: str) -> str:
    """The same for a text of several lines, which keep their length."""
    return "\n".join(plain(line, len(line) + 1) for line in text.split("\n"))
