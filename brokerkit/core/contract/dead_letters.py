"""The contract for dead letters: the topics that hold them, and how one is removed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from ..vocabulary.columns import Columns
from ..vocabulary.dead_letters import DeadLetterPlace, HeaderRule
from ..vocabulary.errors import BrokerError, NotSupported
from ..vocabulary.settled_offsets import SettledOffsets


class DeadLettersDriver(ABC):
    """The dead letters of a connection.

    Made by `Driver.dead_letters`, once per connection. One thread makes every call, `close` last. The caller
    waits for a second longer than the `timeout` that it passes, and then gets `Unavailable`. Errors are
    raised to the caller, and nothing is repeated.

    Messages are read by a `ReaderDriver`, or taken through a consumer where a place says so; published by a
    `PublisherDriver`; and removed by what `DeadLetterPlace.removal` names.

    Attributes:
        rules: The attributes in which this system and its frameworks tell about a dead letter, besides those
            that are known to the portable half.
        hint: What to do so that the system keeps dead letters, where it does not by itself.
    """

    rules: tuple[HeaderRule, ...] = ()
    hint: str = ""

    @abstractmethod
    def places(self, topic: str, timeout: float) -> list[DeadLetterPlace]:
        """Return the topics that hold dead letters of a topic, as far as the system itself knows them.

        If `topic` is such a place itself, return it alone. The portable half adds those whose names follow
        a usual rule.

        Raises:
            NotFound: The topic does not exist.
        """

    @abstractmethod
    def place(self, name: str, timeout: float) -> DeadLetterPlace:
        """Return how messages are removed from any topic that the user names.

        Raises:
            NotFound: The topic does not exist.
            NotSupported: Messages of this topic cannot be removed one by one.
        """

    def movable(self, name: str, timeout: float) -> DeadLetterPlace:
        """Return how messages are moved away from a topic: as `place`, unless the system knows better.

        Raises:
            ConfigError: It has several subscriptions, of which one must be named.
            NotFound: The topic does not exist.
            NotSupported: Messages of this topic cannot be removed one by one.
        """
        return self.place(name, timeout)

    def full(self, topic: str) -> str:
        """Return the name of a topic as lists of topics have it."""
        return topic

    def named(self, topic: str) -> str:
        """Return the topic that an attribute names, as it is published to."""
        return topic

    def prepare(self, place: DeadLetterPlace, timeout: float) -> None:
        """Make what removing needs, such as the subscription of the place. Called before anything is sent."""
        return

    def restored(self, place: DeadLetterPlace, columns: Columns, timeout: float) -> Columns:
        """Return the rows of a place as the messages that were given up, with the same ids and positions.

        For systems that keep a notice in place of the message, or only parts of it.
        """
        return columns

    def remove(self, place: DeadLetterPlace, ids: Sequence[str], timeout: float) -> list[BrokerError | None]:
        """Delete messages by their ids, and return an error or None for each. One that is gone is no error.

        Called where `DeadLetterPlace.removal` is "delete", for 1,000 at most.
        """
        raise NotSupported("messages of this system are not deleted by their ids")

    def remembered(self, place: DeadLetterPlace, timeout: float) -> Mapping[int | None, SettledOffsets]:
        """Return which messages are removed and still there to be read, by partition.

        Called where messages can be read again, unless `DeadLetterPlace.removal` is "delete".
        """
        return {}

    def remember(
        self, place: DeadLetterPlace, settled: Mapping[int | None, SettledOffsets], timeout: float
    ) -> None:
        """Remember messages as removed. What is not named stays as it is.

        Called where `DeadLetterPlace.removal` is "position", unless it is part of a transaction; see
        `PublisherDriver.send_positions`.
        """
        raise NotSupported("this system remembers no positions")

    def close(self, timeout: float) -> None:
        """Let go of everything. The last call, made once. What it raises is ignored."""
        return
