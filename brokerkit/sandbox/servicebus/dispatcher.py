"""Decide which receiver gets a message, over all connections and their links."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from proton import Link

from . import errors
from .broker import Broker
from .claims import Policies
from .clock import now
from .links import Outlet, detach
from .management import Management
from .namespace import Entity, Part

TICK = 0.05
"""Seconds between two checks of what is due."""


class Client(Protocol):
    """The connection of a client, as the dispatcher uses it."""

    def tick(self) -> None:
        """Do what is due on the connection."""

    def flush(self) -> None:
        """Send the pending bytes."""

    def forget(self, gone: list[Entity]) -> None:
        """End the links to deleted entities."""

    def attach_outlet(self, outlet: Outlet) -> None:
        """Begin to send messages to an outlet."""


@dataclass(eq=False)
class Waiting:
    """A receiver that waits for the next free session.

    Attributes:
        until: How long it waits, in milliseconds since the epoch.
    """

    connection: Client
    link: Link
    holder: int
    until: int


class Dispatcher:
    """All connections, and their receivers by the holder of the messages they get."""

    def __init__(self, broker: Broker, policies: Policies) -> None:
        self.broker = broker
        self.policies = policies
        self.management = Management(broker)
        self.connections: set[Client] = set()
        self.outlets: dict[int, list[Outlet]] = {}
        self.waiting: list[Waiting] = []

    async def keep_time(self) -> None:
        """Do what is due, for as long as the server runs."""
        while True:
            await asyncio.sleep(TICK)
            self.broker.tick()
            self._end_sessions()
            for connection in list(self.connections):
                connection.tick()
            self.turn()

    def turn(self) -> None:
        """Finish the requests that arrived together: pass messages on, commit the changes, then answer."""
        self._pass_on()
        self.broker.commit()
        for connection in list(self.connections):
            connection.flush()

    def _pass_on(self) -> None:
        if self.waiting:
            self._seat_waiting()
        while self.broker.touched:
            hungry = self.outlets.get(self.broker.touched.pop(), [])
            while hungry:
                hungry = [outlet for outlet in hungry if outlet.pump()]

    def _seat_waiting(self) -> None:
        for each in list(self.waiting):
            lock = self.broker.accept_session(each.holder, None)
            if lock is not None:
                self.waiting.remove(each)
                each.connection.attach_outlet(Outlet(self.broker, each.link, each.holder, lock))
            elif each.until < now():
                self.waiting.remove(each)
                detach(each.link, errors.no_session())

    def _end_sessions(self) -> None:
        for lock in self.broker.sessions.overdue(now()):
            self.broker.release_session(lock, expired=True)
            for outlet in self.outlets.get(lock.holder, []):
                if outlet.session is lock:
                    detach(outlet.link, errors.session_lock_lost(lock.session))

    def forget(self, gone: list[Entity]) -> None:
        """End the links to deleted entities."""
        for connection in list(self.connections):
            connection.forget(gone)
        for holder, entity in [(entity.holder(part), entity) for entity in gone for part in Part]:
            self.outlets.pop(holder, None)
            self.broker.touched.discard(holder)
            for each in [each for each in self.waiting if each.holder == holder]:
                self.waiting.remove(each)
                detach(each.link, errors.not_found(entity.path))
