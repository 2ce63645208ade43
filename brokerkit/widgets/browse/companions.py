"""The composer and the tail that a browser opened, each in a tab of its own."""

from __future__ import annotations

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

    Attributes:
        composer: The composer; None if there is none.
        tail: The tail; None if there is none.
        kept: What was asked for while the composer had a message that was not sent, which it keeps.
    """

    def __init__(self, session: DataSession) -> None:
        self._session = session
        self.composer: Composer | None = None
        self.tail: Tail | None = None
        self.kept: Kept = ""

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
        composer._model.named = "browser.composer"
        self.composer = composer
        return composer

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
            self.composer, self.kept = None, ""
