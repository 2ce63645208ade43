"""describe: what is shown of a topic."""

from __future__ import annotations

from brokerkit.core.topics import Bounds, TopicDescription
from brokerkit.session.listing import Description


def test_the_text_names_the_settings_and_keeps_to_one_line_each() -> None:
    config = {f"setting_{number}": number for number in range(100)}
    described = Description(
        TopicDescription(
            "orders", (Bounds(0, 5, 9),), details={"subjects": ["a", "b"], "max_msgs": 7, "config": config}
        )
    )
    lines = repr(described).splitlines()
    assert lines[0] == "orders: 4 messages"
    assert lines[-3:] == ["subjects: a, b", "max_msgs: 7", "config: 100 settings, in .details['config']"]
    assert "setting_99" not in described._repr_html_()
    assert described.details["config"] == config
