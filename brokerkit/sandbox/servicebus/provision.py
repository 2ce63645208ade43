"""The environment in which the emulator runs: Python with Qpid Proton, in the cache folder.

Proton is distributed as source, which a C compiler builds in twenty seconds, so the tests do not depend
on it.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from .. import cache

VERSION = "0.40.0"
REQUIREMENT = (
    f"python-qpid-proton=={VERSION}"
    " --hash=sha256:7680d607cf6e9684f97bf5b2ba16cda7d8512aab9e4ff78f98d44a4644fc819a"
)
CFFI = "cffi>=1.16"
BUILD_SECONDS = 600


def _name() -> str:
    return f"qpid-proton-{VERSION}-{sys.implementation.cache_tag}"


@functools.cache
def available() -> str | None:
    """Return None if the emulator can be started here, or else the line that makes it possible."""
    if (cache.folder() / _name()).is_dir():
        return None
    compiler = os.environ.get("CC") or (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return (
            "needs a C compiler to build Qpid Proton: apt-get install gcc libc6-dev python3-dev python3-venv"
        )
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    if not headers.is_file():
        return "needs the headers of Python to build Qpid Proton: apt-get install python3-dev python3-venv"
    return None


def _build(where: Path) -> None:
    requirements = where / "requirements.txt"
    requirements.write_text(f"{REQUIREMENT}\n", "utf-8")
    python = str(where / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    for command in (
        [sys.executable, "-m", "venv", str(where)],
        [*pip, CFFI],
        [*pip, "--no-deps", "--no-binary=python-qpid-proton", "--require-hashes", "-r", str(requirements)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        if done.returncode:
            said = done.stdout[-1000:] + done.stderr[-3000:]
            raise cache.ProvisionError(f"the environment with Qpid Proton could not be made:\n{said}")


def provision() -> Path:
    """Return its Python, downloaded and built if it does not exist."""
    return cache.provision(_name(), _build) / "bin" / "python"
