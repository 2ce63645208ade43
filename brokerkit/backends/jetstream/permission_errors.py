"""What the server says it does not permit: it tells the connection, and never answers the request."""

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
    """One word of the server. subject: in lower case, as nats-py hands it on."""

    said: BaseException
    subject: str
    subscribing: bool

    def error(self, subject: str, inbox: str) -> Unauthorized | None:
        """Why a request to `subject`, answered below `inbox`, gets no answer; None: for another reason."""
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
    """Passes each refusal on to whoever waits for an answer. Lives on the loop."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Refusal], None]] = []

    def note(self, said: BaseException) -> bool:
        """Pass on what the server said; False when it is no refusal."""
        match = _SAID.search(str(said))
        if match is None:
            return False
        refusal = Refusal(said, match[2].lower(), match[1].lower() == "subscription")
        for listener in list(self._listeners):
            listener(refusal)
        return True

    def listen(self, listener: Callable[[Refusal], None]) -> None:
        self._listeners.append(listener)

    def leave(self, listener: Callable[[Refusal], None]) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    @contextlib.contextmanager
    def listening(self, listener: Callable[[Refusal], None]) -> Iterator[None]:
        """Have each refusal passed on while the block runs."""
        self.listen(listener)
        try:
            yield
        finally:
            self.leave(listener)

    @contextlib.contextmanager
    def of_request(self, subject: str, inbox: str) -> Iterator[asyncio.Future[Unauthorized]]:
        """A future that has the refusal of a request, if one comes while the block runs."""
        refused: asyncio.Future[Unauthorized] = asyncio.get_running_loop().create_future()

        def listener(refusal: Refusal) -> None:
            error = refusal.error(subject, inbox)
            if error is not None and not refused.done():
                refused.set_result(error)

        with self.listening(listener):
            yield refused
