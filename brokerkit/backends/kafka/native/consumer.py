"""A consumer of librdkafka's public functions, without confluent-kafka's objects."""

from __future__ import annotations

import ctypes
import os
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import TooLarge
from brokerkit.core.vocabulary.secrets import revealed

from ..codec import Reported
from ..options import MaskedLog
from ..watch import Watch
from .columns import to_columns
from .library import ON_ERROR, ON_LOG, Batch, Library, NotUsable, library

CONSUMER = 1
WITHOUT_CLOSING = 8
"""RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE"""
TEXT_BYTES = 1024
SLICE_SECONDS = 0.2
"""How long a call may wait, so that an interrupt is noticed."""
LEVELS = (50, 50, 50, 40, 30, 20, 20, 10)
"""The levels of `logging` for those of syslog."""
_CALLBACKS = frozenset({"error_cb", "logger"})
_TOO_LARGE = "a message has more than 2 GiB of headers"


def carried(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that librdkafka takes as text. A secret stays hidden.

    Raises:
        NotUsable: A setting cannot be carried over.
    """
    found = {}
    for name, value in settings.items():
        if name in _CALLBACKS:
            continue
        if not isinstance(revealed(value), str | int | float | bool):
            raise NotUsable(f"{name} is not a text, number or bool")
        if name.startswith(("sasl.oauthbearer.", "plugin.")) or value == "OAUTHBEARER":
            raise NotUsable(f"{name} needs the client library")
        if "\0" in name or "\0" in str(revealed(value)):
            raise NotUsable(f"{name} contains a NUL character")
        found[name] = value
    return found


class _Events:
    """What librdkafka reports beside messages, which it does as long as its client lives.

    Attributes:
        fatal: The error after which the client does nothing any more; None so far.
    """

    def __init__(self, kafka: Any, logger: MaskedLog, watch: Watch) -> None:
        self._kafka = kafka
        self._logger = logger
        self._watch = watch
        self.fatal: KafkaException | None = None
        self.on_error, self.on_log = ON_ERROR(self._on_error), ON_LOG(self._on_log)

    def _on_error(self, client: int, code: int, reason: bytes | None, _: object) -> None:
        if code == KafkaError._FATAL:
            text = ctypes.create_string_buffer(TEXT_BYTES)
            code = self._kafka.rd_kafka_fatal_error(client, text, TEXT_BYTES)
            self.fatal = KafkaException(_error(code, text.value, fatal=True))
        else:
            self._watch(_error(code, reason))

    def _on_log(self, client: int, level: int, facility: bytes, said: bytes) -> None:
        name = _text(self._kafka.rd_kafka_name(client))
        self._logger.log(LEVELS[level & 7], "%s [%s] %s", _text(facility), name, _text(said))


class NativeConsumer:
    """A consumer of one partition after the other.

    One thread uses it at a time; `close` may be called by another one and waits for it.

    Args:
        settings: The properties of the consumer.
        watch: Is told of each error that concerns no partition.

    Raises:
        NotUsable: The properties cannot be carried over, or librdkafka refuses them.
    """

    def __init__(self, settings: Mapping[str, Any], watch: Watch) -> None:
        self._library: Library = library()
        self._events = _Events(self._library.kafka, settings["logger"], watch)
        self._lock = threading.Lock()
        self._process = os.getpid()
        kafka = self._library.kafka
        self._client: int | None = _client(kafka, carried(settings), self._events)
        kafka.rd_kafka_poll_set_consumer(self._client)
        kafka.rd_kafka_set_log_queue(self._client, None)
        self._queue = kafka.rd_kafka_queue_get_consumer(self._client)
        self._reader = self._library.own.brokerkit_open(self._library.functions, self._client, self._queue)
        if not self._reader:
            raise MemoryError
        self._destroy = weakref.finalize(
            self,
            _destroyed,
            os.getpid(),
            self._library,
            self._client,
            self._queue,
            self._reader,
            self._events,
        )
        # at exit a thread that reads may still be inside
        self._destroy.atexit = False

    def find_leaders(self, topic: str, timeout: float) -> None:
        """Ask for the leaders of a topic. Raises KafkaException."""
        kafka, found = self._library.kafka, ctypes.c_void_p()
        with self._lock:
            handle = kafka.rd_kafka_topic_new(self._open, topic.encode(), None)
            if not handle:
                raise KafkaException(KafkaError(KafkaError._INVALID_ARG))
            code = kafka.rd_kafka_metadata(
                self._client, 0, handle, ctypes.byref(found), round(timeout * 1000)
            )
            kafka.rd_kafka_topic_destroy(handle)
            if found:
                kafka.rd_kafka_metadata_destroy(found)
        if code:
            raise KafkaException(KafkaError(code))

    def assign(self, topic: str, partition: int, offset: int) -> None:
        """Begin to read a partition at an offset. Raises KafkaException."""
        kafka, name = self._library.kafka, topic.encode()
        with self._lock:
            client = self._open
            self._library.own.brokerkit_discard(self._reader)
            partitions = kafka.rd_kafka_topic_partition_list_new(1)
            kafka.rd_kafka_topic_partition_list_add(partitions, name, partition)
            kafka.rd_kafka_topic_partition_list_set_offset(partitions, name, partition, offset)
            code = kafka.rd_kafka_assign(client, partitions)
            kafka.rd_kafka_topic_partition_list_destroy(partitions)
        if code:
            said = _text(kafka.rd_kafka_err2str(code))
            raise KafkaException(KafkaError(code, f"Failed to set assignment: {said}"))

    def unassign(self) -> None:
        """Stop to read. Raises KafkaException."""
        with self._lock:
            client = self._open
            self._library.own.brokerkit_discard(self._reader)
            code = self._library.kafka.rd_kafka_assign(client, None)
        if code:
            raise KafkaException(KafkaError(code))

    def take(
        self, topic: str, partition: int, wait: float, rows: int, size: int, *, attributes: bool
    ) -> tuple[Columns | None, list[Reported]]:
        """Return the messages that are here, or else the first to arrive within `wait`, and the errors.

        None as the first stands for nothing at all.

        Args:
            topic: The topic that is assigned.
            partition: Its partition.
            wait: Seconds.
            rows: The most rows.
            size: The most bytes, unless one message has more.
            attributes: Whether to read the headers.

        Raises:
            KafkaException: A fatal error.
            TooLarge: A message does not fit in a column.
        """
        end = time.monotonic() + wait
        while True:
            left = max(0.0, end - time.monotonic())
            batch = Batch()
            with self._lock:
                _ = self._open
                code = self._library.own.brokerkit_fill(
                    self._reader,
                    ctypes.byref(batch),
                    -(-int(min(left, SLICE_SECONDS) * 1e6) // 1000),
                    rows,
                    size,
                    attributes,
                )
                if code == -1:
                    raise MemoryError(f"reading {topic!r}")
                if code:
                    raise TooLarge(_TOO_LARGE)
                if batch.rows or batch.has_error:
                    return self._taken(batch, topic, partition)
            if self._events.fatal is not None:
                raise self._events.fatal
            if left <= SLICE_SECONDS:
                return None, []

    def _taken(self, batch: Batch, topic: str, partition: int) -> tuple[Columns, list[Reported]]:
        columns = Columns.empty()
        if batch.rows:
            columns = to_columns(self._library, batch, topic, partition)
        if not batch.has_error:
            return columns, []
        return columns, [Reported(_error(batch.error, batch.error_text), batch.error_offset)]

    @property
    def _open(self) -> int:
        if self._client is None:
            raise RuntimeError("Consumer closed")
        return self._client

    def close(self) -> None:
        """Close the client, which can take half a minute if the broker is gone."""
        with self._lock:
            client, self._client = self._client, None
        if client is None:
            return
        # a forked child leaves the client to its parent
        if os.getpid() == self._process:
            self._library.own.brokerkit_discard(self._reader)
            self._library.kafka.rd_kafka_consumer_close(client)
        self._destroy()


def _client(kafka: Any, given: Mapping[str, Any], events: _Events) -> int:
    said = ctypes.create_string_buffer(TEXT_BYTES)
    settings = kafka.rd_kafka_conf_new()
    for name, value in {**given, "log.queue": "true"}.items():
        if kafka.rd_kafka_conf_set(settings, name.encode(), str(revealed(value)).encode(), said, TEXT_BYTES):
            kafka.rd_kafka_conf_destroy(settings)
            raise NotUsable(f"librdkafka refuses {name}")
    kafka.rd_kafka_conf_set_error_cb(settings, events.on_error)
    kafka.rd_kafka_conf_set_log_cb(settings, events.on_log)
    client: int | None = kafka.rd_kafka_new(CONSUMER, settings, said, TEXT_BYTES)
    if not client:
        kafka.rd_kafka_conf_destroy(settings)
        raise NotUsable("librdkafka refuses the properties")
    return client


def _destroyed(process: int, found: Library, client: int, queue: int, reader: int, _: _Events) -> None:
    """Destroy a client. A forked child leaves that to its parent: it has not the threads of the client."""
    if os.getpid() != process:
        return
    found.own.brokerkit_close(reader)
    found.kafka.rd_kafka_queue_destroy(queue)
    found.kafka.rd_kafka_destroy_flags(client, WITHOUT_CLOSING)


def _text(said: bytes | None) -> str:
    return "" if said is None else said.decode("utf-8", "replace")


def _error(code: int, said: bytes | None, *, fatal: bool = False) -> KafkaError:
    """Return an error. Without a text of its own it has that of its code."""
    return KafkaError(code, _text(said) or None, fatal)
