"""Servers as child processes that never outlive the process that started them."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from brokerkit.core.vocabulary.errors import Unavailable

from . import supervisor

PAUSE_SECONDS = 10.0
KILL_SECONDS = 10.0
POLL_SECONDS = 0.05
LOG_BYTES = 3_000
PORTS_FILE = "ports.json"


class ServerError(Unavailable):
    """A server did not start. The text holds the end of its log."""


def free_ports(count: int) -> list[int]:
    """Return different TCP ports of the loopback interface on which nothing listens now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def kept_ports(folder: Path, count: int) -> list[int]:
    """Return the ports that the server of this folder used before, or free ones, which are saved there."""
    file = folder / PORTS_FILE
    if file.is_file():
        ports: list[int] = json.loads(file.read_text("utf-8"))
        return ports
    ports = free_ports(count)
    file.write_text(json.dumps(ports), "utf-8")
    return ports


def _stands_still(pid: int) -> bool:
    """Return whether every thread of a process has obeyed SIGSTOP. This is known on Linux only."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(each.read_text().rpartition(")")[2].split()[0] in "Tt" for each in threads)


class ServerProcess:
    """A server in a process group of its own, ended at the latest when this process ends.

    Args:
        folder: Its working directory.
        log: The file to which its output is appended.
        environment: Its environment variables; None for those of this process.
        remove: A folder to delete if this process ends without closing the server.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
        remove: Path | None = None,
    ) -> None:
        self._log = log
        self._supervisor = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__, str(log), str(remove or ""), *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal is for this process only
            start_new_session=True,
        )
        assert self._supervisor.stdout is not None
        with self._supervisor.stdout as said:
            line = said.readline()
        if not line.strip():
            self._supervisor.wait(KILL_SECONDS)
            raise ServerError(f"{command[0]} could not be started; is it installed and executable?")
        self.pid = int(line)
        _running.add(self)

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return self._supervisor.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, timeout: float, what: str) -> None:
        """Poll `ready` until it is true. Raises ServerError when the process ends or time is up."""
        deadline = time.monotonic() + timeout
        while True:
            if not self.running:
                code = self._supervisor.returncode
                raise ServerError(f"{what} ended with code {code}; the end of its log:\n{self.log_tail()}")
            if ready():
                return
            if time.monotonic() >= deadline:
                raise ServerError(
                    f"{what} did not answer within {timeout:g} s; the end of its log:\n{self.log_tail()}"
                )
            time.sleep(POLL_SECONDS)

    def log_tail(self, size: int = LOG_BYTES) -> str:
        """Return the end of the server's output."""
        text = self._log.read_bytes()[-size:] if self._log.exists() else b""
        return text.decode("utf-8", "replace")

    def terminate(self, timeout: float = 15.0) -> None:
        """Ask the server to end, and kill it if it does not within `timeout` seconds."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            try:
                self._supervisor.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()

    def pause(self) -> None:
        """Send SIGSTOP, and wait until no thread runs.

        The server keeps its connections and answers nothing.
        """
        os.killpg(self.pid, signal.SIGSTOP)
        deadline = time.monotonic() + PAUSE_SECONDS
        while not _stands_still(self.pid):
            if time.monotonic() >= deadline:
                raise ServerError(f"process {self.pid} was told to stop and still runs")
            time.sleep(0.01)

    def resume(self) -> None:
        """Send SIGCONT, after `pause`."""
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL to the whole group, and wait until it is gone."""
        if self.running:
            # it may end by itself between the two lines
            with contextlib.suppress(ProcessLookupError):
                _kill_group(self.pid)
            self._supervisor.wait(KILL_SECONDS)
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()


def _kill_group(pid: int) -> None:
    if sys.platform == "win32":
        os.kill(pid, signal.SIGTERM)
    else:
        os.killpg(pid, signal.SIGKILL)


_running: weakref.WeakSet[ServerProcess] = weakref.WeakSet()


@atexit.register
def _kill_all() -> None:
    for process in list(_running):
        process.kill()
