"""What cannot be carried is refused before it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from brokerkit.backends.pubsub.codec import encode
from brokerkit.backends.pubsub.limits import MAX_REQUEST_BYTES
from brokerkit.core import ConfigError, OutboundMessage, TooLarge


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (OutboundMessage(None, attributes={"a": "b"}), "null payload"),
        (OutboundMessage(b""), "without payload and attributes"),
        (OutboundMessage(b"x", key=b""), "empty key"),
        (OutboundMessage(b"x", key=b"\xff"), "UTF-8"),
        (OutboundMessage(b"x", key=b"k" * 1025), "1,024"),
        (OutboundMessage(b"x", attributes=[("a", "1"), ("a", "2")]), "twice"),
        (OutboundMessage(b"x", attributes={"googol": "1"}), "Google's own"),
        (OutboundMessage(b"x", attributes={"n" * 257: "v"}), "too long"),
        (OutboundMessage(b"x", attributes={"n": "v" * 1025}), "too long"),
        (OutboundMessage(b"x", attributes={"n": "\ud800"}), "surrogates"),
        (OutboundMessage(b"x", attributes={f"n{number}": "v" for number in range(101)}), "100 attributes"),
    ],
)
def test_a_message_that_would_not_come_back_equal_is_refused(message: OutboundMessage, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        encode(message)


@pytest.mark.parametrize("value", [b"bytes", 1, None, True])
def test_a_non_text_attribute_is_never_converted_to_text(value: Any) -> None:
    with pytest.raises(TypeError, match="text only"):
        encode(OutboundMessage(b"x", attributes={"name": value}))


def test_the_limit_of_a_request_is_that_of_a_message_with_its_attributes() -> None:
    assert encode(OutboundMessage(b"x" * (MAX_REQUEST_BYTES - 100)))
    with pytest.raises(TooLarge):
        encode(OutboundMessage(b"x" * (MAX_REQUEST_BYTES - 100), attributes={"name": "v" * 200}))


def test_messages_at_the_limits_are_carried() -> None:
    made = encode(OutboundMessage(b"", key=b"k" * 1024, attributes={"n" * 256: "v" * 1024}))
    assert dict(made.attributes) == {"n" * 256: "v" * 1024}
    assert made.ordering_key == "k" * 1024
