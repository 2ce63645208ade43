"""Whether the first line of CSV has the names of its columns."""

from __future__ import annotations

import re

from brokerkit.core.vocabulary.errors import ConfigError

_NUMBER = re.compile(r"\s*[-+]?\d[\d.,]*\s*")


def is_header(first: list[str], others: list[list[str]]) -> bool:
    """Return whether a line has the names of columns, as it and the next lines tell.

    Raises:
        ConfigError: They do not tell.
    """
    columns: list[list[str]] = [[] for _ in first]
    for fields in others:
        for cells, cell in zip(columns, fields, strict=False):
            if cell.strip():
                cells.append(cell)
    # a separator at the end of each line makes a column of nothing
    used = [(each, cells) for each, cells in zip(first, columns, strict=True) if each.strip() or cells]
    names = [each for each, _ in used]
    plain = [each for each in names if each.strip() and not _NUMBER.fullmatch(each)]
    if any(
        each.strip() and not _NUMBER.fullmatch(each) and cells and all(map(_NUMBER.fullmatch, cells))
        for each, cells in used
    ):
        return True
    if len(plain) == len(names) == len({*names}):
        return True
    numbers = [each.strip() for each in names if _NUMBER.fullmatch(each)]
    counted = [number for number in numbers if not _YEAR.fullmatch(number)]
    if counted and not (len(numbers) > 1 and _is_count(numbers)) and "" not in names[:1]:
        return False
    raise ConfigError(
        "it is not certain whether the first line has the names of the columns: header=True says so, and "
        "header=False that it is a row like the others (--header-line and --no-header-line)"
    )


_YEAR = re.compile("(19|20)[0-9]{2}")


def _is_count(numbers: list[str]) -> bool:
    """Return whether numbers count columns, as the names do that frames without names have."""
    return any(numbers == [str(number) for number in range(least, least + len(numbers))] for least in (0, 1))
