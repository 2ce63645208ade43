"""Creation and deletion of streams, subjects and durable consumers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nats.js import errors as js_errors

from brokerkit.core.contract.driver import SubscriptionRequest
from brokerkit.core.contract.options import check_options
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError, NotFound, NotSupported

from .connection import NatsConnection
from .durable import create_durable, nanoseconds
from .source import find_source, parse_topic, streams_of
from .subjects import check_name, check_subject, covered, overlap, stream_name_for

KNOWN: Mapping[str, str] = {
    "stream": "name of the stream (default: made from the topic); one that exists gets the subject added",
    "subjects": "further subjects of a new stream",
    "storage": "'file' or 'memory'",
    "retention": "'limits', 'interest' or 'workqueue'",
    "discard": "'old' or 'new': what goes when a limit is reached",
    "max_age": "seconds after which messages are deleted",
    "max_bytes": "size of the stream at most",
    "max_msgs": "number of messages at most",
    "max_msgs_per_subject": "number of messages of one subject at most",
    "max_msg_size": "size of a message at most",
    "duplicate_window": "seconds within which a message published twice is stored once (120)",
    "num_replicas": "copies in a cluster",
    "description": "a text kept with the stream",
    "allow_direct": "true: messages may be read directly",
}
_CHOICES = {
    "storage": ("file", "memory"),
    "retention": ("limits", "interest", "workqueue"),
    "discard": ("old", "new"),
}
_NUMBERS = ("max_bytes", "max_msgs", "max_msgs_per_subject", "max_msg_size", "num_replicas")
_SECONDS = ("max_age", "duplicate_window")
_EXISTING_ONLY = ("stream",)


async def create_topic(link: NatsConnection, topic: str, options: Mapping[str, Any], timeout: float) -> None:
    """Create a stream for a subject, or add the subject to the stream that `stream=` names.

    The topic ``stream:NAME`` with ``subjects=[...]`` creates a stream of that name.

    Raises:
        AlreadyExists: A stream already stores the subject, or has the name without being named by the caller.
        ConfigError: An option is wrong, or cannot be applied to an existing stream.
        NotSupported: Partitions were requested.
    """
    if "partitions" in options:
        raise NotSupported(
            "JetStream has no partitions; the nearest is one subject for each: orders.0, orders.1"
        )
    given = check_options(options, KNOWN)
    named, subject = parse_topic(topic)
    subjects = _subjects(given, subject)
    for each in subjects:
        holders = await streams_of(link, each, timeout)
        if holders:
            raise AlreadyExists(f"stream {holders[0]!r} stores {each!r} already")
    chosen = given.get("stream")
    if named is not None and chosen not in (None, named):
        raise ConfigError(f"the topic names the stream {named!r} and the option stream= {chosen!r}")
    name = named or (check_name(str(chosen), "stream") if chosen else stream_name_for(subjects[0]))
    existing = await _config_of(link, name, timeout)
    if existing is None:
        await link.request(f"STREAM.CREATE.{name}", _configuration(name, subjects, given), timeout)
        return
    held = existing.get("subjects") or ["no subject"]
    if not chosen:
        raise AlreadyExists(
            f"there is a stream {name!r} already, with {', '.join(held)}; "
            f"stream={name!r} adds {subjects[0]!r} to it, another stream= creates a new one"
        )
    more = sorted(set(given) - set(_EXISTING_ONLY) - {"subjects"})
    if more:
        raise ConfigError(
            f"stream {name!r} exists; {', '.join(more)} would not be applied to it: leave them out"
        )
    existing["subjects"] = [*(existing.get("subjects") or ()), *subjects]
    await link.request(f"STREAM.UPDATE.{name}", existing, timeout)


def _subjects(given: Mapping[str, Any], subject: str | None) -> list[str]:
    further = given.get("subjects") or ()
    if isinstance(further, str):
        raise ConfigError("subjects must be a list of subjects")
    subjects = list(dict.fromkeys([*([subject] if subject is not None else []), *map(str, further)]))
    if not subjects:
        raise ConfigError("a stream stores subjects: create_topic('orders.>'), or subjects=['orders.>']")
    for each in subjects:
        check_subject(each, wildcards=True)
    return subjects


async def _config_of(link: NatsConnection, name: str, timeout: float) -> dict[str, Any] | None:
    try:
        config: dict[str, Any] = (await link.stream_info(name, timeout))["config"]
    except NotFound:
        return None
    return config


def _configuration(name: str, subjects: list[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a new stream. Raise ConfigError if a value is wrong."""
    config: dict[str, Any] = {"name": name, "subjects": subjects, "storage": "file", "retention": "limits"}
    for option, choices in _CHOICES.items():
        if option in given:
            if given[option] not in choices:
                raise ConfigError(
                    f"{option} must be {' or '.join(map(repr, choices))}, not {given[option]!r}"
                )
            config[option] = given[option]
    for option in _NUMBERS:
        if option in given:
            try:
                config[option] = int(given[option])
            except (TypeError, ValueError):
                raise ConfigError(f"{option} must be a whole number, not {given[option]!r}") from None
    for option in _SECONDS:
        if option in given:
            config[option] = nanoseconds(given[option], option)
    if given.get("description"):
        config["description"] = str(given["description"])
    config["allow_direct"] = bool(given.get("allow_direct", True))
    return config


async def delete_topic(link: NatsConnection, topic: str, timeout: float) -> None:
    """Delete a topic's messages, and its stream if that stores nothing else.

    The topic ``stream:NAME`` deletes the stream. If the stream has further subjects, the messages of this
    subject are purged, and the subject is removed from the stream's list if it is there.

    Raises:
        NotFound: No stream stores the topic.
    """
    source = await find_source(link, topic, timeout)
    path = source.stream
    if not source.filters or source.whole_stream:
        await link.request(f"STREAM.DELETE.{path}", None, timeout)
        return
    for wanted in source.filters:
        await link.request(f"STREAM.PURGE.{path}", {"filter": wanted}, timeout)
    kept = [each for each in source.subjects if not covered(each, [topic])]
    if len(kept) < len(source.subjects):
        config = (await link.stream_info(path, timeout))["config"]
        config["subjects"] = kept
        await link.request(f"STREAM.UPDATE.{path}", config, timeout)


async def create_subscription(link: NatsConnection, request: SubscriptionRequest, timeout: float) -> None:
    """Create a durable pull consumer.

    Raises:
        AlreadyExists: There is a consumer of this name, with any configuration.
        NotFound: No stream stores the topic.
    """
    topic, name = request.topic, request.subscription
    check_name(name, "consumer (subscription)")
    source = await find_source(link, topic, timeout)
    if await link.consumer_info(source.stream, name, timeout) is not None:
        raise AlreadyExists(f"stream {source.stream!r} has a consumer {name!r} already")
    try:
        await create_durable(link, source, name, request.options, request.start, timeout)
    except js_errors.BadRequestError as error:
        held = (*source.subjects, *source.stored)
        if error.err_code == 10093 and not any(overlap(each, topic) for each in held):
            raise NotFound(f"stream {source.stream!r} does not store {topic!r}") from error
        raise
