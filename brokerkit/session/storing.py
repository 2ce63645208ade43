"""Files that are on the disk when they are said to be, and errors that say what to do when they cannot."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from brokerkit.core.vocabulary.errors import StorageError

NEW = ".new"
"""How the names of files end that are not complete yet."""
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def storing(what: Path, go_on: str) -> Iterator[None]:
    """Turn what the file system refuses into StorageError. go_on: what to do once it is put right."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{what} cannot be written: {_reason(error)}. {go_on}") from error


def _reason(error: OSError) -> str:
    if error.errno in _FULL:
        return "there is no room left on the disk (or the quota is used up): make room"
    if error.errno in _REFUSED:
        return "it is read-only, or writing is not permitted: allow it, or choose another place"
    return f"{os.strerror(error.errno) if error.errno else error}"


def into_place(file: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a name of its own; it gets its name once it is on the disk, whole.

    write: makes the file, and raises if it is not as it should be.
    """
    # readers of folders leave out what begins so
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
    if path.is_dir() and os.name == "nt":  # a folder cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
