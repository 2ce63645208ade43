"""Numbered messages, and which of them were found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

KEYS = 17


def numbered(numbers: Iterable[int]) -> list[OutboundMessage]:
    """One message for each number, spread over some keys."""
    return [OutboundMessage(str(number), f"key-{number % KEYS}") for number in numbers]


def publish_numbered(session: Session, topic: str, numbers: Iterable[int]) -> None:
    """Publish them, all confirmed."""
    session.publish_batch(topic, numbered(numbers), timeout=60)


def bytes_of(frame: pd.DataFrame, text: str, data: str) -> list[bytes | None]:
    """The bytes of each row from the column of bytes, else from the one that has them as text."""
    return [
        value.encode() if pd.isna(other) and isinstance(value, str) else None if pd.isna(other) else other
        for value, other in zip(frame[text], frame[data], strict=True)
    ]


def numbers_of(frame: pd.DataFrame) -> list[int]:
    """The numbers in a frame of such messages."""
    return [int(value) for value in frame["value"]]


def stored_numbers(session: Session, topic: str) -> Counter[int]:
    """How often each number is in a topic."""
    return Counter(numbers_of(session.scan(topic, progress=False).to_pandas()))
