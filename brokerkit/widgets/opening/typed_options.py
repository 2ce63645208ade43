"""Options as they are typed into one line: ``name=value, other="a value, with a comma"``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, hidden

NO_OPTIONS = ("target", "timeout", "read_only", "production", "allow_changes")
"""What `connect` takes besides options of the system; the form has fields for what may be chosen."""
_QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"\s*(?:,|$)')
_PLAIN = re.compile(r"([^,]*)(?:,|$)")


class _Part(NamedTuple):
    """What stands between two commas; `value` is None where there is no equals sign."""

    name: str
    value: str | None
    quoted: bool


def read_typed_options(text: str) -> dict[str, str]:
    """Return options by name.

    A value with a comma stands in double quotes, and a double quote in it is written twice.

    Raises:
        ConfigError: They cannot be read, or one is none of the system. The error names it by its place.
    """
    found: dict[str, str] = {}
    hiding = 0
    for place, part in enumerate(_parts(text), 1):
        if not part.name and part.value is None:
            continue
        if hiding:
            # it may be the end of a password, whatever it looks like
            raise ConfigError(
                f"Options: option {hiding} may hold a secret, and a comma follows: write it last, "
                'or in double quotes, name="value"'
            )
        if part.value is None or not part.name:
            # it may be the end of a password
            raise ConfigError(f"Options: expected name=value, separated by commas; option {place} is not")
        if part.value.startswith('"') and not part.quoted:
            raise ConfigError(
                f"Options: the double quotes of option {place} are not closed; a double quote between them "
                "is written twice"
            )
        if part.name.replace(".", "_") in NO_OPTIONS:
            raise ConfigError(f"Options: option {place} is none of the system, leave it out: {part.name}")
        if part.name in found:
            raise ConfigError(f"Options: option {place} was given before: {part.name}")
        hiding = place if not part.quoted and isinstance(hidden(part.name, part.value), Secret) else 0
        found[part.name] = part.value
    return found


def _parts(text: str) -> Iterator[_Part]:
    place = 0
    while place < len(text):
        plain = _PLAIN.match(text, place)
        assert plain is not None
        name, sign, value = plain[1].partition("=")
        quoted = _QUOTED.match(text, place + len(name) + 1) if sign else None
        if quoted is not None:
            yield _Part(name.strip(), quoted[1].replace('""', '"'), True)
            place = quoted.end()
        else:
            yield _Part(name.strip(), value.strip() if sign else None, False)
            place = plain.end()
