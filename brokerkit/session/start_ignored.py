"""A warning for a subscription that already exists, where the caller asked for a start."""

from __future__ import annotations

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.notes import note

DESCRIBE_SECONDS = 5.0


class StartIgnoredWarning(UserWarning):
    """`start=` had no effect: the subscription exists and continues from its position."""


def note_if_it_exists(
    inspector: ConnectedInspector, topic: str, subscription: str, model: Model, start: object
) -> bool:
    """Warn with `StartIgnoredWarning` if the subscription exists. Return False if it is missing.

    If the lookup fails, there is no warning.
    """
    try:
        described = inspector.describe(topic, count=False, timeout=DESCRIBE_SECONDS)
    except BrokerError:
        # the consumer, which is opened next, will say what is wrong with the topic or the broker
        return True
    kinds = ("group", "subscription") if model == "record" else ("subscription", "consumer", "share group")
    exists = any(each.name == subscription and each.kind in kinds for each in described.subscriptions)
    if exists:
        note(
            f"subscription {subscription!r} of {topic!r} already exists and goes on from where it is: "
            f"start={start!r} had no effect",
            StartIgnoredWarning,
        )
    return exists
