"""Make a receiver, which calls a handler, of any source of messages."""

from __future__ import annotations

from collections.abc import Sequence

from ..vocabulary.arguments import check_count
from ..vocabulary.cancellation import Cancellation
from ..vocabulary.messages import Message
from ..vocabulary.protocols import BatchHandler, MessageHandler, Receiver
from .dispatch import dispatch
from .producing import MessageSource, batch_producer, check_window, message_producer, receiver_producer
from .pump import BatchPump, MessagePump, Producer


class _Receiver:
    def __init__(self, producers: Sequence[Producer[Message]], prefetch: int) -> None:
        self._producers = producers
        self._prefetch = prefetch

    def receive(
        self,
        handler: MessageHandler,
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Call `handler` for each message from `workers` threads; see `Receiver`."""
        dispatch(
            MessagePump(self._producers, capacity=self._prefetch),
            handler,
            lambda message: (message,),
            workers=workers,
            cancellation=cancellation,
        )


class _BatchedReceiver:
    def __init__(self, producer: Producer[list[Message]]) -> None:
        self._producer = producer

    def receive_batch(
        self,
        handler: BatchHandler,
        *,
        workers: int = 1,
        cancellation: Cancellation | None = None,
    ) -> None:
        """Call `handler` for each batch from `workers` threads; see `BatchedReceiver`."""
        dispatch(
            BatchPump([self._producer]),
            handler,
            lambda batch: batch,
            workers=workers,
            cancellation=cancellation,
        )


def receiver(source: MessageSource, *, prefetch: int = 100) -> _Receiver:
    """Make a Receiver of any source of messages.

    prefetch: how many messages may wait for a worker. They are returned when the receiver ends.
    """
    return _Receiver([message_producer(source)], check_count(prefetch, "prefetch"))


def batched_receiver(
    source: MessageSource, *, max_messages: int = 500, window: float = 0.5
) -> _BatchedReceiver:
    """Make a BatchedReceiver of any source of messages.

    A batch is ready when it has `max_messages`, or `window` seconds after its first message. The
    batches of a batched stream or receiver stay as they are.
    """
    limit = check_count(max_messages, "max_messages")
    return _BatchedReceiver(batch_producer(source, limit, check_window(window)))


def fan_in(*receivers: Receiver, prefetch: int = 100) -> _Receiver:
    """Make one receiver of several. Its handler runs in `workers` threads in all.

    When one fails, the others are stopped and its error is raised; when one ends, the others go on.
    prefetch: how many messages of all of them may wait for a worker.
    """
    if not receivers:
        raise TypeError("fan_in needs at least one receiver")
    producers = [receiver_producer(each) for each in receivers]
    return _Receiver(producers, check_count(prefetch, "prefetch"))
