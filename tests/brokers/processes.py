"""Servers as child processes that never outlive the test run."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PAUSE_SECONDS = 10.0
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServerError(RuntimeError):
    """A server did not start; the text has the end of its log."""


def free_ports(count: int) -> list[int]:
    """Different TCP ports of the loopback interface that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _die_with_parent() -> None:
    """Have the kernel kill this child when the thread that started it is gone (Linux only)."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _start(
    command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


_starter = ThreadPoolExecutor(1, thread_name_prefix="server starter")
"""The thread that starts every server: it lives as long as the tests, and they with it."""


def _stands_still(pid: int) -> bool:
    """Whether every thread of a process has obeyed SIGSTOP (known on Linux only)."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(each.read_text().rpartition(")")[2].split()[0] in "Tt" for each in threads)


class ServerProcess:
    """A server in a process group of its own, killed at the latest when the tests end or die.

    environment: its variables, where they are not those of the tests.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        self._process = _starter.submit(_start, command, folder, log, environment).result()
        _running.add(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, timeout: float, what: str) -> None:
        """Poll `ready` until it says so. Raises ServerError when the process ends or time is up."""
        deadline = time.monotonic() + timeout
        while True:
            if not self.running:
                raise ServerError(f"{what} ended with code {self._process.returncode}:\n{self.log_tail()}")
            if ready():
                return
            if time.monotonic() >= deadline:
                raise ServerError(f"{what} was not ready within {timeout:g} s:\n{self.log_tail()}")
            time.sleep(0.05)

    def log_tail(self, size: int = 3000) -> str:
        """The end of what the server printed."""
        text = self._log.read_bytes()[-size:] if self._log.exists() else b""
        return text.decode("utf-8", "replace")

    def terminate(self, timeout: float = 15.0) -> None:
        """Ask it to end, and kill it when it does not within `timeout` seconds."""
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing, in none of its threads."""
        os.killpg(self.pid, signal.SIGSTOP)
        deadline = time.monotonic() + PAUSE_SECONDS
        while not _stands_still(self.pid):
            if time.monotonic() >= deadline:
                raise ServerError(f"process {self.pid} was told to stop and still runs")
            time.sleep(0.01)

    def resume(self) -> None:
        """SIGCONT, after `pause`."""
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to the whole group, and wait until it is gone."""
        if self.running:
            # it may end by itself between the two lines
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(10)


_running: weakref.WeakSet[ServerProcess] = weakref.WeakSet()


@atexit.register
def _kill_all() -> None:
    for process in list(_running):
        process.kill()
