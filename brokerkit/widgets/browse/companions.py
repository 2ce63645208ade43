"""The composer and the tail that a browser opened, each in a tab of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from brokerkit.core.vocabulary.errors import ConfigError

from ..compose import Composer
from ..protocol.browse import Kept
from ..protocol.companions import Which
from ..tail import Tail
from .query import Query

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


class Companions:
    """The widgets in the tabs of the browser.

    Args:
        session: The session.
        on_sent: Called when the composer has sent messages.

    Attributes:
        composer: The composer; None if there is none.
        tail: The tail; None if there is none.
        kept: What was asked for while the composer had a message that was not sent, which it keeps.
    """

    def __init__(self, session: DataSession, on_sent: Callable[[], None]) -> None:
        self._session, self._on_sent = session, on_sent
        self.composer: Composer | None = None
        self.tail: Tail | None = None
        self.kept: Kept = ""
        self._receipts: tuple[object, object] = (None, None)

    def keep(self, wanted: Kept) -> bool:
        """Keep the composer if it has a message that was not sent; return whether it is kept."""
        self.kept = wanted if self.composer is not None and self.composer.unsent else ""
        return self.kept != ""

    def forget_asked(self) -> None:
        """Forget what was asked for if all of the composer was sent since."""
        if self.composer is None or not self.composer.unsent:
            self.kept = ""

    def compose(self, topic: str | None, rows: pd.DataFrame | None) -> Composer:
        """Return a composer that starts with these messages; None for a new one.

        Raises:
            ConfigError: There is no topic, or there are no messages.
        """
        if topic is None:
            raise ConfigError("choose a topic first")
        self.kept = ""
        if rows is None:
            return self._show_composer(Composer(self._session, topic))
        if not len(rows):
            raise ConfigError("choose a message first")
        given = {"message": rows} if len(rows) == 1 else {"frame": rows, "kind": "messages"}
        return self._show_composer(Composer(self._session, topic, **given))

    def _show_composer(self, composer: Composer) -> Composer:
        self._leave_composer()
        composer._model.named = "browser.composer"
        composer._model.on_change.append(self._look_for_receipts)
        self.composer = composer
        self._receipts = receipts_of(composer)
        return composer

    def _leave_composer(self) -> None:
        if self.composer is not None:
            listeners = self.composer._model.on_change
            if self._look_for_receipts in listeners:
                listeners.remove(self._look_for_receipts)
        self.composer = None

    def _look_for_receipts(self) -> None:
        if self.composer is None:
            return
        before, self._receipts = self._receipts, receipts_of(self.composer)
        if any(now is not then for now, then in zip(self._receipts, before, strict=True)):
            self._on_sent()

    def follow(self, query: Query | None) -> Tail:
        """Return a tail of the topic of a query, with its key and filter.

        Raises:
            ConfigError: There is no query.
        """
        if query is None:
            raise ConfigError("choose a topic first")
        self.stop("another one was started")
        self.tail = Tail(
            self._session,
            query.topic,
            key=query.key,
            where=query.where,
            decode=query.decode,
            decode_key=query.decode_key,
            mask=query.mask,
            unmask=query.unmask,
        )
        self.tail._model.named = "browser.tail"
        return self.tail

    def stop(self, why: str) -> None:
        if self.tail is not None:
            self.tail.stop(why)

    def put_away(self, *which: Which) -> None:
        """Close the composer, the tail, or both."""
        if "live" in which or not which:
            self.stop("the tail was closed")
            self.tail = None
        if "compose" in which or not which:
            self._leave_composer()
            self.kept = ""


def receipts_of(composer: Composer) -> tuple[object, object]:
    """Return the receipts of the message that is written, and of many from a file or a frame."""
    return composer._model.outcome, composer._model.bulk.now.outcome
