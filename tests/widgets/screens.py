"""A screen that keeps what it is told, and clicks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Screen:
    """An outlet of a panel."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.sent: list[dict[str, Any]] = []
        self.comm: object = True

    def on_msg(self, receive: Callable[..., None]) -> None:
        self._receive = receive

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def close(self) -> None:
        self.comm = None

    def say(self, kind: str, **more: Any) -> None:
        """Click."""
        self._receive(self, {"type": kind, **more}, [])

    def last(self, kind: str) -> dict[str, Any]:
        """The last message of a kind."""
        return [each for each in self.sent if each["type"] == kind][-1]
