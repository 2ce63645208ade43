"""describe: what is shown of a topic."""

from __future__ import annotations

from typing import Any

import pytest

from brokerkit.core.vocabulary.topics import Bounds, Placement, Setting, SubscriptionInfo, TopicDescription
from brokerkit.display.descriptions import Description
from brokerkit.display.units import setting_text


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


def test_settings_are_shown_in_units_and_those_that_were_chosen_are_marked() -> None:
    settings = (
        Setting("retention.ms", "604800000", True),
        Setting("segment.bytes", "1073741824", False),
        Setting("flush.messages", "9223372036854775807", False),
        Setting("kind", "<b>x</b>", None),
    )
    described = Description(TopicDescription("orders", (), settings=settings))
    rows = described.settings.to_dict("records")
    assert [(row["setting"], row["text"]) for row in rows] == [
        ("retention.ms", "7 days"),
        ("segment.bytes", "1 GiB"),
        ("flush.messages", "unlimited"),
        ("kind", "<b>x</b>"),
    ]
    assert described.settings["value"][0] == "604800000"
    shown = repr(described)
    assert "retention.ms: 7 days (changed)" in shown
    assert "settings: 4, in .settings; 1 differ from the default" in shown
    assert "segment.bytes" not in shown
    assert "<b>x" not in described._repr_html_()


def test_only_what_is_known_of_the_places_of_partitions_is_a_column() -> None:
    bounds = (Bounds(0, 0, 5), Bounds(1, 0, 5))
    places = {0: Placement("1", ("1", "2"), ("1",)), 1: Placement("2", ("2", "1"), ("2", "1"))}
    frame = Description(TopicDescription("orders", bounds, placements=places)).partitions
    assert list(frame["in_sync"]) == ["1", "2, 1"]
    assert "bytes" not in frame.columns
    plain = Description(TopicDescription("orders", bounds)).partitions
    assert list(plain.columns) == ["partition", "start", "end", "messages", "exact"]
    sized = Description(TopicDescription("orders", bounds, placements={0: Placement(bytes=7)})).partitions
    assert sized["bytes"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("retention.ms", 604_800_000, "7 days"),
        ("retention.ms", "-1", "unlimited"),
        ("local.retention.ms", "-2", "as retention.ms"),
        ("retention.ms", "-2", "-2"),
        ("local.retention.bytes", -2, "as retention.bytes"),
        ("lock_duration_seconds", 30.0, "30 seconds"),
        ("lock_duration_seconds", 90, "1.5 minutes"),
        ("retention.ms", 1234, "1.234 seconds"),
        ("x.ms", 300, "300 ms"),
        ("max.bytes", 10_000_000, "10 MB"),
        ("max.bytes", 10_485_760, "10 MiB"),
        ("max.bytes", 1_048_588, "1.0 MB (1,048,588 bytes)"),
        ("max.bytes", 12, "12 bytes"),
        ("max_size_in_megabytes", 1024, "1 GiB"),
        ("max_deliver", 5, "5"),
        ("requires_session", True, "True"),
        ("filter", ["a", "b"], "a, b"),
    ],
)
def test_a_setting_is_told_in_the_unit_of_its_name(name: str, value: Any, text: str) -> None:
    assert setting_text(name, value) == text


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
