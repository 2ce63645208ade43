"""Starting a child process that reports by lines of JSON, and reading its reports."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from typing import Any, Self

SAY_SECONDS = 40.0


class Child:
    """A child process that is killed at the latest when the block ends.

    Its standard input ends when this process ends in any way; see `child.end_with_parent`.

    Args:
        task: The name of the task.
        order: The arguments of the task.
        module: The module to run as ``python -m MODULE TASK ORDER``, with the order as JSON.
    """

    def __init__(self, task: str, order: dict[str, Any], *, module: str = "brokerkit.testing.child") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, task, json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._complaints: list[str] = []
        self._threads = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._listen_to_complaints, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(json.loads(line))
        self._said.put(None)

    def _listen_to_complaints(self) -> None:
        assert self._process.stderr is not None
        self._complaints.extend(self._process.stderr)

    def hear(self, what: str, within: float = SAY_SECONDS) -> dict[str, Any]:
        """Return the next report, which must be `what`. Raises AssertionError."""
        try:
            said = self._said.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"the child did not say {what!r} within {within:g} s") from None
        if said is None:
            self._threads[1].join(5)
            raise AssertionError(f"the child ended before {what!r}:\n{''.join(self._complaints)[-3000:]}")
        assert said["what"] == what, said
        return said

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)
        for thread in self._threads:
            thread.join(5)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
