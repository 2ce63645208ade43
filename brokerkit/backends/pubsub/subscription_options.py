"""The options with which a subscription is created."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import inf
from typing import Any

from google.protobuf.duration_pb2 import Duration

from brokerkit.core.contract.options import SECONDS, WHOLE, Option, OptionTable, flag, labels, text
from brokerkit.core.vocabulary.errors import ConfigError

from .connection import PubSubConnection

SUBSCRIPTION_OPTIONS = OptionTable(
    {
        "ack_deadline": Option(
            WHOLE, "seconds until an unsettled message is redelivered (10 to 600; default 10)"
        ),
        "ordering": Option(flag, "messages with the same key come in order", True),
        "exactly_once": Option(
            flag,
            "true: acknowledgements are confirmed, and what was acknowledged is never delivered again",
            False,
        ),
        "filter": Option(text, "which messages it gets, by their attributes: 'attributes.kind = \"a\"'"),
        "retain_acked": Option(
            flag, "true: keep acknowledged messages too, so that one can seek back to them", False
        ),
        "retention": Option(
            SECONDS, "seconds for which messages are kept (10 minutes to 31 days; default 7 days)"
        ),
        "expiration": Option(
            SECONDS, "seconds without use after which it is deleted (default 31 days); None: never", none=inf
        ),
        "dead_letter_topic": Option(
            text, "topic that gets messages after max_delivery_attempts; deliveries are then counted"
        ),
        "max_delivery_attempts": Option(
            WHOLE, "number of deliveries before a message is dead-lettered (5 to 100)"
        ),
        "min_backoff": Option(SECONDS, "minimum seconds until a returned message is redelivered (0 to 600)"),
        "max_backoff": Option(SECONDS, "maximum seconds until a returned message is redelivered (0 to 600)"),
        "labels": Option(labels, "a mapping of labels"),
    }
)


def subscription_fields(connection: PubSubConnection, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a new subscription. Raises ConfigError."""
    given = SUBSCRIPTION_OPTIONS.read(options)
    fields: dict[str, Any] = {"enable_message_ordering": given["ordering"]}
    if given["ack_deadline"] is not None:
        fields["ack_deadline_seconds"] = given["ack_deadline"]
    if given["exactly_once"]:
        fields["enable_exactly_once_delivery"] = True
    if given["retain_acked"]:
        fields["retain_acked_messages"] = True
    if given["filter"]:
        fields["filter"] = given["filter"]
    if given["retention"] is not None:
        fields["message_retention_duration"] = duration(given["retention"])
    if given["expiration"] is not None:
        never = given["expiration"] == inf
        fields["expiration_policy"] = {} if never else {"ttl": duration(given["expiration"])}
    fields.update(_dead_letters(connection, given))
    backoff = {
        f"{side}imum_backoff": duration(given[f"{side}_backoff"])
        for side in ("min", "max")
        if given[f"{side}_backoff"] is not None
    }
    if backoff:
        fields["retry_policy"] = backoff
    if given["labels"]:
        fields["labels"] = given["labels"]
    return fields


def _dead_letters(connection: PubSubConnection, given: Mapping[str, Any]) -> dict[str, Any]:
    topic, attempts = given["dead_letter_topic"], given["max_delivery_attempts"]
    if topic is None:
        if attempts is not None:
            raise ConfigError("max_delivery_attempts goes with dead_letter_topic=")
        return {}
    policy: dict[str, Any] = {"dead_letter_topic": connection.path("topics", topic)}
    if attempts is not None:
        policy["max_delivery_attempts"] = attempts
    return {"dead_letter_policy": policy}


def duration(seconds: float) -> Duration:
    """Return a time as the service expects it."""
    made = Duration()
    made.FromTimedelta(timedelta(seconds=seconds))
    return made
