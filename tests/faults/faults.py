"""What can happen to a connection in the middle of the work, each at a number of bytes that passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from brokerkit.sandbox.proxy import Proxy, Way

A_MOMENT = 1.0
"""Seconds that a fault lasts which ends by itself."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong at some bytes of the traffic.

    strike: arranges it, told the proxy, the direction with the data and how many bytes of it are expected.
    """

    name: str
    strike: Callable[[Proxy, Way, int], None]

    def __str__(self) -> str:
        return self.name


def _cut(proxy: Proxy, way: Way, size: int) -> None:
    for part in (0.2, 0.4, 0.6):
        proxy.after(int(part * size), proxy.cut, way=way)


def _reset(proxy: Proxy, way: Way, size: int) -> None:
    # at odd numbers, so that they are in the middle of a frame of any protocol
    for number, part in enumerate((0.2, 0.4, 0.6)):
        proxy.reset(int(part * size) + 7 * number, way=way)


def _half_open(proxy: Proxy, way: Way, size: int) -> None:
    proxy.after(int(0.3 * size), lambda: proxy.half_open(A_MOMENT), way=way)


def _stall(proxy: Proxy, way: Way, size: int) -> None:
    proxy.after(int(0.3 * size), lambda: proxy.stall(A_MOMENT), way=way)


def _stall_and_cut(proxy: Proxy, way: Way, size: int) -> None:
    def strike() -> None:
        proxy.stall(A_MOMENT)
        proxy.later(A_MOMENT / 2, proxy.cut)

    proxy.after(int(0.3 * size), strike, way=way)


def _trickle(proxy: Proxy, way: Way, size: int) -> None:
    proxy.after(int(0.3 * size), lambda: proxy.trickle(500, 0.01, seconds=A_MOMENT), way=way)


def _refuse(proxy: Proxy, way: Way, size: int) -> None:
    def strike() -> None:
        proxy.refuse(A_MOMENT)
        proxy.cut()

    proxy.after(int(0.3 * size), strike, way=way)


PASSING = [
    Fault("cut three times", _cut),
    Fault("reset in the middle of a frame", _reset),
    Fault("half open for a second", _half_open),
    Fault("stalled for a second", _stall),
    Fault("stalled and then cut", _stall_and_cut),
    Fault("slowed to a trickle", _trickle),
    Fault("cut and refused for a second", _refuse),
]
"""Faults that are over after a while."""
WORST = [each for each in PASSING if each.strike in (_reset, _half_open, _stall_and_cut)]
"""Those that do most harm. The last is tried in every run, the others with `pytest -m extended`."""


def _gone(proxy: Proxy, way: Way, size: int) -> None:
    proxy.after(int(0.3 * size), proxy.half_open, way=way)


GONE = Fault("gone without a word", _gone)
"""The server can be reached no more, and nothing says so."""
