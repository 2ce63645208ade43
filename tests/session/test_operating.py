"""subscriptions, describe_subscription, reset and delete_subscription, on the broker in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.workbench import Session


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = frame.to_dict("records")
    return found


def notes(frame: pd.DataFrame) -> list[str]:
    found: list[str] = frame.attrs["brokerkit"]["notes"]
    return found


@pytest.fixture
def desk(orders: Session) -> Session:
    """A group and a subscription, each with 5 of the 20 orders settled."""
    orders.create_subscription("orders", "group", model="record", start="earliest")
    orders.create_subscription("orders", "queue", start="earliest")
    orders.pull("orders", 5, subscription="group", model="record")
    orders.pull("orders", 5, subscription="queue")
    return orders


def test_every_subscription_of_every_topic_has_a_row(desk: Session) -> None:
    desk.create_topic("other")
    desk.create_subscription("other", "queue", start="earliest")
    found = desk.subscriptions()
    assert [(row["topic"], row["subscription"], row["kind"], row["lag"]) for row in rows(found)] == [
        ("orders", "group", "group", 15),
        ("orders", "queue", "subscription", 15),
        ("other", "queue", "subscription", 0),
    ]
    assert list(desk.subscriptions("other")["subscription"]) == ["queue"]
    with pytest.raises(bk.NotFound, match="no topic 'none'"):
        desk.subscriptions("none")


def test_the_age_is_that_of_the_oldest_message_that_is_not_settled(s: Session) -> None:
    s.create_topic("t")
    now = datetime.now(UTC)
    for hours in (5, 3, 1):
        s.publish("t", {"hours": hours}, publish_time=now - timedelta(hours=hours))
    s.create_subscription("t", "me", start="earliest")
    for hours in (5, 3, 1):
        (row,) = rows(s.subscriptions())
        assert timedelta(hours=hours) <= row["oldest_age"] < timedelta(hours=hours, minutes=1)
        s.pull("t", 1, subscription="me")
    (row,) = rows(s.subscriptions())
    assert row["lag"] == 0
    assert pd.isna(row["oldest_age"])


def test_messages_in_flight_count_as_lag(desk: Session) -> None:
    with desk.consumer("orders", "queue") as consumer:
        held = list(consumer.next_batch(3, 5))
        row = next(row for row in rows(desk.subscriptions()) if row["subscription"] == "queue")
        assert (row["lag"], row["in_flight"], row["members"]) == (15, 3, 1)
        for each in held:
            each.nack()


def test_a_description_shows_places_members_and_settings(desk: Session) -> None:
    with desk.consumer("orders", "group", model="record") as consumer:
        consumer.next_batch(1, 5)
        found = desk.describe_subscription("group")
        assert found.members is not None
        assert list(found.members["partitions"]) == ["0, 1, 2"]
    assert (found.topic, found.kind, found.lag) == ("orders", "group", 15)
    assert sum(found.progress["lag"]) == 15
    assert list(found.progress["end"]) == [7, 7, 6]
    queue = desk.describe_subscription("queue")
    assert queue.settings["ack_deadline_seconds"] == 30
    assert "ack_deadline_seconds: 30 seconds" in repr(queue)
    for text in (repr(found), found._repr_html_()):
        assert "group group (stable) of orders: lag 15 messages" in text


def test_a_name_in_several_topics_asks_for_the_topic(desk: Session) -> None:
    desk.create_topic("other")
    desk.create_subscription("other", "queue")
    with pytest.raises(bk.ConfigError, match=r"2 topics \(orders, other\): name one, topic='orders'"):
        desk.describe_subscription("queue")
    assert desk.describe_subscription("queue", "other").topic == "other"
    with pytest.raises(bk.NotFound, match="no subscription 'none'"):
        desk.describe_subscription("none")


def test_names_from_the_broker_cannot_become_markup(s: Session) -> None:
    s.create_topic("<b>t</b>")
    s.create_subscription("<b>t</b>", "<script>x</script>")
    shown = s.describe_subscription("<script>x</script>")._repr_html_()
    assert "<script>" not in shown
    assert "<b>t</b>" not in shown


@pytest.mark.parametrize("name", ["group", "queue"])
@pytest.mark.parametrize(
    ("to", "places"),
    [
        ("earliest", [0, 0, 0]),
        ("latest", [7, 7, 6]),
        ("-1h", [0, 0, 0]),
        (-2, [5, 5, 4]),
        (datetime(2020, 1, 1, tzinfo=UTC), [0, 0, 0]),
        ({0: 3, 1: 1, 2: 6}, [3, 1, 6]),
    ],
)
def test_a_reset_lands_where_the_plan_said(desk: Session, name: str, to: Any, places: list[int]) -> None:
    plan = desk.reset("orders", name, to, dry_run=True)
    assert list(plan["after"]) == places
    assert list(plan["lag_after"]) == [7 - places[0], 7 - places[1], 6 - places[2]]
    before = list(desk.describe_subscription(name).progress["committed"])
    assert list(plan["before"]) == before
    done = desk.reset("orders", name, to, confirm=name)
    assert list(done["status"]) == ["done"] * 3
    assert list(done["found"]) == places
    assert list(desk.describe_subscription(name).progress["committed"]) == places
    with pytest.raises(bk.ConfigError, match="type the name again"):
        desk.undo(done)
    assert list(desk.undo(done, dry_run=True)["after"]) == before
    desk.undo(done, confirm=name)
    assert list(desk.describe_subscription(name).progress["committed"]) == before


@pytest.mark.parametrize("model", ["record", "message"])
@pytest.mark.parametrize(("minutes", "place"), [(-121, 0), (-90, 1), (-60, 1), (-59, 2), (1, 3)])
def test_a_reset_to_a_time_lands_on_the_first_message_since_then(
    s: Session, model: str, minutes: int, place: int
) -> None:
    s.create_topic("t")
    now = datetime.now(UTC)
    for hours in (2, 1, 0):
        s.publish("t", {"hours": hours}, publish_time=now - timedelta(hours=hours))
    s.create_subscription("t", "me", model=model, start="latest")
    moment = now + timedelta(minutes=minutes)
    for to in (moment, moment.isoformat(), {0: moment}):
        assert list(s.reset("t", "me", to, confirm="me")["found"]) == [place]


def test_partitions_that_are_not_named_stay(desk: Session) -> None:
    before = list(desk.describe_subscription("group").progress["committed"])
    done = desk.reset("orders", "group", {1: "latest"}, confirm="group")
    assert [(row["partition"], row["found"]) for row in rows(done)] == [(1, 7)]
    assert list(desk.describe_subscription("group").progress["committed"]) == [before[0], 7, before[2]]


@pytest.mark.extended
def test_after_a_reset_to_the_beginning_everything_is_redelivered(desk: Session) -> None:
    for name, model in (("group", "record"), ("queue", "message")):
        desk.reset("orders", name, "earliest", confirm=name)
        got = desk.pull("orders", 50, subscription=name, model=model)
        assert sorted(json.loads(each)["id"] for each in got["value"]) == list(range(20))


def test_a_dry_run_changes_nothing(desk: Session) -> None:
    before = desk.subscriptions().drop(columns="oldest_age")
    for name in ("group", "queue"):
        desk.reset("orders", name, "latest", dry_run=True)
        desk.delete_subscription("orders", name, dry_run=True)
    assert desk.subscriptions().drop(columns="oldest_age").equals(before)


@pytest.mark.parametrize("confirm", [None, "", "orders", "GROUP"])
def test_a_change_needs_the_name_typed_again(desk: Session, confirm: str | None) -> None:
    for change in (
        lambda: desk.reset("orders", "group", "latest", confirm=confirm),
        lambda: desk.delete_subscription("orders", "group", confirm=confirm),
    ):
        with pytest.raises(bk.ConfigError, match="type the name again: confirm='group'"):
            change()
    assert next(row["lag"] for row in rows(desk.subscriptions()) if row["subscription"] == "group") == 15


def test_a_read_only_session_shows_plans_and_changes_nothing() -> None:
    with bk.connect("inmem://operating") as owner:
        owner.create_topic("t")
        owner.publish_batch("t", ["a", "b"])
        owner.create_subscription("t", "me", start="earliest")
        with bk.connect("inmem://operating", read_only=True) as looker:
            assert list(looker.reset("t", "me", "latest", dry_run=True)["lag_after"]) == [0]
            assert list(looker.delete_subscription("t", "me", dry_run=True)["status"]) == ["planned"]
            for change in (
                lambda: looker.reset("t", "me", "latest", confirm="me"),
                lambda: looker.delete_subscription("t", "me", confirm="me"),
                lambda: looker.connection.subscriptions().delete("t", "me"),
            ):
                with pytest.raises(bk.NotSupported, match="read-only"):
                    change()
        (row,) = rows(owner.subscriptions())
        assert row["lag"] == 2


@pytest.mark.parametrize(
    ("to", "error", "said"),
    [
        ({0: 300}, bk.ConfigError, "300 lies outside partition 0, which has 0 up to 7"),
        (300, bk.ConfigError, "300 lies outside partition"),
        ({7: 1}, bk.NotFound, "no partition 7"),
        ("yesterday-ish", bk.ConfigError, "is not a position"),
        ("snapshot:x", bk.NotSupported, "no snapshots"),
        (None, bk.ConfigError, "is not a position"),
        ({}, bk.ConfigError, "no partition is named"),
    ],
)
def test_a_place_that_is_not_there_is_refused(desk: Session, to: Any, error: type, said: str) -> None:
    for name in ("group", "queue"):
        with pytest.raises(error, match=said):
            desk.reset("orders", name, to, confirm=name)


def test_a_group_with_members_is_refused_by_their_names(desk: Session) -> None:
    with desk.consumer("orders", "group", model="record") as consumer:
        consumer.next_batch(1, 5)
        attempts: list[Callable[[], Any]] = [
            lambda: desk.reset("orders", "group", "latest", confirm="group"),
            lambda: desk.delete_subscription("orders", "group", confirm="group"),
        ]
        for attempt in attempts:
            with pytest.raises(bk.InUse, match="member 2"):
                attempt()
        plan = desk.reset("orders", "group", "latest", dry_run=True)
        assert sum(plan["lag_after"]) == 0
        assert "member 2" in notes(plan)[0]
    desk.reset("orders", "group", "latest", confirm="group")


def test_messages_in_flight_are_told_and_given_up(desk: Session) -> None:
    with desk.consumer("orders", "queue") as consumer:
        held = list(consumer.next_batch(2, 5))
        plan = desk.reset("orders", "queue", "earliest", dry_run=True)
        assert notes(plan) == ["2 messages in flight are given up: acknowledging them will fail"]
        desk.reset("orders", "queue", "earliest", confirm="queue")
        with pytest.raises(bk.LockLost):
            held[0].ack()
        held[1].nack()


def test_a_deleted_subscription_is_gone_and_its_messages_stay(desk: Session) -> None:
    for name in ("group", "queue"):
        (row,) = rows(desk.delete_subscription("orders", name, confirm=name))
        assert (row["subscription"], row["lag"], row["status"]) == (name, 15, "deleted")
        with pytest.raises(bk.NotFound):
            desk.delete_subscription("orders", name, confirm=name)
    assert len(desk.subscriptions()) == 0
    assert len(desk.peek("orders", 50)) == 20


def test_a_run_without_a_person_changes_nothing_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with bk.connect("inmem://operated") as owner:
        owner.create_topic("t")
        owner.create_subscription("t", "me", start="earliest")
        with bk.connect("inmem://operated", production=True) as unattended:
            assert len(unattended.reset("t", "me", "latest", dry_run=True)) == 1
            for change in (
                lambda: unattended.reset("t", "me", "latest", confirm="me"),
                lambda: unattended.delete_subscription("t", "me", confirm="me"),
            ):
                with pytest.raises(bk.NotSupported, match="allow_changes=True"):
                    change()
        with bk.connect("inmem://operated", production=True, allow_changes=True) as allowed:
            allowed.delete_subscription("t", "me", confirm="me")


def with_a_group(target: str) -> Session:
    session = bk.connect(target)
    session.create_topic("orders", partitions=1)
    session.create_subscription("orders", "group", model="record", start="latest")
    session.publish_batch("orders", [bk.OutboundMessage(str(n)) for n in range(5)])
    return session


def test_an_undo_takes_no_receipts_of_another_broker() -> None:
    with with_a_group("inmem://undo-prod") as prod, with_a_group("inmem://undo-test") as test:
        done = prod.reset("orders", "group", "latest", confirm="group")
        for dry_run in (True, False):
            with pytest.raises(bk.ConfigError, match="inmem://undo-prod.* connected to inmem://undo-test"):
                test.undo(done, dry_run=dry_run, confirm="group")
        assert test.describe_subscription("group").lag == 5
        with bk.connect("inmem://undo-prod") as again:
            again.undo(done, confirm="group")
        assert prod.describe_subscription("group").lag == 5
    with with_a_group("inmem://") as one, with_a_group("inmem://") as two:
        done = one.reset("orders", "group", "latest", confirm="group")
        with pytest.raises(bk.ConfigError, match="'orders' was created again since"):
            two.undo(done, confirm="group")


@pytest.mark.parametrize("name", ["group", "queue"])
def test_an_undo_skips_nothing_of_a_topic_that_was_created_again(desk: Session, name: str) -> None:
    model = "record" if name == "group" else "message"
    done = desk.reset("orders", name, "earliest", confirm=name)
    desk.delete_topic("orders", confirm="orders")
    desk.create_topic("orders", partitions=3)
    desk.create_subscription("orders", name, model=model, start="earliest")
    desk.publish_batch("orders", [bk.OutboundMessage(str(n), str(n)) for n in range(20)])
    with pytest.raises(bk.ConfigError, match="'orders' was created again since"):
        desk.undo(done, confirm=name)
    assert desk.describe_subscription(name).lag == 20


def test_several_resets_are_undone_one_by_one(desk: Session) -> None:
    first = desk.reset("orders", "group", "latest", confirm="group")
    second = desk.reset("orders", "group", "latest", confirm="group")
    together = pd.concat([first, second])
    with pytest.raises(bk.ConfigError, match="several resets: undo the last one first"):
        desk.undo(together, confirm="group")
    desk.undo(second, confirm="group")
    desk.undo(first, confirm="group")
    assert desk.describe_subscription("group").lag == 15
