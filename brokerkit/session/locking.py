"""A lock for one writer at a time, which is released when its process dies."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from brokerkit.core.vocabulary.errors import InUse

NOTE_SECONDS = 0.5


@contextmanager
def only_writer(path: Path, lock: Path, instead: str) -> Iterator[None]:
    """Hold `lock`, which stands for `path`, and write its holder to a file beside it.

    The operating system releases the lock when its process dies. Where a file system does not share locks
    between machines, the file beside it tells them.

    Args:
        path: The file to be written.
        lock: The lock file.
        instead: What to do if it is taken, for the text of the error.

    Raises:
        InUse: Another writer holds the lock.
    """
    # most sessions write no file
    from filelock import FileLock, Timeout

    note = lock.with_name(lock.name + ".json")
    held = FileLock(lock, timeout=0, thread_local=False)
    try:
        held.acquire()
    except Timeout:
        name = _name(_holder(note, NOTE_SECONDS))
        raise InUse(f"{path} is being written by {name}: wait for it, or {instead}") from None
    try:
        holder = _holder(note)
        if holder is not None and holder["host"] != socket.gethostname():
            raise InUse(
                f"{path} is being written by {_name(holder)}, as far as this machine can see: wait "
                f"for it, or {instead}; if that process is not running any more, delete {note}"
            )
        _put(note)
        try:
            yield
        finally:
            note.unlink(missing_ok=True)
            if os.name != "nt":  # on Windows a file in use cannot be deleted
                lock.unlink(missing_ok=True)
    finally:
        held.release()
        if os.name == "nt":
            _delete_unused(lock)


def _put(note: Path) -> None:
    new = note.with_name(f"{note.name}.{os.getpid()}")
    content = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        new.write_text(json.dumps(content), "utf-8")
        os.replace(new, note)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _holder(note: Path, wait: float = 0.0) -> dict[str, Any] | None:
    """Return the holder of the lock, if it can be read.

    Args:
        note: The file beside the lock.
        wait: Seconds to wait for a holder that has just begun.
    """
    end = time.monotonic() + wait
    while not note.exists() and time.monotonic() < end:
        time.sleep(0.01)
    try:
        found = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"pid", "host", "since"} <= set(found) else None


def _name(holder: dict[str, Any] | None) -> str:
    if holder is None:
        return "another process"
    if (holder["pid"], holder["host"]) == (os.getpid(), socket.gethostname()):
        return f"another thread of this process, since {holder['since']}"
    return f"process {holder['pid']} on {holder['host']}, since {holder['since']}"


def _delete_unused(lock: Path) -> None:
    try:
        lock.unlink(missing_ok=True)
    except PermissionError:  # the next writer holds it
        return
