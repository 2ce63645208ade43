"""A server process that ends with its owner."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from brokerkit.core.errors import BrokerError, Unavailable

from . import supervisor

LOG_CHARACTERS = 2000
POLL_SECONDS = 0.02


class Sandbox:
    """A running local broker.

    url: where to connect to. A context manager: leaving it stops the broker.
    """

    def __init__(self, kind: str, folder: Path, command: Sequence[str]) -> None:
        self.kind = kind
        self.url = ""
        self._folder = folder
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__, str(folder), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal is for the owner only
            start_new_session=True,
        )

    def wait_until_ready(self, find_url: Callable[[], str | None], timeout: float) -> None:
        """Poll `find_url` until it gives the URL. Raises Unavailable, and stops the server."""
        deadline = time.monotonic() + timeout
        while True:
            ended = self._process.poll() is not None
            url = None if ended else find_url()
            if url:
                self.url = url
                return
            if ended or time.monotonic() >= deadline:
                problem = self._not_ready(ended, timeout)
                self.stop()
                raise problem
            time.sleep(POLL_SECONDS)

    def _not_ready(self, ended: bool, timeout: float) -> BrokerError:
        log = self._folder / "server.log"
        said = log.read_text("utf-8", "replace")[-LOG_CHARACTERS:] if log.exists() else ""
        what = "ended at once" if ended else f"did not answer within {timeout:g} s"
        return Unavailable(f"the {self.kind} server of the sandbox {what}; the end of its log:\n{said}")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self, timeout: float = 10.0) -> None:
        """End the server and remove its data. Stopping twice is fine."""
        with self._lock:
            if self._process.stdin is not None:
                self._process.stdin.close()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(timeout)
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url}{'' if self.running else ', stopped'}>"
