"""Names of queues, topics, subscriptions and sub-queues."""

from __future__ import annotations

import pytest

from brokerkit.backends.servicebus.names import EntityName
from brokerkit.core import ConfigError


@pytest.mark.parametrize(
    ("topic", "subscription", "shown", "address"),
    [
        ("orders", None, "orders", "orders"),
        ("eu/orders", None, "eu/orders", "eu/orders"),
        ("orders", "me", "orders/Subscriptions/me", "orders/Subscriptions/me"),
        ("orders/subscriptions/me", None, "orders/Subscriptions/me", "orders/Subscriptions/me"),
        ("orders/Subscriptions/me", "ME", "orders/Subscriptions/ME", "orders/Subscriptions/ME"),
        ("orders/$DeadLetterQueue", None, "orders/$deadletterqueue", "orders/$DeadLetterQueue"),
        (
            "orders/$deadletterqueue",
            "me",
            "orders/Subscriptions/me/$deadletterqueue",
            "orders/Subscriptions/me/$DeadLetterQueue",
        ),
        (
            "orders/$Transfer/$DeadLetterQueue",
            None,
            "orders/$transfer/$deadletterqueue",
            "orders/$Transfer/$DeadLetterQueue",
        ),
    ],
)
def test_a_name_is_taken_apart(topic: str, subscription: str | None, shown: str, address: str) -> None:
    name = EntityName.parse(topic, subscription)
    assert str(name) == shown
    assert name.address == address
    assert EntityName.parse(str(name)) == name


@pytest.mark.parametrize(
    ("topic", "subscription"),
    [("a?b", None), ("/a", None), ("a//b", None), ("a\nb", None), ("a", "b/c"), ("a/Subscriptions/b", "c")],
)
def test_an_invalid_name_is_refused(topic: str, subscription: str | None) -> None:
    with pytest.raises(ConfigError):
        EntityName.parse(topic, subscription)


def test_a_sub_queue_has_an_owner() -> None:
    assert str(EntityName.parse("orders/$deadletterqueue", "me").owner) == "orders/Subscriptions/me"
