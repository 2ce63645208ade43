"""Sending of drafts: those with an error stay behind, and each gets a receipt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.interrupts import check_interrupt
from brokerkit.core.vocabulary.messages import new_run
from brokerkit.core.vocabulary.outbound_rows import Item
from brokerkit.core.vocabulary.results import PublishResult

from .drafts import Drafts

if TYPE_CHECKING:
    from brokerkit.core.runtime.publishing_topic import ConnectedTopic
    from brokerkit.session.session import DataSession

CHUNK = 1_000
Results: TypeAlias = "list[PublishResult | None]"
"""The results in the order of the messages; None for those on their way."""
Errors: TypeAlias = "Callable[[int, Item], list[str]]"
"""Returns what keeps the message of a row from being sent."""


def send(
    drafts: Drafts,
    publisher: ConnectedTopic,
    errors_of: Errors,
    results: Results,
    *,
    copies: bool,
    timeout: float | None,
) -> None:
    """Send every message that has no error.

    Args:
        drafts: The messages.
        publisher: Where they are sent.
        errors_of: Returns what keeps the message of a row from being sent.
        results: Grows by the result of each message. A message on its way has None until then.
        copies: Whether they were read earlier: they are not the originals, and get new ids.
        timeout: Seconds to wait for the confirmations; None is 30.
    """
    for start in range(0, len(drafts), CHUNK):
        check_interrupt()
        items = drafts.items(start, min(start + CHUNK, len(drafts)))
        errors = [errors_of(row, item) for row, item in enumerate(items, start)]
        good = [item for item, wrong in zip(items, errors, strict=True) if not wrong]
        results += [None] * len(items)
        run = new_run() if copies else None
        named = [item if run is None else item.again(f"{run}-{start + n}") for n, item in enumerate(good)]  # type: ignore[union-attr]  # errors are left out
        sent = iter(publisher.publish_batch(named, timeout=timeout) if named else [])  # type: ignore[arg-type]  # errors are left out
        results[start:] = [
            PublishResult("failed", error=ConfigError("; ".join(wrong))) if wrong else next(sent)
            for wrong in errors
        ]


def dry_run(drafts: Drafts, to: DataSession, topic: str, errors_of: Errors) -> pd.DataFrame:
    """Return exactly the messages that `send` would send, and the errors of the other rows."""
    lines = []
    for row, item in enumerate(drafts.items(0, len(drafts))):
        message = None if isinstance(item, BrokerError) else item
        lines.append(
            {
                "row": row,
                "session": to.name,
                "topic": topic,
                "key": message and message.key,
                "value": message and message.data,
                "attributes": None if message is None else list(message.attributes),
                "partition": message and message.partition,
                "publish_time": message and message.publish_time,
                "bytes": None if message is None or message.data is None else len(message.data),
                "error": "; ".join(errors_of(row, item)) or None,
            }
        )
    return pd.DataFrame(lines, dtype=object).astype({"row": "int64"})
