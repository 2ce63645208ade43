"""Changes of the file of saved connections, which keep what else stands in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, StorageError
from brokerkit.core.vocabulary.saved_connections import SecretPlace, config_path

if TYPE_CHECKING:
    import tomlkit

LOCK_SECONDS = 10.0
OWNER_ONLY = 0o600
GO_ON = "Nothing in it has changed; make the same call then"


def write_entry(name: str, entry: Mapping[str, Any]) -> None:
    """Write a connection into the file, in place of one of the same name.

    Raises:
        ConfigError: The file is not valid TOML.
        StorageError: It cannot be written.
    """
    import tomlkit

    def change(document: tomlkit.TOMLDocument) -> None:
        written = document.get(name)
        if not isinstance(written, dict):
            written = document[name] = tomlkit.table()
        # tables below it are options with dots in their names
        for key in [key for key, value in written.items() if key not in entry or isinstance(value, dict)]:
            del written[key]
        for key, value in entry.items():
            written[key] = _inline(value) if isinstance(value, SecretPlace) else value

    _change(change)


def remove_entry(name: str) -> None:
    """Remove a connection from the file. Raises as `write_entry`."""
    _change(lambda document: document.remove(name))


def _inline(place: SecretPlace) -> Any:
    import tomlkit

    table = tomlkit.inline_table()
    table[place.kind] = place.name or True
    return table


def change_file(path: Path, change: Callable[[str], str]) -> None:
    """Replace the text of a file of the configuration; of one that is missing, the text is empty.

    Raises:
        StorageError: It cannot be read or written.
        ConfigError: Another process has been writing it for long.
    """
    from filelock import FileLock

    path = path.resolve()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
            before = path.read_text("utf-8", errors="replace") if path.exists() else ""
            _replace(path, change(before).rstrip("\n") + "\n")
    except TimeoutError as error:
        raise ConfigError(_busy(path)) from error
    except OSError as error:
        raise StorageError.of(path, error, GO_ON) from error


def _busy(path: Path) -> str:
    return f"{path} is being written by another process for more than {LOCK_SECONDS:g} s"


def _change(change: Callable[[tomlkit.TOMLDocument], object]) -> None:
    problem = _refused(change)
    if problem is not None:
        # raised here, where no variable holds the text of the file
        raise problem


def _refused(change: Callable[[tomlkit.TOMLDocument], object]) -> BrokerError | None:
    """Change the file, or return why it cannot be changed."""
    import tomlkit
    from filelock import FileLock
    from tomlkit.exceptions import ParseError

    # the file may be a link into a folder that is kept elsewhere
    path = config_path().resolve()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
            document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
            change(document)
            _replace(path, tomlkit.dumps(document).rstrip("\n") + "\n")
    except (ParseError, UnicodeDecodeError) as error:
        return ConfigError(
            f"{path} is not valid TOML ({type(error).__name__}): mend it before a connection is saved"
        )
    except TimeoutError:
        return ConfigError(_busy(path))
    except OSError as error:
        return StorageError.of(path, error, GO_ON)
    return None


def _replace(path: Path, text: str) -> None:
    """Write a file so that any reader sees the old one or the new one, and only its owner may read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, OWNER_ONLY)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
