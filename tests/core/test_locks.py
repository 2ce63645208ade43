"""No lock of the package stays taken when a signal strikes."""

from __future__ import annotations

import ast
import functools
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

import brokerkit
from brokerkit.core.vocabulary.freed import Freed, freed

PACKAGE = Path(brokerkit.__file__).parent
LOCK = re.compile(r"([\w.]+\.)?_?(\w*lock|counting|setting|asking_for_inspector|changed|condition)")
HELD = re.compile(rf"with [^\n]*{LOCK.pattern}\b")
"""How a line begins that may hold a lock."""
BACKGROUND = {
    "backends/inmem": "threads of drivers, and tests that set faults",
    "backends/jetstream/loop.py": "threads of drivers, which open connections",
    "backends/kafka/native/consumer.py": "threads of readers",
    "backends/kafka/watch.py": "threads of drivers, and those of librdkafka",
    "backends/pubsub/parking.py": "threads of drivers, of timers and of grpc",
    "backends/pulsar/log.py": "threads of drivers, which open connections",
    "backends/pulsar/process_guard.py": "threads of slow calls",
    "testing/suite": "threads of the suite itself",
}
"""What takes a lock elsewhere, where no signal strikes: only the main thread handles them."""
FILTERS = (ast.ListComp, ast.SetComp, ast.DictComp)


class Struck(Exception):
    """What the handler of the signal raises."""


@functools.cache
def blocks() -> tuple[tuple[str, ast.With], ...]:
    """The blocks that hold a lock and that the main thread may be in, with their place."""
    return tuple(_blocks())


def _blocks() -> Iterator[tuple[str, ast.With]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).as_posix().startswith(tuple(BACKGROUND)):
            continue
        text = path.read_text("utf-8")
        if not HELD.search(text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.With) and any(
                LOCK.fullmatch(ast.unparse(item.context_expr)) for item in node.items
            ):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def unguarded(node: ast.AST) -> bool:
    """Whether a loop goes on to its next turn where the compiler leaves out the handlers of the function."""
    if isinstance(node, FILTERS):
        return any(generator.ifs for generator in node.generators)
    if isinstance(node, ast.For | ast.While):
        last = node.body[-1]
        return isinstance(last, ast.If) and not last.orelse
    return False


def test_every_lock_is_freed_if_a_signal_leaves_it_taken() -> None:
    found = blocks()
    assert len(found) > 70
    assert [place for place, node in found if not ast.unparse(node.items[0]).startswith("freed(")] == []


@pytest.mark.extended
def test_every_lock_that_is_freed_is_reentrant() -> None:
    """`freed` asks how often it was taken, which other locks do not tell."""
    made = re.compile(r"_?(\w*lock|counting|setting|asking_for_inspector) = (threading\.)?Lock\(\)")
    exceptions = {"core/vocabulary/latch.py", *BACKGROUND}
    assert [
        path.as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if made.search(path.read_text("utf-8"))
        and not path.relative_to(PACKAGE).as_posix().startswith(tuple(exceptions))
    ] == []


def test_what_only_threads_of_their_own_take_still_exists() -> None:
    assert [name for name in BACKGROUND if not (PACKAGE / name).exists()] == []


def test_no_block_of_a_lock_has_a_loop_that_a_signal_leaves_past_every_handler() -> None:
    assert [place for place, node in blocks() if any(map(unguarded, ast.walk(node)))] == []


def test_a_lock_is_freed_of_what_was_taken_inside_only() -> None:
    lock = threading.RLock()
    with lock:
        with pytest.raises(Struck), Freed(lock):
            lock.acquire()
            raise Struck
        assert lock._recursion_count() == 1  # type: ignore[attr-defined]  # that of RLock is not typed
    with pytest.raises(Struck), Freed(lock):
        raise Struck
    assert lock._recursion_count() == 0  # type: ignore[attr-defined]


@pytest.mark.timeout(120)
def test_signals_leave_no_lock_taken() -> None:
    lock = threading.RLock()
    struck = left = rounds = 0

    def strike(number: int, frame: FrameType | None) -> None:
        raise Struck

    before = signal.signal(signal.SIGALRM, strike)
    deadline = time.monotonic() + 15
    try:
        while struck < 1_000 and time.monotonic() < deadline:
            rounds += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + rounds * 37 % 101 * 0.000002)
                for _ in range(300):
                    with freed(lock), lock:
                        pass
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Struck:
                struck += 1
            while lock._is_owned():  # type: ignore[attr-defined]
                left += 1
                lock.release()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert struck > 100
    assert left == 0


def test_the_collector_is_paused_by_a_block_in_threads_of_drivers_only() -> None:
    """Elsewhere `uncollected` does it: no `__exit__` is sure to be reached when a signal strikes."""
    assert {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if "with gc_paused()" in path.read_text("utf-8") and path.name != "garbage_collection.py"
    } == {"backends"}
