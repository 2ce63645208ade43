"""Operating the subscriptions of topics, with the state asked of Microsoft's own client."""

from __future__ import annotations

import pytest

import brokerkit as bk
from brokerkit.workbench import Session

from .conftest import new_queue, new_topic

pytestmark = pytest.mark.broker


def test_a_list_agrees_with_the_administration(session: Session) -> None:
    topic = new_topic(session, "one", "two")
    session.publish_batch(topic, ["a", "b", "c"])
    session.pull(topic, 2, subscription="two")
    found = session.subscriptions(topic).set_index("subscription")
    administration = session.native.administration
    assert found["lag"].to_dict() == {
        each.name: each.active_message_count
        for each in administration.list_subscriptions_runtime_properties(topic)
    }
    assert found["lag"].to_dict() == {"one": 3, "two": 1}
    everywhere = session.subscriptions()
    assert list(everywhere[everywhere["topic"] == topic]["subscription"]) == ["one", "two"]


def test_a_description_has_lock_deliveries_filter_and_sessions(session: Session) -> None:
    topic = new_topic(session)
    session.create_subscription(
        topic, "me", lock_seconds=45, max_delivery_count=7, filter="kind = 'order'", sessions=True
    )
    found = session.describe_subscription("me", topic)
    assert found.settings["lock_duration_seconds"] == 45
    assert found.settings["max_delivery_count"] == 7
    assert found.settings["requires_session"] is True
    assert list(found.settings["rules"].values()) == ["kind = 'order'"]
    assert "lock_duration_seconds: 45 seconds" in repr(found)


def test_a_queue_has_no_subscriptions(session: Session) -> None:
    queue = new_queue(session)
    assert len(session.subscriptions(queue)) == 0
    with pytest.raises(bk.NotFound, match="no subscription 'me'"):
        session.describe_subscription("me", queue)


@pytest.mark.parametrize("to", ["earliest", "latest", "-1h", 3])
def test_a_reset_is_refused_with_the_nearest_thing(session: Session, to: str | int) -> None:
    topic = new_topic(session, "me")
    session.publish(topic, "a")
    with pytest.raises(bk.NotSupported, match=r"no position to move.*pull\(.*copy\(\)"):
        session.reset(topic, "me", to, confirm="me")
    properties = session.native.administration.get_subscription_runtime_properties(topic, "me")
    assert properties.active_message_count == 1


def test_a_deleted_subscription_is_gone(session: Session) -> None:
    topic = new_topic(session, "one", "two")
    session.delete_subscription(topic, "one", dry_run=True)
    administration = session.native.administration
    assert [each.name for each in administration.list_subscriptions(topic)] == ["one", "two"]
    session.delete_subscription(topic, "one", confirm="one")
    assert [each.name for each in administration.list_subscriptions(topic)] == ["two"]
    with pytest.raises(bk.NotFound, match="no subscription 'one'"):
        session.delete_subscription(topic, "one", confirm="one")


def test_a_description_of_a_queue_marks_sessions_duplicate_detection_and_lock(session: Session) -> None:
    queue = new_queue(session, sessions=True, duplicate_detection=3600, lock_seconds=30)
    found = session.describe(queue)
    settings = found.settings.set_index("setting")
    changed = settings["changed"].fillna(False)
    assert sorted(changed[changed].index) == [
        "duplicate_detection_history_time_window_seconds",
        "lock_duration_seconds",
        "requires_duplicate_detection",
        "requires_session",
    ]
    assert settings["text"]["duplicate_detection_history_time_window_seconds"] == "1 hour"
    assert settings["text"]["max_size_in_megabytes"] == "1 GiB"
    untouched = session.describe(new_queue(session)).settings["changed"]
    assert not untouched.fillna(False).any()
