"""The links on which messages arrive and leave, and how any link begins and ends."""

from __future__ import annotations

import uuid
from typing import Any

from proton import Condition, Delivery, Link, Terminus, symbol

from . import errors, wire
from .broker import Broker
from .namespace import Entity
from .sessions import SessionLock

CREDIT = 1000
"""How many transfers a sender may have pending."""

CHUNK = 16
"""How many messages one receiver gets before it is the turn of the next."""

TICKS_OF_EPOCH = 621_355_968_000_000_000
"""The start of the epoch in units of 100 ns since the year 1, which session locks use."""

SESSION_FILTER = symbol("com.microsoft:session-filter")
LOCKED_UNTIL = symbol("com.microsoft:locked-until-utc")
BATCH_SIZE = symbol("com.microsoft:max-message-batch-size")


def condition(refusal: errors.Refusal) -> Condition:
    """Return a refusal as an AMQP condition.

    It has an info, since clients read that at the end of a connection.
    """
    return Condition(
        refusal.condition, refusal.description, {symbol("com.microsoft:tracking-id"): str(uuid.uuid4())}
    )


def attach(link: Link) -> None:
    """Accept a link as the client asked for it."""
    link.source.copy(link.remote_source)
    link.target.copy(link.remote_target)
    _open(link)


def _open(link: Link) -> None:
    link.snd_settle_mode, link.rcv_settle_mode = link.remote_snd_settle_mode, link.remote_rcv_settle_mode
    link.open()


def detach(link: Link, refusal: errors.Refusal) -> None:
    """Close a link with a reason.

    A link that is not attached yet is first attached without the requested terminus, by which the client
    knows that it is not established.
    """
    if link.state & Link.LOCAL_UNINIT:
        if link.is_sender:
            link.target.copy(link.remote_target)
            link.source.type = Terminus.UNSPECIFIED
        else:
            link.source.copy(link.remote_source)
            link.target.type = Terminus.UNSPECIFIED
        _open(link)
    if link.state & Link.LOCAL_ACTIVE:
        link.condition = condition(refusal)
        link.close()


def reject(delivery: Delivery, refusal: errors.Refusal) -> None:
    """Answer a delivery with an error."""
    delivery.local.condition = condition(refusal)
    delivery.update(Delivery.REJECTED)


class Inlet:
    """A link that accepts what a client sends to a queue or a topic."""

    def __init__(self, broker: Broker, link: Link, entity: Entity) -> None:
        self._broker = broker
        self.link = link
        self.entity = entity
        link.max_message_size = entity.max_message_size
        link.properties = {BATCH_SIZE: entity.max_message_size}
        attach(link)
        link.flow(CREDIT)

    def receive(self, delivery: Delivery, raw: bytes, message_format: int) -> None:
        """Enqueue a message, or each message of a batch, and report the outcome."""
        try:
            if self.entity.settings["Status"] in ("Disabled", "SendDisabled"):
                raise errors.disabled(self.entity.path)
            if len(raw) > self.entity.max_message_size:
                raise errors.too_large(self.entity.max_message_size)
            parts = wire.unbatch(raw) if message_format == wire.BATCH_FORMAT else [raw]
            self._broker.send(self.entity, [wire.parse(part) for part in parts])
        except errors.Refusal as refusal:
            reject(delivery, refusal)
        else:
            delivery.update(Delivery.ACCEPTED)
        delivery.settle()
        self.link.flow(1)


class Outlet:
    """A link that sends the messages of one holder to a client, and settles them as the client says.

    Attributes:
        session: The lock of its session, if it is for one.
    """

    def __init__(self, broker: Broker, link: Link, holder: int, session: SessionLock | None) -> None:
        self._broker = broker
        self.link = link
        self.holder = holder
        self.session = session
        self._locks = link.remote_snd_settle_mode != Link.SND_SETTLED
        if session is not None:
            link.properties = {LOCKED_UNTIL: session.until * 10_000 + TICKS_OF_EPOCH}
            link.remote_source.filter.clear()
            link.remote_source.filter.put_dict({SESSION_FILTER: session.session})
        attach(link)

    def pump(self) -> bool:
        """Send some of the available messages, and return whether there may be more to send."""
        count = min(self.link.credit, CHUNK)
        if count <= 0 or not self.link.state & Link.LOCAL_ACTIVE:
            return False
        session = None if self.session is None else self.session.session
        taken = self._broker.take(self.holder, session=session, count=count, lock=self._locks)
        for message in taken:
            delivery = self.link.delivery(message.token if self._locks else uuid.uuid4().bytes_le)
            self.link.stream(message.encoded())
            self.link.advance()
            if self._locks:
                # Proton returns a tag only as text, and these bytes are not text
                delivery.lock_token = message.token
            else:
                delivery.settle()
        if len(taken) < count and self.link.drain_mode:
            self.link.drained()
        return bool(len(taken) == count)

    def settle(self, delivery: Delivery) -> None:
        """Settle a message as the client says, and answer with the same outcome."""
        state = delivery.remote_state
        if state:
            try:
                if self.session is not None and not self._holds_session():
                    raise errors.session_lock_lost(self.session.session)
                self._apply(delivery, delivery.lock_token)
            except errors.Refusal as refusal:
                reject(delivery, refusal)
            else:
                delivery.update(state)
        elif not delivery.settled:
            return
        delivery.settle()

    def _holds_session(self) -> bool:
        assert self.session is not None
        return self._broker.sessions.held(self.holder, self.session.session) is self.session

    def _apply(self, delivery: Delivery, token: bytes) -> None:
        state, remote = delivery.remote_state, delivery.remote
        if state == Delivery.ACCEPTED:
            self._broker.complete(self.holder, token)
        elif state == Delivery.REJECTED:
            info = _texts(remote.condition.info if remote.condition else None)
            reason = info.pop("DeadLetterReason", None)
            description = info.pop("DeadLetterErrorDescription", None)
            self._broker.dead_letter(self.holder, token, reason, description, info)
        elif state == Delivery.MODIFIED and remote.undeliverable:
            self._broker.defer(self.holder, token, _texts(remote.annotations))
        elif state == Delivery.MODIFIED:
            self._broker.abandon(self.holder, token, _texts(remote.annotations))
        else:
            self._broker.abandon(self.holder, token, {}, failed=False)


def _texts(given: Any) -> dict[str, Any]:
    """Return a map with strings for keys."""
    return {str(key): value for key, value in (given or {}).items()}
