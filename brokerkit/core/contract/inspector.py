"""The contract for looking: topics and their bounds, and slices that are read without side effects."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..vocabulary.columns import Columns
from ..vocabulary.errors import NotSupported
from ..vocabulary.schemas import SystemSchema
from ..vocabulary.topics import Bounds, PublishTerms, Slice, TopicDescription, TopicInfo
from ..vocabulary.windows import TimeOrder


class ReaderDriver(ABC):
    """A reader of slices without side effects, one slice after the other.

    Made by `Driver.reader`, one for each slice that is read at the same time. The thread of the reader
    makes every call, `close` last. Each slice is a call of `start`, calls of `fetch`, and a call of `stop`
    if the reader is kept for another slice. After an error or a cancellation it is closed instead.
    """

    @abstractmethod
    def start(self, slice_: Slice, *, attributes: bool) -> None:
        """Prepare to read a slice.

        A retryable error is not shown: the call is repeated 0.2 s later without a `stop` before it, and
        the error is raised if nothing came for 30 s (``stall=``). Any other error is raised at once.

        Args:
            slice_: The slice, which is not empty.
            attributes: False if the column of attributes may be left empty.
        """

    @abstractmethod
    def fetch(self, wait: float) -> Columns | None:
        """Return the next rows of the slice. Empty if none came within `wait`, None at the end.

        Return only rows of the slice, each once, in order, some 8 to 32 MB at most. Rows with other times
        than the slice asks for may be among them: the portable half leaves them out. One batch is fetched
        ahead, so the columns that were returned before may still be in use.

        A retryable error is not shown: the fetch is repeated 0.2 s later and goes on behind the rows that
        were returned last, so move the position only once nothing can fail before they are returned. The
        error is raised if nothing came for 30 s (``stall=``). Any other error is raised at once.

        Args:
            wait: Seconds that the call may wait for the first row, 0.2.
        """

    def stop(self) -> None:
        """Let go of the slice, which was read to its end or given up, until the next `start`.

        The caller does not wait for it. What it raises is ignored.
        """
        return

    def close(self, timeout: float) -> None:
        """Let go of everything, also in the middle of a slice.

        The last call, made once. What it raises is ignored.

        Args:
            timeout: Seconds that it may take, 1.
        """
        return


class InspectorDriver(ABC):
    """A view of topics that changes nothing.

    Made by `Driver.inspector`, once per connection. The thread of the inspector makes every call except
    `at_id`, `close` last. The caller waits for a second longer than the `timeout` that it passes, and then
    gets `Unavailable`. Errors are raised to the caller, and nothing is repeated.
    """

    @abstractmethod
    def topics(self, timeout: float) -> list[TopicInfo]:
        """Return every topic that may be listed, in any order."""
        ...

    @abstractmethod
    def describe(self, topic: str, timeout: float) -> TopicDescription:
        """Return what the system says about a topic, without reading messages.

        Raises:
            NotFound: The topic does not exist.
        """
        ...

    @abstractmethod
    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        """Return the readable range of each partition.

        Raises:
            NotFound: The topic does not exist.
        """
        ...

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        """Return the offset of the first message at or after a moment, by partition.

        A partition without such a message is left out. `time_order` says how far the answer can be
        relied on.

        Args:
            microseconds: The moment, since 1970 in UTC.
        """
        raise NotSupported("this system has no time index")

    def first_since(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        """Return the offset at which a subscription from a moment on begins, by partition.

        It is that of the first message at or after the moment, as they are stored, or of an earlier message
        if finding that one takes too long. A partition without such a message is left out. Override it where
        `at_time` is only near.

        Args:
            microseconds: The moment, since 1970 in UTC.
        """
        return self.at_time(topic, microseconds, timeout)

    def terms(self, topic: str, timeout: float) -> PublishTerms:
        """Return what the topic does with messages that are published to it.

        Raises:
            NotFound: The topic does not exist.
        """
        numbers = [each.partition for each in self.bounds(topic, timeout) if each.partition is not None]
        return PublishTerms(partitions=len(numbers))

    def topics_within(self, topic: str, timeout: float) -> list[str] | None:
        """Return what the messages of a topic that are there now have in the column `topic`.

        Override it where one name stands for several topics, and where a reader reads only those of
        `Slice.only`. None where that is not so, or where there are too many.

        Raises:
            NotFound: The topic does not exist.
        """
        return None

    def identity(self, topic: str, timeout: float) -> str:
        """Return what tells a topic from an earlier or later one of its name; empty where nothing does.

        Raises:
            NotFound: The topic does not exist.
        """
        return ""

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        """Return what `at_time` can promise for a topic. In doubt, the weaker promise.

        Called before `at_time`, only if a time is among the positions.
        """
        return "near"

    def at_id(self, message_id: str) -> tuple[int | None, int]:
        """Return partition and position of a message by its id, where ids are positions.

        Called by the thread of the caller, possibly while another method runs. It must not ask the broker
        or block, and its errors are not translated: raise only instances of `BrokerError`.

        Raises:
            NotSupported: The ids of this system are not positions.
            ConfigError: This is not an id of this system.
        """
        raise NotSupported("the ids of this system are not positions: give an offset or a time")

    def counted(self, topic: str, bounds: Bounds, position: int, count: int, timeout: float) -> int | None:
        """Return the position `count` messages after another one, or before it if negative.

        The result may be outside the bounds. Return None to let the portable half find it: by the
        offsets alone, or for a negative `count` by reading back from the end.
        """
        return None

    def schema(self, name: str, *, key: bool, timeout: float) -> SystemSchema:
        """Return a schema that the system keeps itself, where `Capabilities.schemas` says so.

        Args:
            name: As a message names it.
            key: Whether it is to be the schema of keys.
            timeout: Seconds that it may take.

        Raises:
            NotFound: There is surely no such schema.
            NotSupported: Schemas cannot be asked for over this connection; the text says how to connect.
        """
        raise NotSupported("this system keeps no schemas itself")

    def schema_names(self, topic: str, timeout: float) -> list[str]:
        """Return how messages of a topic would name its schemas, the newest last; none if it has none.

        Called where `Capabilities.schemas` says that the system keeps schemas.

        Raises:
            NotFound: The topic does not exist.
            NotSupported: Schemas cannot be asked for over this connection; the text says how to connect.
        """
        return []

    def close(self, timeout: float) -> None:
        """Let go of everything. The last call, made once. What it raises is ignored."""
        return
