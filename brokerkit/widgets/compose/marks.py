"""Where in the text of a value its problems are: what is no JSON, and what breaks a schema."""

from __future__ import annotations

from collections.abc import Sequence
from json import JSONDecodeError, JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in the stubs
from typing import Any

from brokerkit.display.sanitize import plain

from ..protocol.compose import Mark

Path = Sequence[str | int]
_DECODER = JSONDecoder(strict=False)
_BLANK = " \t\n\r"


def marks_of(text: str, broken: Sequence[tuple[Path, str]], *, json: bool) -> list[Mark]:
    """Return a mark for each problem of a text.

    Args:
        text: The value as it is edited.
        broken: What breaks the schema: the path of each place, and what is wrong there.
        json: Whether the text is meant to be JSON.
    """
    if not json:
        return []
    begin = len(text) - len(text.removeprefix("\ufeff"))
    try:
        _DECODER.decode(text[begin:])
    except JSONDecodeError as error:
        at = begin + error.pos
        line, column = place_in(text, at)
        said = f"line {line}, column {column}: {error.msg}"
        return [{"start": at, "end": min(len(text), at + 1), "line": line, "text": plain(said, 300)}]
    except RecursionError:
        return []
    found: list[Mark] = []
    for path, said in broken:
        start, end = _located(text, begin, path)
        line, column = place_in(text, start)
        where = f"line {line}, column {column}: {said}"
        found.append({"start": start, "end": end, "line": line, "text": plain(where, 300)})
    return found


def place_in(text: str, at: int) -> tuple[int, int]:
    """Return the line and the column of a place, both from 1 on."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _located(text: str, at: int, path: Path) -> tuple[int, int]:
    """Return where the value at a path begins and ends; of the deepest part of the path that is there."""
    at = _past_blank(text, at)
    start, end = at, at + 1
    for step in path:
        found = _member(text, start, step)
        if found is None:
            break
        start = found
        end = start + 1
    if text[start : start + 1] not in ("{", "["):
        end = _DECODER.raw_decode(text, start)[1]
    return start, end


def _member(text: str, at: int, step: str | int) -> int | None:
    """Return where a member of the object or array at a place begins; the last of one name counts."""
    opened = text[at : at + 1]
    if opened not in ("{", "["):
        return None
    found, number = None, 0
    at = _past_blank(text, at + 1)
    while text[at : at + 1] not in ("}", "]", ""):
        name: Any = number
        if opened == "{":
            name, at = scanstring(text, at + 1, False)
            at = _past_blank(text, _past_blank(text, at) + 1)
        if name == step:
            found = at
        _, at = _DECODER.raw_decode(text, at)
        at = _past_blank(text, at)
        if text[at : at + 1] == ",":
            at = _past_blank(text, at + 1)
        number += 1
    return found


def _past_blank(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at
