"""The options with which a subscription is created."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration

from brokerkit.core.contract.options import check_options
from brokerkit.core.vocabulary.arguments import as_integer
from brokerkit.core.vocabulary.errors import ConfigError

from .connection import PubSubConnection

KNOWN: Mapping[str, str] = {
    "ack_deadline": "seconds until a message that is not settled is delivered again (10 to 600; default 10)",
    "ordering": "messages with the same key come in order (default true)",
    "exactly_once": "true: acknowledgements are confirmed, and what was acknowledged never comes again",
    "filter": "which messages it gets, by their attributes: 'attributes.kind = \"a\"'",
    "retain_acked": "true: keep acknowledged messages too, so that one can seek back to them",
    "retention": "seconds for which messages are kept (10 minutes to 31 days; default 7 days)",
    "expiration": "seconds without use after which it is deleted (default 31 days); None: never",
    "dead_letter_topic": "topic that gets messages after max_delivery_attempts; deliveries are then counted",
    "max_delivery_attempts": "how often a message is delivered before it is a dead letter (5 to 100)",
    "min_backoff": "seconds until a message that was given back comes again, at least (0 to 600)",
    "max_backoff": "seconds until a message that was given back comes again, at most (0 to 600)",
    "labels": "a mapping of labels",
}


def subscription_fields(connection: PubSubConnection, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a new subscription. Raises ConfigError."""
    given = check_options(options, KNOWN)
    fields: dict[str, Any] = {"enable_message_ordering": _truth(given, "ordering", True)}
    if given.get("ack_deadline") is not None:
        fields["ack_deadline_seconds"] = _whole(given, "ack_deadline")
    if _truth(given, "exactly_once", False):
        fields["enable_exactly_once_delivery"] = True
    if _truth(given, "retain_acked", False):
        fields["retain_acked_messages"] = True
    if given.get("filter"):
        fields["filter"] = str(given["filter"])
    if given.get("retention") is not None:
        fields["message_retention_duration"] = duration(given["retention"], "retention")
    if "expiration" in given:
        never = given["expiration"] is None
        fields["expiration_policy"] = {} if never else {"ttl": duration(given["expiration"], "expiration")}
    fields.update(_dead_letters(connection, given))
    backoff = {
        f"{side}imum_backoff": duration(given[f"{side}_backoff"], f"{side}_backoff")
        for side in ("min", "max")
        if given.get(f"{side}_backoff") is not None
    }
    if backoff:
        fields["retry_policy"] = backoff
    if given.get("labels"):
        fields["labels"] = labels(given["labels"])
    return fields


def _dead_letters(connection: PubSubConnection, given: Mapping[str, Any]) -> dict[str, Any]:
    topic = given.get("dead_letter_topic")
    attempts = given.get("max_delivery_attempts")
    if topic is None:
        if attempts is not None:
            raise ConfigError("max_delivery_attempts goes with dead_letter_topic=")
        return {}
    policy: dict[str, Any] = {"dead_letter_topic": connection.path("topics", str(topic))}
    if attempts is not None:
        policy["max_delivery_attempts"] = _whole(given, "max_delivery_attempts")
    return {"dead_letter_policy": policy}


def labels(value: Any) -> dict[str, str]:
    """Return labels as the service expects them. Raises ConfigError."""
    if not isinstance(value, Mapping) or not all(
        isinstance(part, str) for pair in value.items() for part in pair
    ):
        raise ConfigError(f"labels must be a mapping of texts to texts, not {value!r}")
    return dict(value)


def duration(value: Any, option: str) -> Duration:
    """Return seconds or a timedelta as the service expects it. Raises ConfigError."""
    span = value
    if not isinstance(span, timedelta):
        try:
            span = timedelta(seconds=float(value))
        except (TypeError, ValueError, OverflowError):
            raise ConfigError(f"{option} must be a number of seconds, not {value!r}") from None
    if span < timedelta(0):
        raise ConfigError(f"{option} must not be negative, not {value!r}")
    made = Duration()
    made.FromTimedelta(span)
    return made


def _truth(given: Mapping[str, Any], option: str, default: bool) -> bool:
    value = given.get(option, default)
    if not isinstance(value, bool):
        raise ConfigError(f"{option} must be True or False, not {value!r}")
    return value


def _whole(given: Mapping[str, Any], option: str) -> int:
    number = as_integer(given[option])
    if number is None:
        raise ConfigError(f"{option} must be a whole number, not {given[option]!r}")
    return number
