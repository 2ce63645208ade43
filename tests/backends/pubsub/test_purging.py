"""Skipping backlogs on both servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.sandbox.pubsub import PubSubServer
from brokerkit.workbench import Session

from .conftest import new_name, url_of

pytestmark = pytest.mark.broker


@pytest.fixture
def s(server: PubSubServer) -> Iterator[Session]:
    with bk.connect(url_of(server)) as session:
        yield session


def test_the_backlog_of_one_subscription_is_skipped(s: Session) -> None:
    topic, mine, other = new_name(), new_name(), new_name()
    s.create_topic(topic)
    for name in (mine, other):
        s.create_subscription(topic, name, ordering=False)
    s.publish_batch(topic, ["a", "b"])
    plan = s.purge(topic, subscription=mine, dry_run=True)
    assert list(plan["before"]) == ["latest"]
    done = s.purge(topic, subscription=mine, confirm=mine)
    assert list(done["status"]) == ["accepted"]
    s.publish(topic, "new")
    assert list(s.pull(topic, 10, subscription=mine, timeout=60)["value"]) == ["new"]
    assert sorted(s.pull(topic, 3, subscription=other, timeout=60, idle=20)["value"]) == ["a", "b", "new"]


def test_a_topic_by_itself_and_single_messages_are_refused(s: Session) -> None:
    topic, mine = new_name(), new_name()
    s.create_topic(topic)
    s.create_subscription(topic, mine)
    s.publish(topic, "a")
    with pytest.raises(bk.NotSupported, match=rf"kept for each subscription here: name one \({mine}\)"):
        s.purge(topic, confirm=topic)
    with pytest.raises(bk.NotSupported, match="removes no single messages"):
        s.purge(topic, where="a", confirm=topic)
    notes = s.purge(topic, subscription=mine, before="-1h", dry_run=True).attrs["brokerkit"]["notes"]
    assert any("delivered again" in note for note in notes)
    assert len(s.pull(topic, 1, subscription=mine, timeout=60)) == 1
