"""Files that are on the disk when a call returns, and errors that say what to do if they cannot be."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from brokerkit.core.vocabulary.errors import StorageError

NEW = ".new"
"""The end of the names of incomplete files."""


@contextmanager
def storing(what: Path, go_on: str) -> Iterator[None]:
    """Turn errors of the file system into StorageError.

    Args:
        what: The file or folder.
        go_on: What to do once the cause is fixed, for the text of the error.
    """
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise StorageError.of(what, error, go_on) from error


def into_place(file: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name, and rename it once it is complete and on the disk.

    Args:
        file: The final name.
        write: Writes the file, and raises if it is not as it should be.
    """
    # readers of folders skip names that begin with these
    new = file.with_name(f"_{file.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}{NEW}")
    try:
        write(new)
        sync(new)
        os.replace(new, file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync(file.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
