"""Servers that are built once with Go, from sources beside this file."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import cache

GO = "1.26"
SOURCES = ("go.mod", "go.sum", "main.go")
BUILD_SECONDS = 600


@dataclass(frozen=True)
class GoProgram:
    """A program of one file, whose folder has its name. go.sum pins what is downloaded for it."""

    name: str

    @functools.cached_property
    def cached(self) -> str:
        """The name of its folder in the cache, which changes with its sources."""
        digest = hashlib.sha256(b"".join((self._sources / each).read_bytes() for each in SOURCES))
        return f"{self.name}-{digest.hexdigest()[:12]}"

    @property
    def _sources(self) -> Path:
        return Path(__file__).parent / self.name

    def available(self) -> str | None:
        """Return None if it can be started here, or else the line that makes it possible."""
        if not (cache.folder() / self.cached).is_dir() and shutil.which("go") is None:
            return f"needs Go {GO} or newer to build {self.name}: see https://go.dev/dl"
        return None

    def provision(self) -> Path:
        """Return the path of the program, downloaded and built if it does not exist."""
        return cache.provision(self.cached, self._build) / self.name

    def _build(self, where: Path) -> None:
        for each in SOURCES:
            shutil.copyfile(self._sources / each, where / each)
        done = subprocess.run(
            ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", self.name, "."],
            cwd=where,
            env={**os.environ, "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        if done.returncode:
            said = done.stdout[-1000:] + done.stderr[-3000:]
            raise cache.ProvisionError(f"Go could not build {self.name}:\n{said}")
