"""Pass the log of the C++ client to Python's `logging`, under ``brokerkit.pulsar``.

The client could call a Python logger from its own threads, but a call while the interpreter exits aborts
the process. Instead it writes lines into a pipe, which a Python thread reads.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from typing import Any

import pulsar

log = logging.getLogger("brokerkit.pulsar")
log.addHandler(logging.NullHandler())
PIPES = "/dev/fd"
_LINE = re.compile(r"^\S+ \S+ (?P<level>[A-Z]+)\s+\[\d+\] (?P<where>\S+) \| (?P<text>.*)$")
_LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
_lock = threading.Lock()
_pipe: tuple[int, int] | None = None


def client_logger() -> Any:
    """Return the logger for a client.

    Its level is that of the Python logger when the first client is created.
    """
    if not os.path.isdir(PIPES):
        return log
    return pulsar.FileLogger(_wanted(log.getEffectiveLevel()), f"{PIPES}/{_writing_end()}")


def _wanted(level: int) -> Any:
    if level <= logging.DEBUG:
        return pulsar.LoggerLevel.Debug
    if level <= logging.INFO:
        return pulsar.LoggerLevel.Info
    return pulsar.LoggerLevel.Warn if level <= logging.WARNING else pulsar.LoggerLevel.Error


def _writing_end() -> int:
    """Return the writing end of this process's pipe, created on first use.

    Its thread lives as long as the process.
    """
    global _pipe
    with _lock:
        if _pipe is None:
            _pipe = os.pipe()
            threading.Thread(target=_read, args=(_pipe[0],), name="brokerkit pulsar log", daemon=True).start()
        return _pipe[1]


def _read(end: int) -> None:
    with os.fdopen(end, "r", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            _pass_on(line.rstrip("\n"))


def _pass_on(line: str) -> None:
    found = _LINE.match(line)
    if found is None:
        log.info("%s", line)
    else:
        log.log(_LEVELS.get(found["level"], logging.INFO), "%s (%s)", found["text"], found["where"])


def _forget() -> None:
    """Forget the pipe in a forked child, where no thread reads it. Its clients get a new one."""
    global _lock, _pipe
    _lock = threading.Lock()
    _pipe = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
