"""Producers that fill a pump from each kind of source.

A source may satisfy several protocols (a consumer satisfies all, and builds the others on these
adapters). Pulling comes before pushing: batched iterator, iterator, stream, receiver.
"""

from __future__ import annotations

import time
from typing import TypeAlias

from ..vocabulary.arguments import check_seconds
from ..vocabulary.errors import ConfigError
from ..vocabulary.messages import Message
from ..vocabulary.protocols import (
    BatchedMessageIterator,
    BatchedMessageStream,
    BatchedReceiver,
    MessageIterator,
    MessageStream,
    Receiver,
    RecordIterator,
)
from .iterators import batched_iterator
from .pump import Intake, MessagePump, Producer

MessageSource: TypeAlias = (
    BatchedMessageIterator
    | MessageIterator
    | MessageStream
    | BatchedMessageStream
    | Receiver
    | BatchedReceiver
)

IDLE_PAUSE = 0.01
"""Seconds to rest when a source came back with nothing though it may wait for ever."""


def check_window(value: object) -> float:
    """Return the seconds in which a batch is gathered. Raises ConfigError for a negative number."""
    seconds = check_seconds(value, "window")
    if seconds is None:
        raise ConfigError("window must be a number of seconds, not None: a batch needs an end")
    return seconds


def message_producer(source: MessageSource) -> Producer[Message]:
    """Return a producer of single messages. Raises TypeError for what is not a source."""
    _refuse_records(source)
    if isinstance(source, BatchedMessageIterator):
        return lambda intake: _from_batches(source, intake)
    if isinstance(source, MessageIterator):
        return lambda intake: _from_iterator(source, intake)
    return _pushed(source)


def batch_producer(source: MessageSource, max_messages: int, window: float) -> Producer[list[Message]]:
    """Return a producer of batches. Batches of streams and receivers stay as they are."""
    _refuse_records(source)
    if isinstance(source, BatchedMessageIterator):
        return lambda intake: _windows(source, intake, max_messages, window)
    if isinstance(source, MessageIterator):
        return lambda intake: _gathered(source, intake, max_messages, window)
    if isinstance(source, BatchedMessageStream):
        return lambda intake: _from_batch_stream(source, intake)
    if isinstance(source, BatchedReceiver):
        return lambda intake: source.receive_batch(intake.put, cancellation=intake.stop)
    single = _pushed(source)

    def produce(intake: Intake[list[Message]]) -> None:
        with MessagePump([single], capacity=max_messages) as feed:
            _gathered(feed, intake, max_messages, window)

    return produce


def receiver_producer(source: Receiver) -> Producer[Message]:
    """Return a producer that puts the messages that a receiver pushes."""
    return lambda intake: source.receive(intake.put, cancellation=intake.stop)


def _pushed(source: MessageSource) -> Producer[Message]:
    if isinstance(source, MessageStream):
        return lambda intake: _from_stream(source, intake)
    if isinstance(source, BatchedMessageStream):
        return lambda intake: _from_flat_stream(source, intake)
    if isinstance(source, Receiver):
        return receiver_producer(source)
    if isinstance(source, BatchedReceiver):
        return lambda intake: source.receive_batch(lambda batch: intake.put(*batch), cancellation=intake.stop)
    raise TypeError(
        f"a source of messages must have next_batch, next_message, stream, batch_stream, receive or "
        f"receive_batch (see brokerkit.core), and a {type(source).__name__} has none of them"
    )


def _refuse_records(source: object) -> None:
    if isinstance(source, RecordIterator) and not isinstance(source, MessageIterator):
        raise TypeError(
            "records of a log cannot be returned one by one, so they have no streams and receivers; "
            "use next_record or next_batch, or open the consumer for messages where the system can"
        )


def _from_batches(source: BatchedMessageIterator, intake: Intake[Message]) -> None:
    while True:
        room = intake.room()
        first = source.next_batch(1, cancellation=intake.stop)
        if not first:
            intake.stop.wait(IDLE_PAUSE)
            continue
        intake.put(*first)
        if room > 1:
            intake.put(*source.next_batch(room - 1, 0.0, cancellation=intake.stop))


def _from_iterator(source: MessageIterator, intake: Intake[Message]) -> None:
    while True:
        intake.room()
        message = source.next_message(cancellation=intake.stop)
        if message is None:
            intake.stop.wait(IDLE_PAUSE)
        else:
            intake.put(message)


def _from_stream(source: MessageStream, intake: Intake[Message]) -> None:
    with source.stream(cancellation=intake.stop) as messages:
        for message in messages:
            intake.put(message)


def _from_flat_stream(source: BatchedMessageStream, intake: Intake[Message]) -> None:
    with source.batch_stream(cancellation=intake.stop) as batches:
        for batch in batches:
            intake.put(*batch)


def _from_batch_stream(source: BatchedMessageStream, intake: Intake[list[Message]]) -> None:
    with source.batch_stream(cancellation=intake.stop) as batches:
        for batch in batches:
            intake.put(batch)


def _gathered(
    source: MessageIterator, intake: Intake[list[Message]], max_messages: int, window: float
) -> None:
    gathering = batched_iterator(source)
    try:
        _windows(gathering, intake, max_messages, window)
    finally:
        held = gathering.take_held()
        if held:
            intake.give_back([held])


def _windows(
    source: BatchedMessageIterator, intake: Intake[list[Message]], max_messages: int, window: float
) -> None:
    """Yield batches whose window of time begins at their first message."""
    while True:
        intake.room()
        batch = source.next_batch(1, cancellation=intake.stop)
        if not batch:
            intake.stop.wait(IDLE_PAUSE)
            continue
        failure = None
        end = time.monotonic() + window
        try:
            while len(batch) < max_messages:
                remaining = max(0.0, end - time.monotonic())
                more = source.next_batch(max_messages - len(batch), remaining, cancellation=intake.stop)
                batch.extend(more)
                if time.monotonic() >= end:
                    break
                if not more:
                    intake.stop.wait(min(IDLE_PAUSE, remaining))
        except BaseException as error:
            failure = error
        if intake.stop.cancelled:
            intake.give_back([batch])
        else:
            # items that came before an error are handed over before it
            intake.put(batch)
        if failure is not None:
            raise failure
        intake.stop.raise_if_cancelled()
