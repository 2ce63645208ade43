"""Make a stream of any source of messages."""

from __future__ import annotations

from contextlib import AbstractContextManager

from ..vocabulary.arguments import check_count
from ..vocabulary.cancellation import Cancellation
from ..vocabulary.messages import Message
from .producing import MessageSource, batch_producer, check_window, message_producer
from .pump import BatchPump, Feed, MessageFeed, MessagePump, Producer


class _MessageStream:
    def __init__(self, producer: Producer[Message], prefetch: int) -> None:
        self._producer = producer
        self._prefetch = prefetch

    def stream(self, *, cancellation: Cancellation | None = None) -> AbstractContextManager[MessageFeed]:
        """Fetch messages in the background while the block runs."""
        return MessagePump([self._producer], capacity=self._prefetch, cancellation=cancellation)


class _BatchedMessageStream:
    def __init__(self, producer: Producer[list[Message]]) -> None:
        self._producer = producer

    def batch_stream(
        self, *, cancellation: Cancellation | None = None
    ) -> AbstractContextManager[Feed[list[Message]]]:
        """Gather batches in the background while the block runs."""
        return BatchPump([self._producer], cancellation=cancellation)


def message_stream(source: MessageSource, *, prefetch: int = 100) -> _MessageStream:
    """Make a MessageStream of any source of messages.

    prefetch: how many messages may wait for the loop. Leaving the block returns those that the
    loop did not get. The iterator also has ``next_message(timeout)``.
    """
    return _MessageStream(message_producer(source), check_count(prefetch, "prefetch"))


def batched_message_stream(
    source: MessageSource, *, max_messages: int = 500, window: float = 0.5
) -> _BatchedMessageStream:
    """Make a BatchedMessageStream of any source of messages.

    A batch is ready when it has `max_messages`, or `window` seconds after its first message; while
    nothing comes there is no batch. One batch is gathered, and one may wait, while the loop works.
    The batches of a batched stream or receiver stay as they are.
    """
    limit = check_count(max_messages, "max_messages")
    return _BatchedMessageStream(batch_producer(source, limit, check_window(window)))
