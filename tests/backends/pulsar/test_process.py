"""The process survives: no order of close, interrupt, garbage collection and exit aborts or hangs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from brokerkit.sandbox.pulsar import PulsarServer

from .process_child import ORDERS

pytestmark = [pytest.mark.broker, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
ROUNDS_SECONDS = 300.0
ORDER_SECONDS = 60.0


def _start(name: str, server: PulsarServer) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-m", "tests.backends.pulsar.process_child", name, server.url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(child: subprocess.Popen[str], timeout: float) -> None:
    """Its end, which must be in order."""
    try:
        said, complaints = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        said, complaints = child.communicate()
        pytest.fail(f"it hangs; it said {said!r} and {complaints[-3000:]!r}")
    assert child.returncode == 0, complaints[-3000:]
    assert said.splitlines()[-1:] == ["done"], complaints[-3000:]
    assert "terminate called" not in complaints
    assert "Fatal Python error" not in complaints


@pytest.mark.timeout(ROUNDS_SECONDS + 30)
@pytest.mark.parametrize(
    "many", ["twenty_rounds", pytest.param("two_hundred_rounds", marks=pytest.mark.soak)]
)
def test_many_rounds_of_connect_read_interrupt_close_and_collect(
    pulsar_server: PulsarServer, many: str
) -> None:
    _end(_start(many, pulsar_server), ROUNDS_SECONDS)


ELSEWHERE = {"twenty_rounds", "two_hundred_rounds", "leave_while_the_server_hangs"}


@pytest.mark.parametrize("name", [name for name in ORDERS if name not in ELSEWHERE])
def test_the_interpreter_ends_in_order(pulsar_server: PulsarServer, name: str) -> None:
    _end(_start(name, pulsar_server), ORDER_SECONDS)


def test_the_interpreter_ends_while_the_server_hangs(pulsar_server: PulsarServer) -> None:
    child = _start("leave_while_the_server_hangs", pulsar_server)
    assert child.stdout is not None
    assert child.stdout.readline() == "pause\n"
    pulsar_server.pause()
    try:
        _end(child_told(child), ORDER_SECONDS)
    finally:
        pulsar_server.resume()


def child_told(child: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """The child, told to go on."""
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return child
