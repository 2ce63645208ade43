"""describe: what is shown of a topic."""

from __future__ import annotations

from brokerkit.core.vocabulary.topics import Bounds, SubscriptionInfo, TopicDescription
from brokerkit.display.descriptions import Description


def test_the_text_names_the_settings_and_keeps_to_one_line_each() -> None:
    config = {f"setting_{number}": number for number in range(100)}
    described = Description(
        TopicDescription(
            "orders",
            (Bounds(0, 5, 9, counted="exact"),),
            details={"subjects": ["a", "b"], "max_msgs": 7, "config": config},
        )
    )
    lines = repr(described).splitlines()
    assert lines[0] == "orders: 4 messages"
    assert lines[-3:] == ["subjects: a, b", "max_msgs: 7", "config: 100 settings, in .details['config']"]
    assert "setting_99" not in described._repr_html_()
    assert described.details["config"] == config


def test_a_number_of_messages_that_is_not_known_is_not_shown_as_none_at_all() -> None:
    subscriptions = (SubscriptionInfo("me", "subscription"),)
    described = Description(TopicDescription("orders", (), subscriptions))
    assert described.messages is None
    for text in (repr(described), described._repr_html_()):
        assert "orders: number of messages not known" in text
        assert "partition" not in text
        assert "me" in text


def test_an_empty_topic_has_no_messages() -> None:
    described = Description(TopicDescription("orders", (Bounds(0, 5, 5),)))
    assert described.messages == 0
    assert repr(described).startswith("orders: 0 messages")
