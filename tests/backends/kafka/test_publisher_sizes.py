"""How large a message is to a broker."""

from __future__ import annotations

import pytest

from brokerkit.backends.kafka.sizes import batch_bytes
from brokerkit.core import OutboundMessage


@pytest.mark.parametrize(
    ("message", "size"),
    [
        (OutboundMessage(None), 68),
        (OutboundMessage(b""), 68),
        (OutboundMessage(b"x" * 63), 132),
        (OutboundMessage(b"x" * 64), 134),
        (OutboundMessage(b"x", key=b"kk"), 71),
        (OutboundMessage(b"x", attributes=[("é", "ü"), ("n", None)]), 78),
    ],
)
def test_the_size_counts_framing_key_and_attributes(message: OutboundMessage, size: int) -> None:
    assert batch_bytes(message) == size
