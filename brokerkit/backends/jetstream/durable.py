"""Durable consumers: how they are created, and what an existing one must be like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from nats.js import errors as js_errors

from brokerkit.core.contract.consumer import SubscriptionNotFound
from brokerkit.core.contract.options import SECONDS, WHOLE, Option, OptionTable, text, texts
from brokerkit.core.vocabulary.errors import ConfigError, NotFound, NotSupported
from brokerkit.core.vocabulary.positions import (
    AtId,
    AtOffset,
    AtOffsets,
    AtPlace,
    AtTime,
    Earliest,
    Latest,
    Position,
)

from .connection import JetStreamConnection
from .source import Source, filter_config
from .subjects import subject_that_creates

NANOSECONDS = 1_000_000_000
MAX_ACK_PENDING = 20_000

SUBSCRIPTION_OPTIONS = OptionTable(
    {
        "ack_wait": Option(SECONDS, "seconds until an unsettled message is redelivered (30)"),
        "max_deliver": Option(WHOLE, "maximum number of deliveries of a message; -1: no limit", -1),
        "max_ack_pending": Option(WHOLE, "maximum number of delivered, unsettled messages", MAX_ACK_PENDING),
        "description": Option(text, "description stored with the consumer"),
        "inactive_threshold": Option(SECONDS, "seconds without use after which the server deletes it"),
        "filter_subjects": Option(texts, "subjects to read instead of the topic's own"),
    }
)
"""Options for creating a durable consumer. An existing consumer keeps its own."""


def filters_of(config: Mapping[str, Any]) -> Sequence[str]:
    """Return the filters in a consumer's configuration. It is empty if the consumer reads everything."""
    several = config.get("filter_subjects")
    if several:
        return [str(each) for each in several]
    one = config.get("filter_subject")
    return [str(one)] if one else []


def check_existing(config: Mapping[str, Any], source: Source, name: str) -> None:
    """Raise ConfigError if a consumer reads another topic or cannot be used.

    Args:
        config: The consumer's configuration.
        source: What is to be read.
        name: The consumer's name.
    """
    found = filters_of(config)
    if not source.chosen_by(found):
        raise ConfigError(
            f"the consumer {name!r} of stream {source.stream!r} reads {_said(found)}, not {source.topic!r}; "
            "use its own topic, or another subscription name"
        )
    if config.get("deliver_subject"):
        raise ConfigError(
            f"{name!r} is a push consumer; brokerkit reads pull consumers: use another subscription name"
        )
    if config.get("ack_policy") != "explicit":
        raise ConfigError(
            f"the consumer {name!r} has the ack policy {config.get('ack_policy')!r}; only 'explicit' keeps "
            "unacknowledged messages: use another subscription name"
        )


def _said(filters: Sequence[str]) -> str:
    return " and ".join(map(repr, filters)) if filters else "all subjects"


def lock_seconds(config: Mapping[str, Any]) -> float:
    """Return how long a delivered message is locked for its consumer, in seconds."""
    waits = config.get("backoff") or [config.get("ack_wait") or 30 * NANOSECONDS]
    return float(min(waits)) / NANOSECONDS


def configuration(
    source: Source, name: str, options: Mapping[str, Any], state: Mapping[str, Any], start: Position
) -> dict[str, Any]:
    """Return the configuration of a new durable consumer.

    Args:
        source: What it reads.
        name: Its name.
        options: Its options; see `SUBSCRIPTION_OPTIONS`.
        state: The state of the stream.
        start: Where it starts.

    Raises:
        ConfigError: An option is unknown or wrong.
        NotSupported: The start position is not supported.
    """
    given = SUBSCRIPTION_OPTIONS.read(options)
    config: dict[str, Any] = {
        "durable_name": name,
        "name": name,
        "ack_policy": "explicit",
        "replay_policy": "instant",
        "max_ack_pending": given["max_ack_pending"],
        "max_deliver": given["max_deliver"],
        **deliver_policy(start, state),
    }
    for option in ("ack_wait", "inactive_threshold"):
        if given[option] is not None:
            config[option] = round(given[option] * NANOSECONDS)
    if given["description"]:
        config["description"] = given["description"]
    if given["filter_subjects"]:
        config["filter_subjects"] = list(given["filter_subjects"])
    else:
        config.update(filter_config(source.filters))
    return config


def deliver_policy(start: Position, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a start position as the API expects it.

    A negative offset counts back from the end of the stream.

    Raises:
        NotSupported: The position is not supported.
    """
    match start:
        case Earliest():
            return {"deliver_policy": "all"}
        case Latest():
            return {"deliver_policy": "new"}
        case AtPlace(sequence):
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": max(1, sequence)}
        case AtOffset(offset):
            sequence = offset if offset >= 0 else int(state.get("last_seq", 0)) + 1 + offset
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": max(1, sequence)}
        case AtTime(microseconds):
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
            return {
                "deliver_policy": "by_start_time",
                "opt_start_time": moment.isoformat().replace("+00:00", "Z"),
            }
        case AtId() | AtOffsets():
            raise NotSupported("message ids of JetStream are sequence numbers: give an integer")


async def create_durable(
    connection: JetStreamConnection,
    source: Source,
    name: str,
    options: Mapping[str, Any],
    start: Position,
    timeout: float,
) -> dict[str, Any]:
    """Create a durable consumer and return its info.

    Raises:
        nats.js.errors.APIError: The server refused it, for example because the name is taken.
        ConfigError: An option is wrong.
        NotFound: There is no such stream.
    """
    state = (await connection.stream_info(source.stream, timeout))["state"]
    config = configuration(source, name, options, state, start)
    several = config.get("filter_subjects")
    if several and source.filters and not source.chosen_by(several):
        raise ConfigError("filter_subjects goes with a topic that names the stream, as in 'stream:NAME'")
    body = {"stream_name": source.stream, "config": config, "action": "create"}
    filters = [config["filter_subject"]] if config.get("filter_subject") else []
    try:
        return await connection.request(subject_that_creates(source.stream, name, filters), body, timeout)
    except js_errors.NotFoundError as error:
        raise NotFound(f"there is no stream {source.stream!r}") from error


async def find_durable(
    connection: JetStreamConnection, source: Source, name: str, timeout: float
) -> dict[str, Any]:
    """Return the info of a durable consumer.

    Raises:
        ConfigError: The consumer reads something else, or cannot be used.
        SubscriptionNotFound: There is no such consumer.
    """
    info = await connection.consumer_info(source.stream, name, timeout)
    if info is None:
        raise SubscriptionNotFound(f"stream {source.stream!r} has no consumer {name!r}", source.topic, name)
    check_existing(info["config"], source, name)
    return info
