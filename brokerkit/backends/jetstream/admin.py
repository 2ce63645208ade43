"""Creation and deletion of streams, subjects and durable consumers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nats.js import errors as js_errors

from brokerkit.core.contract.consumer import SubscriptionRequest
from brokerkit.core.contract.options import SECONDS, WHOLE, Option, OptionTable, choice, flag, text, texts
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError, NotFound, NotSupported

from .connection import JetStreamConnection
from .durable import NANOSECONDS, create_durable
from .source import find_source, parse_topic, streams_of
from .subjects import check_name, check_subject, covered, overlap, stream_name_for

TOPIC_OPTIONS = OptionTable(
    {
        "stream": Option(
            text,
            "name of the stream (default: made from the topic); an existing stream gets the subject added",
        ),
        "subjects": Option(texts, "additional subjects of a new stream"),
        "storage": Option(choice("file", "memory"), "'file' or 'memory'", "file"),
        "retention": Option(
            choice("limits", "interest", "workqueue"), "'limits', 'interest' or 'workqueue'", "limits"
        ),
        "discard": Option(
            choice("old", "new"), "'old' or 'new': which messages are discarded when a limit is reached"
        ),
        "max_age": Option(SECONDS, "seconds after which messages are deleted"),
        "max_bytes": Option(WHOLE, "maximum size of the stream in bytes"),
        "max_msgs": Option(WHOLE, "maximum number of messages"),
        "max_msgs_per_subject": Option(WHOLE, "maximum number of messages per subject"),
        "max_msg_size": Option(WHOLE, "maximum size of a message in bytes"),
        "duplicate_window": Option(
            SECONDS, "seconds within which a message published twice is stored once (120)"
        ),
        "num_replicas": Option(WHOLE, "number of replicas in a cluster"),
        "description": Option(text, "description stored with the stream"),
        "allow_direct": Option(flag, "true: allow direct reads", True),
    }
)
_NOT_IN_CONFIGURATION = ("stream", "subjects")
_SECONDS = ("max_age", "duplicate_window")


async def create_topic(
    connection: JetStreamConnection, topic: str, options: Mapping[str, Any], timeout: float
) -> None:
    """Create a stream for a subject, or add the subject to the stream that `stream=` names.

    The topic ``stream:NAME`` with ``subjects=[...]`` creates a stream of that name.

    Raises:
        AlreadyExists: A stream already stores the subject, or has the name without being named by the caller.
        ConfigError: An option is wrong, or cannot be applied to an existing stream.
        NotSupported: Partitions were requested.
    """
    if "partitions" in options:
        raise NotSupported(
            "JetStream has no partitions; use one subject for each instead: orders.0, orders.1"
        )
    given = TOPIC_OPTIONS.read(options)
    named, subject = parse_topic(topic)
    subjects = _subjects(given, subject)
    for each in subjects:
        holders = await streams_of(connection, each, timeout)
        if holders:
            raise AlreadyExists(f"stream {holders[0]!r} stores {each!r} already")
    chosen = given["stream"]
    if named is not None and chosen not in (None, named):
        raise ConfigError(f"the topic names the stream {named!r} and the option stream= {chosen!r}")
    name = named or (check_name(chosen, "stream") if chosen else stream_name_for(subjects[0]))
    existing = await _config_of(connection, name, timeout)
    if existing is None:
        await connection.request(f"STREAM.CREATE.{name}", _configuration(name, subjects, given), timeout)
        return
    held = existing.get("subjects") or ["no subject"]
    if not chosen:
        raise AlreadyExists(
            f"there is a stream {name!r} already, with {', '.join(held)}; "
            f"stream={name!r} adds {subjects[0]!r} to it, another stream= creates a new one"
        )
    more = sorted(set(options) - set(_NOT_IN_CONFIGURATION))
    if more:
        raise ConfigError(
            f"stream {name!r} exists; {', '.join(more)} would not be applied to it: leave them out"
        )
    existing["subjects"] = [*(existing.get("subjects") or ()), *subjects]
    await connection.request(f"STREAM.UPDATE.{name}", existing, timeout)


def _subjects(given: Mapping[str, Any], subject: str | None) -> list[str]:
    own = [] if subject is None else [subject]
    subjects = list(dict.fromkeys([*own, *(given["subjects"] or ())]))
    if not subjects:
        raise ConfigError("a stream stores subjects: create_topic('orders.>'), or subjects=['orders.>']")
    for each in subjects:
        check_subject(each, wildcards=True)
    return subjects


async def _config_of(connection: JetStreamConnection, name: str, timeout: float) -> dict[str, Any] | None:
    try:
        config: dict[str, Any] = (await connection.stream_info(name, timeout))["config"]
    except NotFound:
        return None
    return config


def _configuration(name: str, subjects: list[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a new stream."""
    config: dict[str, Any] = {"name": name, "subjects": subjects}
    for option, value in given.items():
        if value is not None and option not in _NOT_IN_CONFIGURATION:
            config[option] = round(value * NANOSECONDS) if option in _SECONDS else value
    return config


async def delete_topic(connection: JetStreamConnection, topic: str, timeout: float) -> None:
    """Delete a topic's messages, and its stream if that stores nothing else.

    The topic ``stream:NAME`` deletes the stream. If the stream has further subjects, the messages of this
    subject are purged, and the subject is removed from the stream's list if it is there.

    Raises:
        NotFound: No stream stores the topic.
    """
    source = await find_source(connection, topic, timeout)
    path = source.stream
    if not source.filters or source.whole_stream:
        await connection.request(f"STREAM.DELETE.{path}", None, timeout)
        return
    for wanted in source.filters:
        await connection.request(f"STREAM.PURGE.{path}", {"filter": wanted}, timeout)
    kept = [each for each in source.subjects if not covered(each, [topic])]
    if len(kept) < len(source.subjects):
        config = (await connection.stream_info(path, timeout))["config"]
        config["subjects"] = kept
        await connection.request(f"STREAM.UPDATE.{path}", config, timeout)


async def create_subscription(
    connection: JetStreamConnection, request: SubscriptionRequest, timeout: float
) -> None:
    """Create a durable pull consumer.

    Raises:
        AlreadyExists: There is a consumer of this name, with any configuration.
        NotFound: No stream stores the topic.
    """
    topic, name = request.topic, request.subscription
    check_name(name, "consumer (subscription)")
    source = await find_source(connection, topic, timeout)
    if await connection.consumer_info(source.stream, name, timeout) is not None:
        raise AlreadyExists(f"stream {source.stream!r} has a consumer {name!r} already")
    try:
        await create_durable(connection, source, name, request.options, request.start, timeout)
    except js_errors.BadRequestError as error:
        held = (*source.subjects, *source.stored)
        if error.err_code == 10093 and not any(overlap(each, topic) for each in held):
            raise NotFound(f"stream {source.stream!r} does not store {topic!r}") from error
        raise
