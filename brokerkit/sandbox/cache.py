"""The folder of downloaded servers, filled once and shared by all processes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from brokerkit.core.vocabulary.errors import Unavailable

VARIABLE = "BROKERKIT_BROKERS"


class ProvisionError(Unavailable):
    """A server could not be downloaded, or failed its checks."""


def folder() -> Path:
    """Return the cache folder. The environment variable BROKERKIT_BROKERS names another one."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "brokerkit-brokers"


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Let only one process at a time into this block for a name. The lock is freed when the process dies."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def verify(where: Path, checksums: Mapping[str, str]) -> None:
    """Compare files with their SHA-256 sums. Raises ProvisionError for the first that differs."""
    for name, expected in checksums.items():
        path = where / name
        if not path.is_file():
            raise ProvisionError(f"{path} is missing")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ProvisionError(f"{path} has SHA-256 {found}, expected {expected}")


def provision(name: str, fill: Callable[[Path], None]) -> Path:
    """Return the folder `name` of the cache. If it does not exist, `fill` creates it.

    `fill` gets an empty folder, which takes the name only after `fill` returned. A download that was cut
    off or failed its checks therefore leaves nothing behind that looks complete.
    """
    ready = folder() / name
    if ready.is_dir():
        return ready
    with locked(name):
        if ready.is_dir():
            return ready
        unfinished = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=folder()))
        try:
            fill(unfinished)
            unfinished.rename(ready)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    return ready
