"""Refusals of the server, which reports them to the connection and does not answer the request."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from brokerkit.core.vocabulary.errors import Unauthorized

_SAID = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True)
class Refusal:
    """A report of the server that something is not permitted.

    Attributes:
        said: The error of nats-py.
        subject: The subject in lower case, as nats-py reports it.
        subscribing: Whether subscribing was refused, rather than publishing.
    """

    said: BaseException
    subject: str
    subscribing: bool

    def error(self, subject: str, inbox: str) -> Unauthorized | None:
        """Return an error if this refusal is why a request gets no answer, otherwise None.

        Args:
            subject: The subject of the request.
            inbox: The prefix of the subject for its reply.
        """
        if self.subscribing and self.subject.startswith(inbox.lower()):
            made = Unauthorized(
                f"the NATS server does not permit this user to receive answers below {inbox!r}: give "
                "inbox_prefix=, a prefix that the user may subscribe to"
            )
        elif not self.subscribing and self.subject == subject.lower():
            made = Unauthorized(
                f"the NATS server does not permit this user to publish to {subject!r}: the user needs that "
                "permission, or log in as another one"
            )
        else:
            return None
        made.__cause__ = self.said
        return made


class Refusals:
    """The refusals of a connection, passed on to listeners. It is used on the event loop only."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Refusal], None]] = []

    def note(self, said: BaseException) -> bool:
        """Pass on an error if it is a refusal, and return whether it is one."""
        match = _SAID.search(str(said))
        if match is None:
            return False
        refusal = Refusal(said, match[2].lower(), match[1].lower() == "subscription")
        for listener in list(self._listeners):
            listener(refusal)
        return True

    def listen(self, listener: Callable[[Refusal], None]) -> None:
        """Call `listener` with each refusal."""
        self._listeners.append(listener)

    def leave(self, listener: Callable[[Refusal], None]) -> None:
        """Stop calling `listener`."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    @contextlib.contextmanager
    def listening(self, listener: Callable[[Refusal], None]) -> Iterator[None]:
        """Call `listener` with each refusal while the block runs."""
        self.listen(listener)
        try:
            yield
        finally:
            self.leave(listener)

    @contextlib.contextmanager
    def of_request(self, subject: str, inbox: str) -> Iterator[asyncio.Future[Unauthorized]]:
        """Yield a future that gets the error of a request if it is refused while the block runs."""
        refused: asyncio.Future[Unauthorized] = asyncio.get_running_loop().create_future()

        def listener(refusal: Refusal) -> None:
            error = refusal.error(subject, inbox)
            if error is not None and not refused.done():
                refused.set_result(error)

        with self.listening(listener):
            yield refused
