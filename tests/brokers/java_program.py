"""Programs in Java that publish with the official client of Pulsar."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

from brokerkit.sandbox.pulsar import provision

SECONDS = 120
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="brokerkit-java-tests-")


@functools.cache
def _compiled(program: Path) -> str:
    """Return the class path of a program, compiled once: that takes longer than to run it."""
    path = f"{_folder().name}:{provision() / 'home' / 'lib'}/*"
    command = ["javac", *(f"-J{option}" for option in QUICK), "-d", _folder().name, "-cp", path, str(program)]
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
    return path


def run_java(program: Path, *arguments: str) -> None:
    """Run the class that a file is named for, to its end."""
    command = ["java", *QUICK, "-cp", _compiled(program), program.stem, *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
