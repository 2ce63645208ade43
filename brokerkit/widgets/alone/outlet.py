"""A panel over web sockets: every open tab sees the same state, and what one clicks changes all."""

from __future__ import annotations

import json
import queue
import socket
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.freed import freed

if TYPE_CHECKING:
    from websockets.sync.server import ServerConnection

BEHIND = 1_000
"""A tab that does not take so many messages is given up; it may load the page again."""


class SocketOutlet:
    """An `Outlet` of the open tabs. Any thread may call it."""

    comm: object = True

    def __init__(self) -> None:
        self._state: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._receive: Callable[..., None] | None = None
        self._tabs: set[_Tab] = set()

    @property
    def state(self) -> dict[str, Any]:
        """What all tabs show; setting it shows it."""
        return self._state

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        with freed(self._lock), self._lock:
            self._state = state
            self._put({"state": state})

    def send(self, message: dict[str, Any]) -> None:
        """Send a message to each tab."""
        with freed(self._lock), self._lock:
            self._put({"message": message})

    def on_msg(self, receive: Callable[..., None]) -> None:
        """Call a function with the outlet and each message of a tab."""
        self._receive = receive

    def close(self) -> None:
        """Show nothing more."""
        self.comm = None
        for tab in list(self._tabs):
            tab.end()

    def attend(self, connection: ServerConnection) -> None:
        """Serve one tab until it is closed."""
        tab = _Tab(connection)
        with freed(self._lock), self._lock:
            tab.put(json.dumps({"state": self._state}))
            self._tabs.add(tab)
        writer = threading.Thread(target=tab.write, name="messages to a tab", daemon=True)
        writer.start()
        try:
            for text in connection:
                self._take(text)
        finally:
            with freed(self._lock), self._lock:
                self._tabs.discard(tab)
            tab.end()
            writer.join()

    def _take(self, text: str | bytes) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if self._receive is None:
            return
        try:
            self._receive(self, message, [])
        except Exception:
            # as in a notebook, one click that fails ends nothing else
            traceback.print_exc()

    def _put(self, content: dict[str, Any]) -> None:
        text = json.dumps(content)
        for tab in self._tabs:
            tab.put(text)


class _Tab:
    """One open tab, written to by a thread of its own: a slow one delays no other."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._ended = False

    def put(self, text: str) -> None:
        if self._ended:
            return
        if self._waiting.qsize() < BEHIND:
            self._waiting.put(text)
        else:
            self.end()
            self._hang_up()

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._waiting.put(None)

    def _hang_up(self) -> None:
        """End what is being written; a closing greeting would not be taken either."""
        try:
            self._connection.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            # the other side was quicker
            return

    def write(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            while (text := self._waiting.get()) is not None:
                self._connection.send(text)
            self._connection.close()
        except ConnectionClosed:
            # the reader ends as well
            return
