"""Saying that a subscription exists already, where the caller asked for one to begin somewhere."""

from __future__ import annotations

from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.notes import note

LOOK_SECONDS = 5.0


class StartIgnoredWarning(UserWarning):
    """`start=` had no effect: the subscription exists and goes on from where it is."""


def note_if_it_exists(
    browser: ConnectedInspector, topic: str, subscription: str, model: Model, start: object
) -> None:
    """Warn with `StartIgnoredWarning` if there is such a subscription now.

    A subscription that cannot be looked up is not noted.
    """
    try:
        described = browser.describe(topic, count=False, timeout=LOOK_SECONDS)
    except BrokerError:
        # what is wrong with the topic or the broker is said by the consumer, which comes next
        return
    kinds = ("group", "subscription") if model == "record" else ("subscription", "consumer", "share group")
    if any(each.name == subscription and each.kind in kinds for each in described.subscriptions):
        note(
            f"subscription {subscription!r} of {topic!r} exists already and goes on from where it is: "
            f"start={start!r} had no effect",
            StartIgnoredWarning,
        )
