"""Operating subscriptions on both servers, with the state asked of Google's own client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.sandbox.pubsub import EmulatorServer, PubSubServer
from brokerkit.workbench import Session

from .conftest import PROJECT, new_name, url_of

pytestmark = pytest.mark.broker


@pytest.fixture
def s(server: PubSubServer) -> Iterator[Session]:
    with bk.connect(url_of(server)) as session:
        yield session


@pytest.fixture
def emulated(pubsub_emulator: EmulatorServer) -> Iterator[Session]:
    with bk.connect(url_of(pubsub_emulator)) as session:
        yield session


def made(s: Session, **options: Any) -> tuple[str, str]:
    """A topic with 5 messages, and a subscription that has settled them."""
    topic, name = new_name(), new_name()
    s.create_topic(topic)
    s.create_subscription(topic, name, **options)
    s.publish_batch(topic, [{"n": number} for number in range(5)])
    assert len(s.pull(topic, 5, subscription=name, timeout=60, idle=20)) == 5
    return topic, name


def names_of(s: Session) -> set[str]:
    """The subscriptions of the project, as Google's client says."""
    found = s.native.subscriber.list_subscriptions(request={"project": f"projects/{PROJECT}"})
    return {each.name.rpartition("/")[2] for each in found}


def test_a_reset_to_the_end_skips_what_is_there(s: Session) -> None:
    topic, name = made(s, ordering=False)
    s.publish_batch(topic, ["skipped", "too"])
    plan = s.reset(topic, name, "latest", dry_run=True)
    assert plan.attrs["brokerkit"]["notes"] == [
        "everything that is published until the reset counts as acknowledged"
    ]
    done = s.reset(topic, name, "latest", confirm=name)
    assert [(row["after"], row["status"]) for row in done.to_dict("records")] == [("latest", "accepted")]
    with pytest.raises(bk.NotSupported, match="snapshot"):
        s.undo(done, confirm=name)
    s.publish(topic, "new")
    assert list(s.pull(topic, 10, subscription=name, timeout=60)["value"]) == ["new"]


@pytest.mark.parametrize("to", ["earliest", "-1h"])
def test_a_reset_to_a_time_brings_back_what_is_retained(emulated: Session, to: str) -> None:
    topic, name = made(emulated, ordering=False, retain_acked=True)
    assert emulated.reset(topic, name, to, dry_run=True).attrs["brokerkit"]["notes"] == []
    emulated.reset(topic, name, to, confirm=name)
    assert len(emulated.pull(topic, 5, subscription=name, timeout=60, idle=20)) == 5


@pytest.mark.parametrize("text", [False, True])
def test_a_reset_to_a_time_brings_back_what_the_client_library_does(emulated: Session, text: bool) -> None:
    topic, name = made(emulated, ordering=False, retain_acked=True)
    twin = new_name()
    emulated.create_subscription(topic, twin, ordering=False, retain_acked=True)
    for number in range(5, 10):
        emulated.publish(topic, {"n": number})
    later = emulated.pull(topic, 5, subscription=name, timeout=60, idle=20)
    emulated.pull(topic, 5, subscription=twin, timeout=60, idle=20)
    moment = later["publish_time"].sort_values().iloc[2].to_pydatetime()
    client = emulated.native.subscriber
    client.seek(request={"subscription": client.subscription_path(PROJECT, twin), "time": moment})
    emulated.reset(topic, name, moment.isoformat() if text else moment, confirm=name)
    wanted = set(later[later["publish_time"] >= moment]["value"])
    for each in (name, twin):
        again = emulated.pull(topic, len(wanted), subscription=each, timeout=60, idle=20)
        assert set(again["value"]) == wanted
        assert emulated.pull(topic, 1, subscription=each, timeout=0.5).empty


def test_the_plan_says_that_nothing_comes_back_where_nothing_is_retained(emulated: Session) -> None:
    topic, name = made(emulated, ordering=False)
    (note,) = emulated.reset(topic, name, "earliest", dry_run=True).attrs["brokerkit"]["notes"]
    assert "brings back none of them" in note


def test_a_snapshot_is_where_it_was_taken(emulated: Session) -> None:
    topic, name = made(emulated, retain_acked=True)
    snapshot = new_name()
    emulated.publish_batch(topic, ["a", "b"])
    emulated.native.subscriber.create_snapshot(
        request={
            "name": f"projects/{PROJECT}/snapshots/{snapshot}",
            "subscription": f"projects/{PROJECT}/subscriptions/{name}",
        }
    )
    assert len(emulated.pull(topic, 2, subscription=name, timeout=60, idle=20)) == 2
    done = emulated.reset(topic, name, f"snapshot:{snapshot}", confirm=name)
    assert list(done["status"]) == ["accepted"]
    assert sorted(emulated.pull(topic, 2, subscription=name, timeout=60, idle=20)["value"]) == ["a", "b"]
    with pytest.raises(bk.NotFound, match="no snapshot 'none-such'"):
        emulated.reset(topic, name, "snapshot:none-such", dry_run=True)
    other, _ = made(emulated)
    second = new_name()
    emulated.create_subscription(other, second)
    with pytest.raises(bk.ConfigError, match="is of topic"):
        emulated.reset(other, second, f"snapshot:{snapshot}", dry_run=True)


def test_a_time_where_keys_are_in_order_is_refused_with_the_nearest_thing(emulated: Session) -> None:
    topic, name = made(emulated)
    with pytest.raises(bk.NotSupported, match="create_snapshot"):
        emulated.reset(topic, name, "-1h", confirm=name)


@pytest.mark.parametrize("to", [3, -3, {0: 3}, "12:34:-1:0"])
def test_positions_are_refused(s: Session, to: Any) -> None:
    topic, name = made(s)
    with pytest.raises(bk.NotSupported, match="no offsets|no partitions"):
        s.reset(topic, name, to, confirm=name)


def test_a_list_and_a_description_have_what_the_service_tells(s: Session) -> None:
    topic, name = made(s, ordering=False)
    found = s.subscriptions()
    assert set(found["subscription"]) == names_of(s)
    (row,) = found[found["subscription"] == name].to_dict("records")
    assert row["topic"] == topic
    assert found["lag"].isna().all()
    assert list(s.subscriptions(topic)["subscription"]) == [name]
    described = s.describe_subscription(name)
    assert (described.lag, described.members) == (None, None)
    assert described.settings["ordering"] is False
    assert "members: the system does not say" in repr(described)


def test_a_deleted_subscription_is_gone_and_another_topic_s_is_not_found(s: Session) -> None:
    topic, name = made(s)
    other, _ = made(s)
    with pytest.raises(bk.NotFound, match=f"topic {other!r} has no subscription {name!r}"):
        s.delete_subscription(other, name, confirm=name)
    assert name in names_of(s)
    s.delete_subscription(topic, name, confirm=name)
    assert name not in names_of(s)
    with pytest.raises(bk.NotFound):
        s.delete_subscription(topic, name, confirm=name)
