"""Find the Java that the servers run on, and keep the classes that it loaded."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from . import cache
from .server import Server

JAVA = 17
ARCHIVE = "classes.jsa"
END_SECONDS = 300.0
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8"


@functools.cache
def java_version() -> int | None:
    """Return the major version of the `java` on the PATH, or None without one."""
    if shutil.which("java") is None:
        return None
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=30, check=False)
    match = re.search(r'version "(\d+)', said.stderr + said.stdout)
    return int(match[1]) if match else None


def class_archive(name: str, recording: Callable[[Path], Server]) -> Path:
    """Return the path of an archive of the classes of a running server, which starts the next one sooner.

    A Java that writes none starts servers without it.

    Args:
        name: The name of the server in the cache.
        recording: Starts a server whose Java writes the archive to a path on a normal end.
    """

    def record(where: Path) -> None:
        with recording(where / ARCHIVE) as server:
            server.process.terminate(END_SECONDS)

    return cache.provision(f"{name}-java{java_version()}", record) / ARCHIVE
