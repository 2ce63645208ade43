"""Runs one command until the pipe on its standard input is closed, then removes a folder.

Started as a script, without the rest of the package: ``supervisor.py FOLDER COMMAND...``. The other
end of the pipe is held by the process that wanted the server. When that process ends, in whatever
way, the pipe closes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

STOP_SECONDS = 5.0


def supervise(folder: str, command: list[str]) -> int:
    """Run the command until it ends or standard input does; the command's exit code."""
    with open(os.path.join(folder, "server.log"), "ab") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

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
    # of a server that ended by itself, the owner reads the log
    if abandoned.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1], sys.argv[2:]))
