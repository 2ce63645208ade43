"""Adapters between the protocols of `brokerkit.core.vocabulary.protocols`; standard library only.

=======================================  =========================  ================================
source                                   target                     function
=======================================  =========================  ================================
MessageIterator                          BatchedMessageIterator     `batched_iterator`
BatchedMessageIterator                   MessageIterator            `message_iterator`
RecordIterator                           BatchedRecordIterator      `batched_record_iterator`
any source of messages                   MessageStream              `message_stream`
any source of messages                   BatchedMessageStream       `batched_message_stream`
any source of messages                   Receiver                   `receiver`
any source of messages                   BatchedReceiver            `batched_receiver`
several Receivers                        Receiver                   `fan_in`
function: next message or None           MessageIterator            `iterator_from_function`
function: next messages                  BatchedMessageIterator     `batched_iterator_from_function`
function: next record or None            RecordIterator             `record_iterator_from_function`
function: publishes a message            Topic                      `topic_from_function`
function: publishes a message to a name  Publisher                  `publisher_from_function`
Topic                                    many outcomes, in order    `publish_in_parallel`
messages or records                      groups                     `group_by_key`, `group_by`
messages                                 all settled                `ack_all`, `nack_all`
records                                  committed                  `commit_highest`
any iterable                             iterator ahead of its use  `read_ahead`
=======================================  =========================  ================================

A source of messages satisfies one of MessageIterator, BatchedMessageIterator, MessageStream,
BatchedMessageStream, Receiver, BatchedReceiver; where it satisfies several, the batched iterator is
used, then the iterator, the stream, the receiver.

All of them: a producer waits while the consumer is slow; cancelling takes effect within 0.2 s, as
`Cancelled` from iterators and as a normal return from ``receive``; the source's error is raised
after what came before it; what was received and not handed over is returned; no thread stays.
"""

from .functions import (
    batched_iterator_from_function,
    iterator_from_function,
    publisher_from_function,
    record_iterator_from_function,
    topic_from_function,
)
from .grouping import ack_all, commit_highest, group_by, group_by_key, nack_all
from .iterators import batched_iterator, batched_record_iterator, message_iterator
from .parallel import publish_in_parallel
from .read_ahead import read_ahead
from .receivers import batched_receiver, fan_in, receiver
from .streams import batched_message_stream, message_stream

__all__ = [
    "ack_all",
    "batched_iterator",
    "batched_iterator_from_function",
    "batched_message_stream",
    "batched_receiver",
    "batched_record_iterator",
    "commit_highest",
    "fan_in",
    "group_by",
    "group_by_key",
    "iterator_from_function",
    "message_iterator",
    "message_stream",
    "nack_all",
    "publish_in_parallel",
    "publisher_from_function",
    "read_ahead",
    "receiver",
    "record_iterator_from_function",
    "topic_from_function",
]
