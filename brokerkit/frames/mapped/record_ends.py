"""Where records of CSV end whose fields are too large to be read."""

from __future__ import annotations

from brokerkit.core.vocabulary.errors import ConfigError

MOST_LOOKED = 5_000_000
"""So many lines are looked through for the ends of such fields."""


class RecordEnds:
    """Finds where records with large fields end."""

    def __init__(self, lines: list[str], separator: str) -> None:
        self._lines = lines
        self._separator = separator
        self._looked = 0

    def find(self, begin: int) -> int | None:
        """Return the number of the line after the record that begins in a line; None if it is not closed.

        Raises:
            ConfigError: Too many lines were looked through.
        """
        inside = False
        for number in range(begin, len(self._lines)):
            self._looked += 1
            if self._looked > MOST_LOOKED:
                raise ConfigError(
                    f"line {begin + 1:,}: a quote is not closed, as in many lines before: "
                    "another delimiter= may be right"
                )
            line = self._lines[number]
            if inside and '"' not in line:
                continue
            state = self._after(line, inside)
            if state is None:
                return None
            if not state:
                return number + 1
            inside = True
        return None

    def _after(self, line: str, inside: bool) -> bool | None:
        """Return whether a quote is open after a line; None if text follows a closing one."""
        at = 0
        while True:
            if not inside:
                if line[at : at + 1] != '"':
                    at = line.find(self._separator, at) + 1
                    if not at:
                        return False
                    continue
                at += 1
            at = line.find('"', at)
            if at < 0:
                return True
            at += 1
            if line[at : at + 1] == '"':
                at += 1
                inside = True
                continue
            if line[at : at + 1] in ("", "\r", "\n"):
                return False
            if line[at] != self._separator:
                return None
            at += 1
            inside = False
