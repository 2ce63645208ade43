"""Pass the log of the C++ client to Python's `logging`, under ``brokerkit.pulsar``.

The client could call a Python logger from its own threads, but a call while the interpreter exits aborts
the process. Instead it writes lines into a pipe, which a Python thread reads. A line is written before the
client goes on, so all connections that were lost are known once the pipe is empty.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import selectors
import sys
import threading
from collections import Counter
from typing import Any

import pulsar

if sys.platform == "linux":
    import fcntl

log = logging.getLogger("brokerkit.pulsar")
log.addHandler(logging.NullHandler())
PIPES = "/dev/fd"
PIPE_BYTES = 1_048_576
"""The client waits while the pipe is full. This is the most that Linux gives without a privilege."""
_LINE = re.compile(r"^\S+ \S+ (?P<level>[A-Z]+)\s+\[\d+\] (?P<where>\S+) \| (?P<text>.*)$")
_LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
_LOST = re.compile(r"\[(?P<topic>.+), [^,]*\] Schedule reconnection")
"""What the client writes when a producer loses its connection, before it sends anything again."""
_lock = threading.RLock()
_pipe: _Pipe | None = None


class _Pipe:
    """The pipe of this process, which a thread of its own and callers that need what was lost empty."""

    def __init__(self) -> None:
        self.end, self.writing_end = os.pipe()
        os.set_blocking(self.end, False)
        if sys.platform == "linux":
            # a user with many pipes gets no more than the usual size
            with contextlib.suppress(OSError):
                fcntl.fcntl(self.end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.lost: Counter[str] = Counter()
        """How often producers of each topic have lost their connection."""
        self._rest = b""

    def empty(self) -> None:
        """Pass on all lines that were written until now. The lock is held."""
        while True:
            try:
                read = os.read(self.end, 65_536)
            except BlockingIOError:
                return
            *lines, self._rest = (self._rest + read).split(b"\n")
            for line in lines:
                self._pass_on(line.decode("utf-8", "replace"))

    def _pass_on(self, line: str) -> None:
        found = _LINE.match(line)
        if found is None:
            log.info("%s", line)
            return
        lost = _LOST.match(found["text"])
        if lost is not None:
            self.lost[_whole(lost["topic"])] += 1
        log.log(_LEVELS.get(found["level"], logging.INFO), "%s (%s)", found["text"], found["where"])

    def watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.end, selectors.EVENT_READ)
            while True:
                selector.select()
                with _lock:
                    self.empty()


def lost_connections(topic: str) -> int:
    """Return how often producers of a topic have lost their connection, as far as the client says it."""
    with _lock:
        if _pipe is None:
            return 0
        _pipe.empty()
        return _pipe.lost[_whole(topic)]


def _whole(topic: str) -> str:
    """Return the name of a topic without the number of a partition."""
    return re.sub(r"-partition-\d+$", "", topic)


def client_logger() -> Any:
    """Return the logger for a client.

    It writes at INFO, or at DEBUG if the Python logger does when the first client is created.
    """
    if not os.path.isdir(PIPES):
        return log
    # what it says of lost connections is needed
    detailed = log.getEffectiveLevel() <= logging.DEBUG
    level = pulsar.LoggerLevel.Debug if detailed else pulsar.LoggerLevel.Info
    return pulsar.FileLogger(level, f"{PIPES}/{_writing_end()}")


def _writing_end() -> int:
    """Return the writing end of this process's pipe, created on first use.

    Its thread lives as long as the process.
    """
    global _pipe
    with _lock:
        if _pipe is None:
            _pipe = _Pipe()
            threading.Thread(target=_pipe.watch, name="brokerkit pulsar log", daemon=True).start()
        return _pipe.writing_end


def _forget() -> None:
    """Forget the pipe in a forked child, where no thread reads it. Its clients get a new one."""
    global _lock, _pipe
    _lock = threading.RLock()
    _pipe = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
