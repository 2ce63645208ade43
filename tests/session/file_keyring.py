"""A keyring that keeps its entries in a file, for tests on machines without one."""

from __future__ import annotations

import json
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeyring(KeyringBackend):
    """A keyring in a file.

    Attributes:
        forgets: Whether it stores nothing, as a keyring that is not set up may do.
    """

    priority = 1
    forgets = False

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    @property
    def entries(self) -> dict[str, str]:
        return json.loads(self.file.read_text("utf-8")) if self.file.exists() else {}

    def _write(self, entries: dict[str, str]) -> None:
        if not self.forgets:
            self.file.write_text(json.dumps(entries), "utf-8")

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get(f"{service}:{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self.entries, f"{service}:{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        entries = self.entries
        if entries.pop(f"{service}:{username}", None) is None:
            raise PasswordDeleteError("there is none")
        self._write(entries)


class PlainKeyring(FileKeyring):
    """A keyring that says of itself that it keeps plain text."""

    priority = 0.5
