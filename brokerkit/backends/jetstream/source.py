"""Which stream a topic means, and which of its messages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from brokerkit.core.errors import ConfigError, NotFound, Unavailable

from .link import Link
from .subjects import STREAM_PREFIX, check_name, check_subject, covered, overlap


@dataclass(frozen=True)
class Source:
    """A stream, and the filter that chooses the topic's messages in it; None: all of them.

    subjects: what the stream listens to; a mirror listens to nothing.
    """

    topic: str
    stream: str
    filter: str | None
    subjects: tuple[str, ...]
    retention: str

    @property
    def whole_stream(self) -> bool:
        """Whether the topic is all that the stream listens to."""
        return self.filter is None or (
            bool(self.subjects) and all(covered(each, [self.filter]) for each in self.subjects)
        )

    @property
    def filters(self) -> Sequence[str]:
        return () if self.filter is None else (self.filter,)


def parse_topic(topic: str) -> tuple[str | None, str | None]:
    """A topic as (stream, subject): ``stream:NAME`` names a stream, all else is a subject."""
    if topic.startswith(STREAM_PREFIX):
        return check_name(topic.removeprefix(STREAM_PREFIX), "stream"), None
    check_subject(topic, wildcards=True)
    return None, topic


async def find_source(link: Link, topic: str, timeout: float) -> Source:
    """Look the topic up. Raises NotFound that says how to create it."""
    stream, subject = parse_topic(topic)
    deadline = time.monotonic() + timeout
    if stream is None:
        stream = link.options.stream
    if stream is None:
        assert subject is not None
        stream = await _stream_of(link, subject, timeout)
    info = await link.stream_info(stream, max(0.1, deadline - time.monotonic()))
    config = info["config"]
    subjects = tuple(config.get("subjects") or ())
    if subject is not None and subjects and not any(overlap(each, subject) for each in subjects):
        raise NotFound(f"stream {stream!r} does not store {subject!r}; it stores {', '.join(subjects)}")
    return Source(topic, stream, subject, subjects, str(config.get("retention", "limits")))


async def _stream_of(link: Link, subject: str, timeout: float) -> str:
    names = await streams_of(link, subject, timeout)
    if not names:
        raise NotFound(no_stream(subject))
    if len(names) > 1:
        raise ConfigError(
            f"{subject!r} is stored by several streams ({', '.join(names)}): name one, "
            f"as in {STREAM_PREFIX + names[0]!r}, or connect with stream=NAME"
        )
    return names[0]


async def streams_of(link: Link, subject: str, timeout: float) -> list[str]:
    """The names of the streams that store something of a subject."""
    answer = await link.request("STREAM.NAMES", {"subject": subject}, timeout)
    return list(answer.get("streams") or [])


def no_stream(subject: str) -> str:
    return (
        f"no stream stores the subject {subject!r}; topics() lists what is there, "
        f"create_topic({subject!r}) creates a stream for it"
    )


async def is_stored(link: Link, subject: str, timeout: float) -> bool:
    """Whether a stream stores a subject. Raises Unavailable when the server does not say."""
    try:
        return bool(await streams_of(link, subject, timeout))
    except TimeoutError as error:
        raise Unavailable("the NATS server did not answer in time") from error
