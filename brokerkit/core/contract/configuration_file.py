"""Reading the configuration files of a system's other tools, without a secret in any traceback.

A backend translates what is read to its own options, and collects in `Untranslated` what has none::

    given = read_properties(path)         # {"sasl.password": ***}
    lacking = Untranslated(path)
    lacking.add("sasl.login.class", "it is a class of Java: give oauth_cb= instead")
    lacking.raise_if_any()
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..vocabulary.errors import ConfigError
from ..vocabulary.secrets import Secret

_PAIR = re.compile(r"((?:\\.|[^\\=:\s])+)\s*[=:]?\s*(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}


class Untranslated:
    """The settings of a file that have no counterpart, each with what to do.

    Attributes:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._found: list[str] = []

    def add(self, name: str, what_to_do: str) -> None:
        """Add a setting."""
        self._found.append(f"{name}: {what_to_do}")

    def raise_if_any(self) -> None:
        """Raise ConfigError if there is one, naming them all."""
        if self._found:
            raise ConfigError(f"{self.path} has settings that cannot be used here: {'; '.join(self._found)}")


def expanded(path: str) -> str:
    """Return a path with ``~`` and the variables of the environment in it replaced."""
    return os.path.expanduser(os.path.expandvars(path))


def read_properties(path: str) -> dict[str, Secret]:
    """Return the settings of a file in the format of Java's properties, by name.

    Raises:
        ConfigError: The file cannot be read.
    """
    text = read_text(path)
    return {name: value for name, value in _pairs(text) if name}


def read_object(path: str) -> dict[str, Secret | bool]:
    """Return the settings of a file with a JSON object, by name; those without a value are left out.

    Raises:
        ConfigError: The file cannot be read, or is no JSON object.
    """
    found = json_object(read_text(path))
    if found is None:
        raise ConfigError(f"{path} is not a JSON object")
    return found


def json_object(text: Secret) -> dict[str, Secret | bool] | None:
    """Return the values of a JSON object, without those that are empty; None for any other text."""
    try:
        found = json.loads(text.reveal())
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return {
        str(name): value if isinstance(value, bool) else Secret(str(value))
        for name, value in found.items()
        if value not in (None, "", [], {})
    }


def read_text(path: str) -> Secret:
    """Return the text of a file. Raises ConfigError if it cannot be read."""
    found = _text(path)
    if isinstance(found, str):
        raise ConfigError(f"the configuration file {path!r} cannot be read: {found}")
    return found


def _text(path: str) -> Secret | str:
    """Return the text of a file, or why it cannot be read."""
    try:
        return Secret(Path(expanded(path)).read_text("utf-8-sig"))
    except OSError as error:
        return error.strerror or type(error).__name__
    except UnicodeDecodeError:
        return "it is not UTF-8 text"


def _pairs(text: Secret) -> Iterator[tuple[str, Secret]]:
    logical = re.sub(r"(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*", r"\1", text.reveal())
    for line in logical.splitlines():
        stripped = line.strip()
        if stripped and stripped[0] not in "#!":
            match = _PAIR.fullmatch(stripped)
            if match is not None:
                yield _unescaped(match[1]), Secret(_unescaped(match[2]))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    escaped = match[1]
    return chr(int(escaped[1:], 16)) if len(escaped) == 5 else _CONTROLS.get(escaped, escaped)
