"""What a process pays: time to import, and memory of an export."""

from __future__ import annotations

import subprocess
import sys

IMPORT = "import time; t = time.perf_counter(); import brokerkit; print(time.perf_counter() - t)"

EXPORT = """
import tempfile, threading, time, psutil
import brokerkit as bk
from tests.benchmarks.messages import payloads

rows = {rows}
process = psutil.Process()
with bk.connect("{url}") as session, tempfile.TemporaryDirectory() as folder:
    session.scan("{topic}", end=1000, progress=False).to_pandas()
    start = peak = process.memory_info().rss
    done = threading.Event()
    def watch():
        global peak
        while not done.wait(0.02):
            peak = max(peak, process.memory_info().rss)
    watcher = threading.Thread(target=watch)
    watcher.start()
    exported = session.scan("{topic}", progress=False).to_parquet(folder)
    done.set()
    watcher.join()
    assert exported.rows == rows, exported
print((peak - start) / 1e6)
"""


def import_milliseconds(rounds: int = 5) -> float:
    """The fastest `import brokerkit` of several fresh interpreters."""
    times = [
        float(
            subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout
        )
        for _ in range(rounds)
    ]
    return 1000 * min(times)


def export_megabytes(url: str, topic: str, rows: int) -> float:
    """By how much the memory of a process grows, at its peak, while a topic is exported to Parquet."""
    script = EXPORT.format(url=url, topic=topic, rows=rows)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return float(run.stdout)
