"""Lookup of the stream of a topic, and of the filters that select the topic's messages in it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError, NotFound, Unavailable

from .connection import JetStreamConnection
from .subjects import STREAM_PREFIX, check_name, check_subject, covered, covers, overlap, same_selection
from .transforms import Transform, apart, copied_transforms, disjoint, transform_of


@dataclass(frozen=True)
class Source:
    """A stream, and the filters that select a topic's messages in it.

    Attributes:
        topic: The topic.
        stream: The name of the stream.
        filters: The filters; empty for all messages of the stream.
        subjects: The subjects to which the stream listens; empty for a mirror.
        retention: The stream's retention policy.
        stored: The subjects under which the stream stores messages.
        own: The filters without the topic itself, if all messages published to it are stored elsewhere.
    """

    topic: str
    stream: str
    filters: tuple[str, ...]
    subjects: tuple[str, ...]
    retention: str
    stored: tuple[str, ...]
    own: tuple[str, ...]

    @property
    def whole_stream(self) -> bool:
        """Whether the topic includes everything that the stream listens to."""
        return not self.filters or (
            bool(self.stored) and all(covered(each, self.filters) for each in self.stored)
        )

    def reads(self, filters: Sequence[str]) -> bool:
        """Return whether a consumer with these filters receives any of the topic's messages."""
        if not filters or not self.filters:
            return True
        return any(overlap(each, mine) for each in filters for mine in self.filters)

    def chosen_by(self, filters: Sequence[str]) -> bool:
        """Return whether a consumer with these filters receives exactly the topic's messages."""
        return any(same_selection(filters, mine, self.stored) for mine in (self.filters, self.own))


def window_of(config: Mapping[str, Any]) -> timedelta:
    """Return the duplicate window in a stream's configuration."""
    return timedelta(microseconds=int(config.get("duplicate_window") or 0) // 1000)


def filter_config(filters: Sequence[str]) -> dict[str, Any]:
    """Return filters as entries of a consumer's configuration."""
    if len(filters) > 1:
        return {"filter_subjects": list(filters)}
    return {"filter_subject": filters[0]} if filters else {}


def parse_topic(topic: str) -> tuple[str | None, str | None]:
    """Return a topic as (stream, subject), one of which is None.

    The topic ``stream:NAME`` names a stream. Any other topic is a subject.

    Raises:
        ConfigError: The name or the subject is malformed.
    """
    if topic.startswith(STREAM_PREFIX):
        return check_name(topic.removeprefix(STREAM_PREFIX), "stream"), None
    check_subject(topic, wildcards=True)
    return None, topic


async def find_source(connection: JetStreamConnection, topic: str, timeout: float) -> Source:
    """Return the stream of a topic, and the filters for the topic's messages in it.

    Raises:
        ConfigError: The topic is malformed or ambiguous.
        NotFound: No stream stores the topic.
    """
    stream, subject = parse_topic(topic)
    deadline = time.monotonic() + timeout
    if stream is None:
        stream = connection.options.stream
    if stream is None:
        assert subject is not None
        stream = await _stream_of(connection, subject, timeout)
    info = await connection.stream_info(stream, max(0.1, deadline - time.monotonic()))
    config = info["config"]
    subjects = tuple(config.get("subjects") or ())
    transform = transform_of(config.get("subject_transform"))
    stored = _stored(subjects, transform)
    filters, own = _filters(subject, stream, subjects, transform)
    stores = [*subjects, *stored, *(each.pattern for each in copied_transforms(config))]
    copies = bool(config.get("sources"))
    if subject is not None and subjects and not copies and not any(overlap(each, subject) for each in stores):
        raise NotFound(f"stream {stream!r} does not store {subject!r}; it stores {', '.join(subjects)}")
    retention = str(config.get("retention", "limits"))
    return Source(topic, stream, filters, subjects, retention, stored, own)


def _stored(subjects: Sequence[str], transform: Transform | None) -> tuple[str, ...]:
    """Return the subjects under which a stream stores what it listens to."""
    if transform is None:
        return tuple(subjects)
    found: list[str] = []
    for each in subjects:
        if overlap(transform.source, each):
            found.append(transform.mapped(each).pattern)
        if not covers(transform.source, each):
            found.append(each)
    return apart(found)


def _filters(
    subject: str | None, stream: str, subjects: Sequence[str], transform: Transform | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the filters for messages published to a subject or stored under it.

    Returns:
        These filters, and those without the subject itself, if all messages published to it are stored
        elsewhere.

    Raises:
        ConfigError: A transform stores the messages together with others.
    """
    if subject is None:
        return (), ()
    listened = any(overlap(each, subject) for each in subjects)
    if transform is None or not listened or not overlap(transform.source, subject):
        return (subject,), (subject,)
    mapped = transform.mapped(subject)
    found = apart([mapped.pattern, subject])
    if not mapped.exact or not disjoint(found):
        raise ConfigError(
            f"the stream {stream!r} transforms subjects ({transform}), and what is published to {subject!r} "
            f"is stored together with others: look at {mapped.pattern!r}, where it is, or at "
            f"{STREAM_PREFIX + stream!r}"
        )
    return found, (mapped.pattern,) if covers(transform.source, subject) else found


async def _stream_of(connection: JetStreamConnection, subject: str, timeout: float) -> str:
    names = await streams_of(connection, subject, timeout) or await _storing(connection, subject, timeout)
    if not names:
        raise NotFound(await why_not_stored(connection, subject, timeout))
    if len(names) > 1:
        raise ConfigError(
            f"{subject!r} is stored by several streams ({', '.join(names)}): name one, "
            f"as in {STREAM_PREFIX + names[0]!r}, or connect with stream=NAME"
        )
    return names[0]


async def streams_of(connection: JetStreamConnection, subject: str, timeout: float) -> list[str]:
    """Return the names of the streams that listen to a subject."""
    answer = await connection.request("STREAM.NAMES", {"subject": subject}, timeout)
    return list(answer.get("streams") or [])


async def _storing(connection: JetStreamConnection, subject: str, timeout: float) -> list[str]:
    """Return the streams that store a subject without listening to it, by a transform or as copies."""
    transformed: list[str] = []
    copied: list[str] = []
    async for info in connection.pages("STREAM.LIST", "streams", timeout):
        config = info["config"]
        name = str(config["name"])
        transform = transform_of(config.get("subject_transform"))
        if transform is not None and overlap(transform.pattern, subject):
            transformed.append(name)
        elif config.get("sources") or config.get("mirror"):
            with contextlib.suppress(NotFound):
                found = await connection.stream_info(name, timeout, subjects=subject, offset=0)
                if found["state"].get("subjects"):
                    copied.append(name)
    return transformed or copied


async def why_not_stored(connection: JetStreamConnection, subject: str, timeout: float) -> str:
    """Return the reason why a subject is not stored, and what to do."""
    async for info in connection.pages("STREAM.LIST", "streams", timeout):
        config = info["config"]
        republished = transform_of(config.get("republish"))
        if republished is not None and overlap(republished.pattern, subject):
            return (
                f"no stream stores the subject {subject!r}: the stream {config['name']!r} republishes its "
                f"messages there ({republished}) to those that listen at that moment; look at "
                f"{STREAM_PREFIX + config['name']!r}, or store them with create_topic({subject!r})"
            )
        transform = transform_of(config.get("subject_transform"))
        if transform is not None and overlap(transform.pattern, subject):
            return (
                f"no stream listens to the subject {subject!r}: the stream {config['name']!r} stores there "
                f"what is published to {transform.source!r} ({transform}); publish to that"
            )
    return no_stream(subject)


def no_stream(subject: str) -> str:
    """Return the text of an error for a subject that no stream stores."""
    return (
        f"no stream stores the subject {subject!r}; topics() lists those that exist, "
        f"create_topic({subject!r}) creates a stream for it"
    )


async def is_stored(connection: JetStreamConnection, subject: str, timeout: float) -> bool:
    """Return whether a stream stores a subject.

    Raises:
        Unavailable: The server did not answer in time.
    """
    try:
        return bool(await streams_of(connection, subject, timeout))
    except TimeoutError as error:
        raise Unavailable("the NATS server did not answer in time") from error
