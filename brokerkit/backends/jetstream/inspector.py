"""The inspector: streams and subjects, read without side effects."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from brokerkit.core.contract.inspector import InspectorDriver
from brokerkit.core.vocabulary.errors import NotFound
from brokerkit.core.vocabulary.topics import (
    Bounds,
    PublishTerms,
    TopicDescription,
    TopicInfo,
)
from brokerkit.core.vocabulary.windows import TimeOrder

from .confirmation import confirmation, sync_interval
from .connection import JetStreamConnection
from .durable import filters_of
from .loop import LoopThread
from .operating import consumer_info
from .reader import READER_PREFIX
from .source import Source, find_source, window_of
from .stored import first_at
from .stream_settings import placement, settings_of
from .subjects import STREAM_PREFIX, can_filter, covered, is_wildcard, overlap
from .transforms import transform_of

MAX_SUBJECTS = 10_000
"""Most subjects of a stream that are listed one by one. A stream with more is listed as a single row."""
INTERNAL_PREFIXES = ("KV_", "OBJ_")
SHOWN_CONFIG = (
    "subjects",
    "subject_transform",
    "republish",
    "mirror",
    "sources",
    "storage",
    "retention",
    "max_msgs",
    "max_bytes",
    "num_replicas",
)


class JetStreamInspector(InspectorDriver):
    """An inspector of a NATS server. It changes nothing.

    A topic is a subject of a stream; ``stream:NAME`` is a whole stream.
    """

    def __init__(self, loop: LoopThread, connection: JetStreamConnection) -> None:
        self._loop = loop
        self._connection = connection

    def topics(self, timeout: float) -> list[TopicInfo]:
        """Return one row for each subject that has messages or that a stream listens to."""
        return self._loop.run(self._topics(timeout), timeout)

    async def _topics(self, timeout: float) -> list[TopicInfo]:
        rows: list[TopicInfo] = []
        async for info in self._connection.pages("STREAM.LIST", "streams", timeout):
            # the stream may have been deleted since it was listed
            with contextlib.suppress(NotFound):
                rows.extend(await self._rows(info, timeout))
        return rows

    async def _rows(self, info: Mapping[str, Any], timeout: float) -> list[TopicInfo]:
        config, state = info["config"], info["state"]
        name = config["name"]
        internal = name.startswith(INTERNAL_PREFIXES)
        details = {
            "stream": name,
            "storage": config.get("storage"),
            "retention": config.get("retention"),
            "consumers": state.get("consumer_count", 0),
        }
        listened = list(config.get("subjects") or ())
        transform = transform_of(config.get("subject_transform"))
        if transform is not None:
            details["subject_transform"] = str(transform)
        if state.get("num_subjects", 0) > MAX_SUBJECTS or not listened:
            details["subjects"] = state.get("num_subjects", 0)
            return [
                TopicInfo(
                    STREAM_PREFIX + name, None, state["messages"], state.get("bytes"), internal, details
                )
            ]
        counts = await self._counts(name, ">", timeout) if state["messages"] else {}
        own = listened if transform is None else [*listened, transform.pattern]
        silent = [
            each
            for each in listened
            if not any(covered(subject, [each]) for subject in counts)
            and not (transform is not None and overlap(transform.source, each))
        ]
        rows = [
            TopicInfo(subject, None, count, None, internal, details)
            for subject, count in counts.items()
            if covered(subject, own)
        ]
        rows.extend(TopicInfo(subject, None, 0, 0, internal, details) for subject in silent)
        copied = sum(count for subject, count in counts.items() if not covered(subject, own))
        if copied:
            # messages copied from other streams are found by the name of this stream only
            rows.append(TopicInfo(STREAM_PREFIX + name, None, state["messages"], None, internal, details))
        return rows

    async def _counts(self, stream: str, subject: str, timeout: float) -> dict[str, int]:
        """Return the number of messages of each subject that matches."""
        counts: dict[str, int] = {}
        while True:
            info = await self._connection.stream_info(stream, timeout, subjects=subject, offset=len(counts))
            page = info["state"].get("subjects") or {}
            counts.update(page)
            if not page or len(counts) >= info.get("total", 0):
                return counts

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        async def ask() -> list[Bounds]:
            source = await find_source(self._connection, topic, timeout)
            return [(await self._state(source, timeout))[1]]

        return self._loop.run(ask(), timeout)

    async def _state(self, source: Source, timeout: float) -> tuple[dict[str, Any], Bounds]:
        """Return the info of a topic's stream, and the topic's range in it."""
        info = await self._connection.stream_info(source.stream, timeout)
        state = info["state"]
        start = max(1, int(state["first_seq"]))
        end = max(start, int(state["last_seq"]) + 1)
        messages = int(state["messages"])
        wide = source.whole_stream and int(state.get("num_subjects", 0)) > MAX_SUBJECTS
        if source.filters and messages and not wide:
            messages = 0
            for each in source.filters:
                messages += sum((await self._counts(source.stream, each, timeout)).values())
        return info, Bounds(None, start, end, messages, counted="exact")

    def topics_within(self, topic: str, timeout: float) -> list[str] | None:
        return self._loop.run(self._topics_within(topic, timeout), timeout)

    async def _topics_within(self, topic: str, timeout: float) -> list[str] | None:
        source = await find_source(self._connection, topic, timeout)
        if source.filters and not any(map(is_wildcard, source.filters)):
            return None
        state = (await self._connection.stream_info(source.stream, timeout))["state"]
        if int(state.get("num_subjects", 0)) > MAX_SUBJECTS:
            return None
        found: set[str] = set()
        for each in source.filters or (">",):
            found.update(await self._counts(source.stream, each, timeout))
        return sorted(found) if all(map(can_filter, found)) else None

    def describe(self, topic: str, timeout: float) -> TopicDescription:
        # not on the event loop, because all connections share it
        synced = sync_interval(self._connection.options.monitor, timeout)
        return self._loop.run(self._describe(topic, synced, timeout), timeout)

    async def _describe(self, topic: str, synced: str, timeout: float) -> TopicDescription:
        source = await find_source(self._connection, topic, timeout)
        info, bounds = await self._state(source, timeout)
        subscriptions = [
            consumer_info(each, topic)
            async for each in self._connection.pages(f"CONSUMER.LIST.{source.stream}", "consumers", timeout)
            if not each["name"].startswith(READER_PREFIX) and source.reads(filters_of(each["config"]))
        ]
        state = {name: value for name, value in info["state"].items() if name != "subjects"}
        config = info["config"]
        shown = {name: config[name] for name in SHOWN_CONFIG if config.get(name)}
        if config.get("max_age"):
            shown["max_age_seconds"] = config["max_age"] / 1e9
        if source.filters and source.filters != (topic,):
            shown["stored_as"] = list(source.filters)
        shown["confirmation"] = confirmation(config, synced, info.get("cluster") or {})
        details = {"stream": source.stream, **shown, "config": config, "state": state}
        size = int(state["bytes"]) if not source.filters else None
        return TopicDescription(
            topic,
            (bounds,),
            tuple(subscriptions),
            size,
            details,
            placements={None: placement(info.get("cluster") or {}, size)},
            settings=settings_of(config),
        )

    def identity(self, topic: str, timeout: float) -> str:
        """Return the stream of a topic and when it was created."""

        async def ask() -> str:
            source = await find_source(self._connection, topic, timeout)
            info = await self._connection.stream_info(source.stream, timeout)
            return f"{source.stream} {info.get('created', '')}"

        return self._loop.run(ask(), timeout)

    def terms(self, topic: str, timeout: float) -> PublishTerms:
        """Return the duplicate window of a topic's stream and its limit of a message."""
        return self._loop.run(self._terms(topic, timeout), timeout)

    async def _terms(self, topic: str, timeout: float) -> PublishTerms:
        source = await find_source(self._connection, topic, timeout)
        config = (await self._connection.stream_info(source.stream, timeout))["config"]
        largest = int(config.get("max_msg_size") or -1)
        return PublishTerms(max_bytes=largest if largest > 0 else None, known_again=window_of(config))

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        async def ask() -> dict[int | None, int]:
            source = await find_source(self._connection, topic, timeout)
            state = (await self._connection.stream_info(source.stream, timeout))["state"]
            found = await first_at(
                self._connection, source.stream, source.filters, state, microseconds, timeout
            )
            return {} if found is None else {None: found}

        return self._loop.run(ask(), timeout)

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        return "sorted"
