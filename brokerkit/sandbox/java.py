"""Find the Java that the servers run on, download what it runs, and keep the classes that it loaded."""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import subprocess
import tarfile
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


def unpack(artifact: str, sha512: str, where: Path, into: Path) -> None:
    """Download an archive with Maven and extract it.

    Args:
        artifact: Its Maven coordinates, ``group:name:version:tar.gz:bin``.
        sha512: The SHA-512 that it must have, in hexadecimal digits.
        where: An empty folder for the download.
        into: The folder to extract it to.

    Raises:
        ProvisionError: Maven could not download it, or it is not what was expected.
    """
    # use a separate local repository, or hundreds of megabytes would stay behind in the user's
    repository = where / "repository"
    copied = subprocess.run(
        [
            "mvn",
            "--batch-mode",
            "-q",
            f"{DEPENDENCY_PLUGIN}:copy",
            f"-Dartifact={artifact}",
            f"-DoutputDirectory={where}",
            f"-Dmaven.repo.local={repository}",
        ],
        cwd=where,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    archives = list(where.glob("*.tar.gz"))
    if copied.returncode or len(archives) != 1:
        said = copied.stdout[-3000:] + copied.stderr[-1000:]
        raise cache.ProvisionError(f"Maven could not download {artifact}:\n{said}")
    with archives[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha512").hexdigest()
    if found != sha512:
        raise cache.ProvisionError(f"{artifact} has SHA-512 {found}, expected {sha512}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(into, filter="data")
    archives[0].unlink()
    shutil.rmtree(repository)


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
