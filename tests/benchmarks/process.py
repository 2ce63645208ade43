"""What a process pays to import brokerkit."""

from __future__ import annotations

import subprocess
import sys

IMPORT = "import time; t = time.perf_counter(); import brokerkit; print(time.perf_counter() - t)"


def import_milliseconds(rounds: int = 5) -> float:
    """The fastest `import brokerkit` of several fresh interpreters."""
    times = [
        float(
            subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout
        )
        for _ in range(rounds)
    ]
    return 1000 * min(times)
