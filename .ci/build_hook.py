"""The step of the build that compiles what is in C if there is a C compiler; otherwise nothing is missing."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = {
    "brokerkit/backends/kafka/native/buffers.c": "the native reader for Kafka",
    "brokerkit/frames/native/json_texts.c": "the check of JSON",
    "brokerkit/frames/native/protobuf_bytes.c": "the check of Protobuf",
}
"""What is compiled, each to a file of its own beside it, and what it is."""
SECONDS = 120


class NativeBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the compiled file to a wheel, which is then for one platform and every version of Python."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for name, purpose in SOURCES.items():
            source = Path(self.root, name)
            target = compiled_name(source)
            problem = compile_to(target, source)
            if problem is not None:
                self.app.display_warning(f"{purpose} was not compiled: {problem}")
                continue
            build_data["artifacts"].append(f"/{target.relative_to(self.root).as_posix()}")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform_tag()}"


def compiled_name(source: Path) -> Path:
    """Return where a C file is compiled to. Python would take a file that ends in .so for a module."""
    return source.with_name(f"_{source.stem}.bin")


def platform_tag() -> str:
    """Return the platform as a wheel names it."""
    # the compiler makes code for this processor only, whatever Python was built for
    name = sysconfig.get_platform().replace("universal2", platform.machine())
    return name.replace("-", "_").replace(".", "_")


def compile_to(target: Path, source: Path) -> str | None:
    """Compile a C file to a shared library, and return why that is not possible, or None.

    What was there before is removed first, so that no library of another version stays.
    """
    target.unlink(missing_ok=True)
    if sys.platform == "win32":
        return "it is not tried on Windows"
    chosen = os.environ.get("CC")
    # what Python was built with may not be on this machine
    compilers = [chosen] if chosen else [sysconfig.get_config_var("CC") or "cc", "cc"]
    problems = []
    for compiler in compilers:
        problem = _compiled(compiler, target, source)
        if problem is None:
            return None
        problems.append(problem)
    return "; ".join(problems)


def _compiled(compiler: str, target: Path, source: Path) -> str | None:
    flags = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O2", "-shared", "-fPIC"]
    new = target.with_name(f"{target.name}.{os.getpid()}")
    command = [*shlex.split(compiler), *flags, "-o", str(new), str(source)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            return f"{command[0]} returned {done.returncode}: {done.stderr[-500:].strip()}"
        new.replace(target)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        new.unlink(missing_ok=True)
    return None
