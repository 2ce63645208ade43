"""Find the Java that the servers run on."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess

JAVA = 17
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8"


@functools.cache
def java_version() -> int | None:
    """Return the major version of the `java` on the PATH, or None without one."""
    if shutil.which("java") is None:
        return None
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=30, check=False)
    match = re.search(r'version "(\d+)', said.stderr + said.stdout)
    return int(match[1]) if match else None
