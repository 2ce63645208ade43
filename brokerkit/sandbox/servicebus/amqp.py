"""The AMQP 1.0 of the emulator: Proton's engine on asyncio, and a handler for each event."""

from __future__ import annotations

import asyncio
import logging
import time

import proton
from proton import Collector, Event, Link, Session, Transport, TransportException

from . import claims, errors
from .claims import Grant
from .clock import now
from .dispatcher import Dispatcher, Waiting
from .frames import MessageFormats
from .links import SESSION_FILTER, Inlet, Outlet, attach, condition, detach
from .namespace import Entity, Part, path_of
from .requests import ManagementRequests, TokenRequests

FRAME_SIZE = 65_536
SESSION_WAIT = 60_000
"""Milliseconds that a receiver waits for a session with messages, unless it gives another time."""

MANAGEMENT = "/$management"
TIMEOUT = "com.microsoft:timeout"

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """The connection of one client."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._broker = dispatcher.broker
        self._formats = MessageFormats()
        self._grants: dict[str, Grant] = {}
        self._inlets: dict[str, Inlet] = {}
        self._outlets: dict[str, Outlet] = {}
        self._requests: dict[str, TokenRequests | ManagementRequests] = {}
        self._replies: dict[tuple[Session, str], Link] = {}
        self._engine = Transport(mode=Transport.SERVER)
        self._engine.max_frame_size = FRAME_SIZE
        self._engine.sasl().allowed_mechs("ANONYMOUS PLAIN MSSBCBS")
        self._collector = Collector()
        self._connection = proton.Connection()
        self._connection.collect(self._collector)
        self._engine.bind(self._connection)

    # the bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._socket = transport
        self._dispatcher.connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._formats.feed(data)
            self._push(data)
            self._dispatch()
        except Exception:
            log.exception("a connection was closed, since it cannot be served")
            self._connection.condition = condition(errors.internal())
            self._connection.close()
        self._dispatcher.turn()

    def _push(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            size = min(max(self._engine.capacity(), 0), len(rest))
            if not size:
                raise TransportException("the engine accepts no more")
            self._engine.push(bytes(rest[:size]))
            rest = rest[size:]
            self._dispatch()

    def _dispatch(self) -> None:
        while (event := self._collector.peek()) is not None:
            event.dispatch(self)
            self._collector.pop()

    def flush(self) -> None:
        """Send the pending bytes of the engine."""
        if self._socket.is_closing():
            return
        while (pending := self._engine.pending()) > 0:
            self._socket.write(self._engine.peek(pending))
            self._engine.pop(pending)
        if pending < 0:
            self._socket.close()

    def tick(self) -> None:
        """Let the engine keep the connection alive."""
        self._engine.tick(time.monotonic())
        self._dispatch()

    def connection_lost(self, error: Exception | None) -> None:
        self._dispatcher.connections.discard(self)
        self._dispatcher.waiting = [each for each in self._dispatcher.waiting if each.connection is not self]
        for outlet in list(self._outlets.values()):
            self._drop(outlet)
        self._dispatcher.turn()

    # the events, named as Proton names them

    def on_connection_remote_open(self, event: Event) -> None:
        event.connection.container = "brokerkit-servicebus"
        event.connection.open()

    def on_connection_remote_close(self, event: Event) -> None:
        event.connection.close()

    def on_session_remote_open(self, event: Event) -> None:
        event.session.open()

    def on_session_remote_close(self, event: Event) -> None:
        for outlet in list(self._outlets.values()):
            if outlet.link.session == event.session:
                self._drop(outlet)
        event.session.close()

    def on_link_remote_open(self, event: Event) -> None:
        link = event.link
        try:
            if link.is_sender:
                self._attach_receiver(link, path_of(link.remote_source.address or ""))
            else:
                self._attach_sender(link, path_of(link.remote_target.address or ""))
        except errors.Refusal as refusal:
            detach(link, refusal)

    def on_link_remote_close(self, event: Event) -> None:
        link = event.link
        self._inlets.pop(link.name, None)
        self._requests.pop(link.name, None)
        self._replies = {key: reply for key, reply in self._replies.items() if reply.name != link.name}
        self._dispatcher.waiting = [
            each
            for each in self._dispatcher.waiting
            if each.connection is not self or each.link.name != link.name
        ]
        if (outlet := self._outlets.get(link.name)) is not None:
            self._drop(outlet)
        link.close()

    on_link_remote_detach = on_link_remote_close

    def on_link_flow(self, event: Event) -> None:
        if (outlet := self._outlets.get(event.link.name)) is not None:
            while outlet.pump():
                pass

    def on_delivery(self, event: Event) -> None:
        delivery, link = event.delivery, event.link
        if link.is_sender:
            if delivery.updated and (outlet := self._outlets.get(link.name)) is not None:
                outlet.settle(delivery)
            return
        if delivery.aborted:
            self._formats.next(link.name)
            delivery.settle()
            return
        if not delivery.readable or delivery.partial:
            return
        raw = bytes(link.recv(delivery.pending) or b"")
        link.advance()
        message_format = self._formats.next(link.name)
        if (inlet := self._inlets.get(link.name)) is not None:
            inlet.receive(delivery, raw, message_format)
        elif (requests := self._requests.get(link.name)) is not None:
            reply = self._replies.get((link.session, path_of(link.remote_target.address or "")))
            requests.receive(delivery, raw, reply)
        else:
            delivery.settle()

    # attaching

    def _require(self, claim: str, path: str) -> None:
        self._dispatcher.policies.require(claim, path, list(self._grants.values()))

    def _attach_sender(self, link: Link, path: str) -> None:
        """Attach a link on which the client sends."""
        if path == "$cbs":
            self._requests[link.name] = TokenRequests(self._dispatcher.policies, self._grants, link)
            return
        entity, part = self._broker.namespace.resolve(path.removesuffix(MANAGEMENT))
        if path.endswith(MANAGEMENT):
            self._requests[link.name] = ManagementRequests(
                self._dispatcher.policies, self._grants, link, self._dispatcher.management, (entity, part)
            )
            return
        self._require(claims.SEND, path)
        if entity.kind == "subscription" or part is not Part.MAIN:
            raise errors.not_allowed(
                f"'{path}' takes no messages from senders: send to the queue or the topic"
            )
        if entity.settings["Status"] in ("Disabled", "SendDisabled"):
            raise errors.disabled(path)
        self._inlets[link.name] = Inlet(self._broker, link, entity)

    def _attach_receiver(self, link: Link, path: str) -> None:
        """Attach a link on which the client receives."""
        if path == "$cbs" or path.endswith(MANAGEMENT):
            if path != "$cbs":
                self._broker.namespace.resolve(path.removesuffix(MANAGEMENT))
            attach(link)
            self._replies[link.session, path] = link
            return
        entity, part = self._broker.namespace.resolve(path)
        self._require(claims.LISTEN, path)
        if entity.kind == "topic":
            raise errors.not_allowed(f"'{path}' is a topic: receive from one of its subscriptions")
        if entity.settings["Status"] in ("Disabled", "ReceiveDisabled"):
            raise errors.disabled(path)
        holder = entity.holder(part)
        asked = _session_filter(link)
        if asked is None:
            if entity.requires_session and part is Part.MAIN:
                raise errors.not_allowed(
                    "It is not possible for an entity that requires sessions to create a non-sessionful"
                    " message receiver."
                )
            self.attach_outlet(Outlet(self._broker, link, holder, None))
            return
        if not entity.requires_session or part is not Part.MAIN:
            raise errors.not_allowed(
                "A sessionful message receiver cannot be created on an entity that does not require sessions."
            )
        lock = self._broker.accept_session(holder, asked[0])
        if lock is not None:
            self.attach_outlet(Outlet(self._broker, link, holder, lock))
        else:
            wait = int((link.remote_properties or {}).get(TIMEOUT, SESSION_WAIT))
            self._dispatcher.waiting.append(Waiting(self, link, holder, now() + wait))

    def attach_outlet(self, outlet: Outlet) -> None:
        """Begin to send messages to an outlet."""
        self._outlets[outlet.link.name] = outlet
        self._dispatcher.outlets.setdefault(outlet.holder, []).append(outlet)
        self._broker.touched.add(outlet.holder)

    def _drop(self, outlet: Outlet) -> None:
        del self._outlets[outlet.link.name]
        others = self._dispatcher.outlets.get(outlet.holder, [])
        if outlet in others:
            others.remove(outlet)
            if outlet.session is not None:
                self._broker.release_session(outlet.session)

    def forget(self, gone: list[Entity]) -> None:
        """End the links to deleted entities."""
        holders = {each.holder(part): each for each in gone for part in Part}
        for outlet in self._outlets.values():
            if outlet.holder in holders:
                detach(outlet.link, errors.not_found(holders[outlet.holder].path))
        managed: list[Inlet | ManagementRequests] = [
            each for each in self._requests.values() if isinstance(each, ManagementRequests)
        ]
        managed += self._inlets.values()
        for inlet in managed:
            if inlet.entity in gone:
                detach(inlet.link, errors.not_found(inlet.entity.path))


def _session_filter(link: Link) -> tuple[str | None] | None:
    """Return the session that a receiver asks for, (None,) for any session, or None if it asks for none."""
    data = link.remote_source.filter
    data.rewind()
    if data.next() is None:
        return None
    asked = data.get_dict()
    return (asked[SESSION_FILTER],) if SESSION_FILTER in asked else None
