"""The reader: slices of a stream, read without side effects.

A short-lived consumer without acknowledgements delivers the messages. It is deleted afterwards, or by the
server half a minute after this process has died. A work queue does not allow a second consumer, so its
messages are requested one by one.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from bisect import bisect_left
from collections.abc import Sequence

from brokerkit.core.contract.garbage_collection import gc_paused
from brokerkit.core.contract.inspector import ReaderDriver
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import NotFound
from brokerkit.core.vocabulary.topics import Slice

from .client_internals import Arrived
from .codec import delivery_at, sequence_of, to_columns
from .connection import JetStreamConnection, log
from .headers import inbound
from .loop import LoopThread
from .pull import NotServed, Pull
from .source import Source, filter_config, find_source
from .stored import Stored, next_stored
from .subjects import subject_that_creates

READER_PREFIX = "brokerkit-reader-"
INACTIVE_SECONDS = 30
READ_ANSWER_SECONDS = 10.0
"""How long an answer may take that may bring many messages."""
BATCH = 5_000
AHEAD = 2_500
GET_BATCH = 200
GET_SECONDS = 1.0
"""After this time messages that were requested one by one are returned, even if they are fewer."""


class JetStreamReader(ReaderDriver):
    """A reader of one slice after the other."""

    def __init__(self, loop: LoopThread, connection: JetStreamConnection) -> None:
        self._loop = loop
        self._connection = connection
        self._source: Source | None = None
        self._filters: tuple[str, ...] = ()
        self._next = 0
        self._end = 0
        self._attributes = True
        self._done = True
        self._pull: Pull | None = None
        self._consumer = ""
        self._delivered = 0
        self._epoch = 0
        self._lost = False

    def start(self, slice_: Slice, *, attributes: bool) -> None:
        self._attributes = attributes
        self._loop.run(self._start(slice_), 2 * READ_ANSWER_SECONDS)

    async def _start(self, slice_: Slice) -> None:
        await self._leave(READ_ANSWER_SECONDS)
        self._source = source = await find_source(self._connection, slice_.topic, READ_ANSWER_SECONDS)
        # those of a work queue are each asked for every message
        few = slice_.only if source.retention != "workqueue" or len(slice_.only or ()) == 1 else None
        self._filters = source.filters if few is None else few
        self._next, self._end = max(1, slice_.start), slice_.end
        self._done = slice_.empty
        if not self._done and self._source.retention != "workqueue":
            await self._join()

    async def _join(self) -> None:
        """Create a new consumer that delivers from `_next` on."""
        source = self._source
        assert source is not None
        await self._leave(READ_ANSWER_SECONDS)
        name = READER_PREFIX + uuid.uuid4().hex
        config = {
            "name": name,
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._next,
            "replay_policy": "instant",
            "inactive_threshold": INACTIVE_SECONDS * 1_000_000_000,
            "mem_storage": True,
            "num_replicas": 1,
        }
        config.update(filter_config(self._filters))
        subject = subject_that_creates(source.stream, name, self._filters)
        body = {"stream_name": source.stream, "config": config, "action": "create"}
        info = await self._connection.request(subject, body, READ_ANSWER_SECONDS)
        self._consumer = name
        self._delivered = 0
        self._epoch = self._connection.epoch
        self._lost = False
        self._done = not info.get("num_pending")
        if not self._done:
            pull = Pull(self._connection, source.stream, name, info["config"], ahead=AHEAD)
            await pull.open()
            self._pull = pull

    def fetch(self, wait: float) -> Columns | None:
        assert self._source is not None
        if self._done or self._next >= self._end:
            return None
        if self._source.retention == "workqueue":
            return self._got()
        try:
            with gc_paused():
                messages = self._loop.run(self._pull_some(wait), wait + 2 * READ_ANSWER_SECONDS)
                if messages is None:
                    return None
                columns = to_columns(messages, attributes=self._attributes, counts=False)
        except BaseException:
            # messages that may have been taken are read again
            self._lost = True
            raise
        if not columns.length:
            return columns
        self._pass_over(messages)
        offsets = columns.offset
        if offsets[-1] >= self._end:
            columns = columns.slice(0, bisect_left(offsets, self._end))
            self._done = True
        return columns if columns.length else None

    async def _pull_some(self, wait: float) -> Sequence[Arrived] | None:
        """Return the messages that arrive within `wait` seconds, without a gap; None at the end."""
        if self._lost or self._epoch != self._connection.epoch or self._pull is None:
            await self._join()
            if self._pull is None:
                return None
        try:
            messages = await self._pull.take(min(BATCH, max(1, self._end - self._next)), wait)
        except (NotFound, NotServed) as error:
            log.info("the reading consumer was deleted; continuing with a new one: %s", error)
            await self._leave(READ_ANSWER_SECONDS)
            return []
        if not messages:
            return await self._nothing_came()
        first, last = messages[0].reply.split("."), messages[-1].reply.split(".")
        at = delivery_at(last)
        if int(first[at + 2]) != self._delivered + 1 or int(last[at + 2]) != self._delivered + len(messages):
            # nothing is acknowledged, so lost messages are read again
            await self._leave(READ_ANSWER_SECONDS)
            return []
        return messages

    def _pass_over(self, messages: Sequence[Arrived]) -> None:
        """Continue behind messages. Called only once nothing can fail before they are returned."""
        last = messages[-1].reply.split(".")
        self._delivered += len(messages)
        self._next = sequence_of(messages[-1].reply) + 1
        if int(last[delivery_at(last) + 4]) == 0 or self._next >= self._end:
            self._done = True

    async def _nothing_came(self) -> Sequence[Arrived] | None:
        """Check whether any messages are left, because some may have been deleted in the meantime."""
        assert self._source is not None
        info = await self._connection.consumer_info(self._source.stream, self._consumer, READ_ANSWER_SECONDS)
        if info is None:
            await self._connection.stream_info(self._source.stream, READ_ANSWER_SECONDS)
            await self._leave(READ_ANSWER_SECONDS)
        elif not info.get("num_pending") and info["delivered"]["consumer_seq"] <= self._delivered:
            self._done = True
            return None
        return []

    def _got(self) -> Columns | None:
        """Return the next messages of a work queue."""
        found, done = self._loop.run(self._get_some(), 2 * READ_ANSWER_SECONDS)
        columns = _stored_columns(found, self._attributes) if found else None
        self._next, self._done = found[-1].sequence + 1 if found else self._end, done
        return columns

    async def _get_some(self) -> tuple[list[Stored], bool]:
        """Return the next messages, and whether they are the last ones."""
        assert self._source is not None
        stream, filters = self._source.stream, self._filters
        found: list[Stored] = []
        at, until = self._next, time.monotonic() + GET_SECONDS
        while at < self._end and len(found) < GET_BATCH and time.monotonic() < until:
            try:
                message = await next_stored(self._connection, stream, at, filters, READ_ANSWER_SECONDS)
            except Exception as error:
                if not found:
                    raise
                log.info("message %d of stream %s will be requested again: %s", at, stream, error)
                break
            if message is None or message.sequence >= self._end:
                return found, True
            found.append(message)
            at = message.sequence + 1
        return found, False

    async def _leave(self, timeout: float) -> None:
        """Delete the consumer. If that fails, the server deletes it after some time without use."""
        pull, self._pull = self._pull, None
        consumer, self._consumer = self._consumer, ""
        if not consumer or self._source is None or not self._connection.connected:
            return
        if pull is not None:
            await pull.abandon()
        with contextlib.suppress(Exception):
            await self._connection.request(f"CONSUMER.DELETE.{self._source.stream}.{consumer}", None, timeout)

    def stop(self) -> None:
        self._done = True
        self._loop.run(self._leave(READ_ANSWER_SECONDS), 2 * READ_ANSWER_SECONDS)

    def close(self, timeout: float) -> None:
        self._done = True
        self._loop.run(self._leave(timeout), timeout)


def _stored_columns(messages: Sequence[Stored], attributes: bool) -> Columns:
    read = [inbound(message.headers) for message in messages]
    times = [message.time for message in messages]
    offsets = [message.sequence for message in messages]
    return Columns(
        len(messages),
        topic=[message.subject for message in messages],
        offset=offsets,
        id=list(map(str, offsets)),
        key=[key for key, _ in read],
        value=[message.data for message in messages],
        attributes=[pairs for _, pairs in read] if attributes else None,
        publish_time=times,
        ingestion_time=times,
    )
