"""A look where none is possible without side effects: messages are taken and returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import ConfigError

from ..consume.pull import Pulling, frame_maker
from ..options import ReadOptions

if TYPE_CHECKING:
    import pandas as pd

    from ..base import BrokerSession

CHOICES = ("give back", "temporary subscription")
TIMEOUT_SECONDS = 10.0
IDLE_SECONDS = 1.0


def peek_with_side_effects(
    session: BrokerSession,
    topic: str,
    limit: int,
    reading: ReadOptions,
    *,
    side_effects: str,
    subscription: str | None,
    start: Any,
) -> pd.DataFrame:
    """Return up to `limit` messages, by publish time; see `Session.peek`."""
    if side_effects not in CHOICES:
        raise ConfigError(
            f'side_effects must be "give back" or "temporary subscription", not {side_effects!r}'
        )
    if session.capabilities.side_effects["peek"] == "none":
        raise ConfigError("looking has no side effects on this system: leave side_effects= out")
    if side_effects == "give back":
        if subscription is None:
            raise ConfigError(
                'side_effects="give back" takes messages from a subscription and gives them back: name it, '
                "subscription=..."
            )
        if start is not None:
            raise ConfigError(
                "a subscription delivers its next messages: leave start= out, or use "
                'side_effects="temporary subscription"'
            )
        consumer = session.consumer(topic, subscription, model="message", unmask=True)
    else:
        if subscription is not None:
            raise ConfigError("a temporary subscription has a name of its own: leave subscription= out")
        consumer = session.consumer(
            topic, "look", model="message", start="earliest" if start is None else start, temporary=True
        )
    details = {"peek": topic, "side_effects": side_effects}
    make_frame = frame_maker(session, reading, details)
    taking = Pulling(consumer, ack=False, make_frame=make_frame, keep=lambda _: None)
    frame = taking.run(limit, timeout=TIMEOUT_SECONDS, idle=IDLE_SECONDS, max_bytes=reading.max_bytes)
    return frame.sort_values("publish_time", kind="stable", ignore_index=True)
