"""Text that UTF-8 cannot hold: the row that has it fails, and nothing of it is sent."""

from __future__ import annotations

import pandas as pd
import pytest

from brokerkit.core import ConfigError, OutboundMessage, PublishFailed
from brokerkit.workbench import Session

from .systems import System

HALF = "\ud800"
ROWS = 300


@pytest.mark.parametrize("place", ["attribute value", "attribute name", "key", "value"])
@pytest.mark.parametrize("row", [0, 150, ROWS - 1])
def test_one_row_with_half_a_character_fails_alone(
    session: Session, system: System, place: str, row: int
) -> None:
    topic = system.create_topic(session)
    rows = [{"value": f"v{n}", "key": f"k{n % 5}", "attributes": {"a": "b"}} for n in range(ROWS)]
    if place == "attribute value":
        rows[row]["attributes"] = {"a": HALF}
    elif place == "attribute name":
        rows[row]["attributes"] = {f"x{HALF}": "b"}
    else:
        rows[row][place] = HALF
    frame = pd.DataFrame(rows, dtype=object)
    outcome = session.publish_frame(topic, frame, kind="messages", progress=False)
    assert outcome.counts == {"confirmed": ROWS - 1, "failed": 1, "unknown": 0}
    assert outcome.failed["row"].tolist() == [row]
    assert system.stored(topic) == ROWS - 1
    # mended and resumed, only that row is sent
    frame.loc[row] = pd.Series({"value": f"v{row}", "key": "k", "attributes": {"a": "b"}})
    again = session.publish_frame(topic, frame, kind="messages", resume=outcome, progress=False)
    assert again.counts["confirmed"] == ROWS
    assert sorted(session.scan(topic, progress=False).to_pandas()["value"]) == sorted(frame["value"])


def test_a_batch_says_which_message_was_not_sent(session: Session, system: System) -> None:
    topic = system.create_topic(session)
    batch = [OutboundMessage(b"x", attributes={"a": HALF if n == 4 else "b"}) for n in range(9)]
    with pytest.raises(PublishFailed) as caught:
        session.publish_batch(topic, batch)
    assert [result.status for result in caught.value.results].count("confirmed") == 8
    assert caught.value.results[4].status == "failed"
    with pytest.raises(PublishFailed, match="was not published: attribute 'a'"):
        session.publish(topic, "x", attributes={"a": HALF})
    assert system.stored(topic) == 8


def test_half_a_character_in_a_name_or_filter_is_refused_in_words(session: Session, system: System) -> None:
    topic = system.create_topic(session)
    for call in (
        lambda: session.publish(topic, HALF),
        lambda: session.publish(topic, "x", key=HALF),
        lambda: session.publish(HALF, "x"),
        lambda: session.peek(topic, header=HALF),
        lambda: session.peek(topic, header={"a": HALF}),
        lambda: session.peek(topic, header={HALF: "a"}),
        lambda: session.peek(topic, key=HALF),
        lambda: session.peek(topic, where=HALF),
        lambda: session.peek(HALF),
        lambda: session.scan(HALF),
        lambda: session.describe(HALF),
        lambda: session.pull(topic, subscription=HALF),
        lambda: session.pull(HALF, subscription="me"),
        lambda: session.create_subscription(topic, HALF),
        lambda: session.create_topic("a\0b"),
        lambda: session.reread(
            pd.DataFrame({"topic": [HALF], "partition": [0], "offset": [0]}, dtype=object)
        ),
    ):
        with pytest.raises(ConfigError):
            call()
