"""Run one command until the pipe on standard input closes.

This is started as a script, without the rest of the package: ``supervisor.py LOG REMOVE COMMAND...``.
The process that started the server holds the other end of the pipe. When that process ends, in whatever
way, the pipe closes and the command is ended. The command runs in a process group of its own, and its
process id is printed first. REMOVE is a folder to delete if the owner ended without closing its server,
or empty.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

STOP_SECONDS = 5.0


def supervise(log: str, remove: str, command: list[str]) -> int:
    """Run the command until it ends or standard input does, and return its exit code."""
    with open(log, "ab") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    print(server.pid, flush=True)
    abandoned = threading.Event()

    def stop_when_abandoned() -> None:
        while os.read(0, 1):
            continue
        abandoned.set()
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()

    threading.Thread(target=stop_when_abandoned, daemon=True).start()
    code = server.wait()
    # if the server ended by itself, its owner still reads the log
    if abandoned.is_set() and remove:
        shutil.rmtree(remove, ignore_errors=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1], sys.argv[2], sys.argv[3:]))
