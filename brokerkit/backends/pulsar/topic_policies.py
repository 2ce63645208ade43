"""The policies of a topic as settings: its own, or those of its namespace or the brokers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.topics import Setting

from .names import rest_path
from .rest import RestEndpoint

POLICIES = {
    "retention": "retention",
    "messageTTL": "message_ttl_seconds",
    "deduplicationEnabled": "deduplication",
    "maxMessageSize": "max_message_bytes",
    "compactionThreshold": "compaction_threshold_bytes",
    "maxUnackedMessagesOnConsumer": "max_unacked_messages_on_consumer",
    "maxUnackedMessagesOnSubscription": "max_unacked_messages_on_subscription",
}
"""The policies that are looked up, with their names as settings."""
PARTS = {
    "retentionTimeInMinutes": "retention_minutes",
    "retentionSizeInMB": "retention_mebibytes",
}
OFF_AT_ZERO = ("message_ttl_seconds", "max_message_bytes", "compaction_threshold_bytes")


def settings_of(
    rest: RestEndpoint, full: str, deadline: Deadline
) -> tuple[tuple[Setting, ...], tuple[str, ...]]:
    """Return the policies that apply to a topic, and sentences about those that an account may not see.

    Those that were set for the topic itself are changed. Policies of a topic need
    ``topicLevelPoliciesEnabled`` on the brokers, which is the default.
    """
    found: list[Setting] = []
    refused: dict[str, BrokerError] = {}
    for path, name in POLICIES.items():
        try:
            own = policy(rest, full, path, deadline)
            applied = policy(rest, full, path, deadline, applied=True)
        except BrokerError as error:
            refused[name] = refusal(error)
            continue
        found.extend(_settings(name, applied, changed=own is not None))
    return tuple(found), unseen(refused)


def refusal(error: BrokerError) -> BrokerError:
    """Return an error with which the brokers refuse to tell something, and raise any other."""
    if error.retryable:
        raise error
    return error


def unseen(refused: Mapping[str, BrokerError]) -> tuple[str, ...]:
    """Return a sentence about what is refused, by its names, or none."""
    if not refused:
        return ()
    error = next(iter(refused.values()))
    return (f"{', '.join(refused)}: not shown, since the brokers refuse to tell ({error})",)


def policy(rest: RestEndpoint, full: str, path: str, deadline: Deadline, *, applied: bool = False) -> Any:
    """Return a policy that was set for a topic, or the one that applies to it. None if there is none."""
    url = f"{rest_path(full)}/{path}"
    params = {"applied": "true"} if applied else {}
    answer = rest.ask("GET", url, deadline.remaining(), params=params)
    return answer.json() if answer.content else None


def _settings(name: str, value: Any, *, changed: bool) -> Iterator[Setting]:
    if isinstance(value, Mapping):
        for part, shown in PARTS.items():
            if part in value:
                yield Setting(shown, value[part], changed)
    elif value is not None:
        yield Setting(name, "unlimited" if name in OFF_AT_ZERO and value == 0 else value, changed)
