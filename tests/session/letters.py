"""Twelve orders that a subscription rejected, and what their frames say."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

REASONS = ("Timeout", "BadCard", "Timeout")


@pytest.fixture
def desk(s: Session) -> Session:
    """Twelve orders of three partitions that a subscription rejected, each with a reason."""
    s.create_topic("orders", partitions=3)
    s.create_topic("orders-dlq")
    s.create_subscription("orders", "billing", start="earliest", dead_letter_topic="orders-dlq")
    s.publish_batch(
        "orders",
        [OutboundMessage(json.dumps({"id": n}), f"k{n % 4}", {"trace": f"t{n}"}) for n in range(12)],
    )
    with s.consumer("orders", "billing") as consumer:
        for number, each in enumerate(consumer.next_batch(12, 5)):
            each.reject(reason=REASONS[number % 3])
    return s


def ids(frame: pd.DataFrame) -> list[int]:
    return [json.loads(value)["id"] for value in frame["value"]]


def attributes_of(frame: pd.DataFrame, row: int) -> dict[str, bytes]:
    return {each["name"]: each["value"] for each in frame["attributes"].iloc[row]}
