"""The side effects of a look on the broker, in words."""

from __future__ import annotations

from typing import NamedTuple

from brokerkit.core.vocabulary.capabilities import Capabilities

NO_SIDE_EFFECT = "Reading only: no position moves, nothing is acknowledged, no delivery is counted."

_EFFECTS = {
    "none": NO_SIDE_EFFECT,
    "locks": "Side effect: messages are locked while they are looked at; others do not get them meanwhile.",
    "raises delivery count": "Side effect: each look counts as a delivery of the messages.",
    "acknowledges": "Side effect: what is looked at is acknowledged, and gone for this subscription.",
    "not offered": "This system cannot show messages without a side effect. Choose one, or read nothing.",
}


class Choice(NamedTuple):
    """A value of `peek(side_effects=)`. `needs_subscription` says whether a subscription must be named."""

    value: str
    text: str
    needs_subscription: bool


CHOICES = (
    Choice(
        "give back",
        "Take what a subscription has next and give it back: its other consumers wait meanwhile, and "
        "delivery attempts are counted where there is a dead-letter policy.",
        True,
    ),
    Choice(
        "temporary subscription",
        "Read a copy through a subscription of its own, which is created now and deleted afterwards: no "
        "other subscription is affected; the topic has to retain its messages.",
        False,
    ),
)


def effect_of(capabilities: Capabilities) -> str:
    """Return the effect of `peek` on this system."""
    return _EFFECTS[capabilities.side_effects["peek"]]


def choices_of(capabilities: Capabilities) -> tuple[Choice, ...]:
    """Return the choices where a look without side effects is not possible."""
    return CHOICES if capabilities.side_effects["peek"] != "none" else ()
