"""Operating groups on the real broker, with the state asked of confluent-kafka's own admin client."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

import brokerkit as bk
from brokerkit.core import Connection
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .conftest import publish

pytestmark = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore::brokerkit.core.vocabulary.errors.PreviewWarning"),
]


@pytest.fixture
def s(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as session:
        yield session


@pytest.fixture(scope="module")
def admin(kafka_server: KafkaServer) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka_server.bootstrap})


def committed(admin: AdminClient, group: str, topic: str) -> dict[int, int]:
    """What the client library says is committed."""
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result()
    return {each.partition: each.offset for each in asked.topic_partitions if each.topic == topic}


def new_group(s: Session, topic: str) -> str:
    name = f"group-{uuid.uuid4().hex[:8]}"
    s.create_subscription(topic, name, start="earliest")
    return name


@pytest.fixture
def filled(broker: Connection, make_topic: Callable[..., str]) -> str:
    """A topic with 10 records in each of its two partitions, the times of which are a minute apart."""
    topic = make_topic(partitions=2)
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    messages = [
        bk.core.OutboundMessage(b"%d" % n, partition=n % 2, publish_time=first + timedelta(minutes=n // 2))
        for n in range(20)
    ]
    publish(broker, topic, *messages)
    return topic


@pytest.mark.parametrize(
    ("to", "places"),
    [
        ("earliest", {0: 0, 1: 0}),
        ("latest", {0: 10, 1: 10}),
        ("-150s", {0: 8, 1: 8}),
        (-3, {0: 7, 1: 7}),
        (4, {0: 4, 1: 4}),
        ({1: 6}, {1: 6}),
        ({0: 2, 1: "latest"}, {0: 2, 1: 10}),
    ],
)
def test_a_reset_lands_where_the_plan_said(
    s: Session, admin: AdminClient, filled: str, to: Any, places: dict[int, int]
) -> None:
    group = new_group(s, filled)
    s.reset(filled, group, {0: 5, 1: 5}, confirm=group)
    plan = s.reset(filled, group, to, dry_run=True)
    assert dict(zip(plan["partition"], plan["after"], strict=True)) == places
    assert list(plan["lag_after"]) == [10 - place for place in places.values()]
    assert committed(admin, group, filled) == {0: 5, 1: 5}
    done = s.reset(filled, group, to, confirm=group)
    assert set(done["status"]) == {"done"}
    assert committed(admin, group, filled) == {0: 5, 1: 5} | places
    undone = s.undo(done, confirm=group)
    assert committed(admin, group, filled) == {0: 5, 1: 5}
    s.undo(undone, confirm=group)
    assert committed(admin, group, filled) == {0: 5, 1: 5} | places


@pytest.mark.parametrize("to", ["2h ago", "between two", "of one", "after all", "text", "each"])
def test_a_reset_to_a_time_lands_where_the_client_library_finds_it(
    s: Session, admin: AdminClient, kafka_server: KafkaServer, filled: str, to: str
) -> None:
    group = new_group(s, filled)
    sixth = s.peek(filled, 20, start="earliest")["publish_time"].sort_values().iloc[10].to_pydatetime()
    away = {"2h ago": -7200, "between two": 30, "after all": 7200}.get(to, 0)
    moment = sixth + timedelta(seconds=away)
    target: Any = {"text": moment.isoformat(), "each": {0: moment, 1: "latest"}}.get(to, moment)
    millis = int(moment.timestamp() * 1000)
    with closing(Consumer({"bootstrap.servers": kafka_server.bootstrap, "group.id": "asks"})) as client:
        found = client.offsets_for_times([TopicPartition(filled, number, millis) for number in (0, 1)], 10)
        # the client library says -1 for the end
        places = {each.partition: 10 if each.offset < 0 else each.offset for each in found}
    if to == "each":
        places[1] = 10
    plan = s.reset(filled, group, target, dry_run=True)
    assert dict(zip(plan["partition"], plan["after"], strict=True)) == places
    assert set(s.reset(filled, group, target, confirm=group)["status"]) == {"done"}
    assert committed(admin, group, filled) == places


def test_an_offset_after_the_end_is_refused(s: Session, admin: AdminClient, filled: str) -> None:
    group = new_group(s, filled)
    for to in ({0: 11}, 1_000_000_000):
        with pytest.raises(bk.ConfigError, match="lies outside partition 0, which has 0 up to 10"):
            s.reset(filled, group, to, confirm=group)
    assert committed(admin, group, filled) == {0: 0, 1: 0}


def test_a_group_that_does_not_exist_is_not_created(s: Session, admin: AdminClient, filled: str) -> None:
    with pytest.raises(bk.NotFound, match="none-of-them"):
        s.reset(filled, "none-of-them", "latest", confirm="none-of-them")
    assert committed(admin, "none-of-them", filled) == {}


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_with_members_is_refused_by_their_names(
    s: Session, admin: AdminClient, kafka_server: KafkaServer, filled: str, protocol: str
) -> None:
    group = new_group(s, filled)
    member = Consumer(
        {
            "bootstrap.servers": kafka_server.bootstrap,
            "group.id": group,
            "group.protocol": protocol,
            "client.id": "worker-7",
            "enable.auto.commit": False,
        }
    )
    try:
        member.subscribe([filled])
        eventually(lambda: member.poll(0.5), "the member reads", within=60)
        attempts: list[Callable[[], Any]] = [
            lambda: s.reset(filled, group, "latest", confirm=group),
            lambda: s.delete_subscription(filled, group, confirm=group),
        ]
        for attempt in attempts:
            with pytest.raises(bk.InUse, match=r"stop worker-7 on 127\.0\.0\.1"):
                attempt()
        plan = s.reset(filled, group, "latest", dry_run=True)
        assert list(plan["after"]) == [10, 10]
        assert "refused for now" in plan.attrs["brokerkit"]["notes"][0]
        assert "stop worker-7 on 127.0.0.1" in plan.attrs["brokerkit"]["notes"][0]
        found = s.describe_subscription(group, filled)
        assert found.members is not None
        (row,) = found.members.to_dict("records")
        assert (row["client"], row["host"], row["partitions"]) == ("worker-7", "127.0.0.1", "0, 1")
        assert (found.state, found.settings["protocol"]) == ("stable", protocol)
        assert committed(admin, group, filled) == {0: 0, 1: 0}
    finally:
        member.close()

    def empty() -> bool:
        return not admin.describe_consumer_groups([group])[group].result().members

    eventually(empty, "the member has left")
    assert set(s.reset(filled, group, "latest", confirm=group)["status"]) == {"done"}
    assert committed(admin, group, filled) == {0: 10, 1: 10}


def test_the_list_agrees_with_the_client_library(
    s: Session, admin: AdminClient, filled: str, make_topic: Callable[..., str]
) -> None:
    other = make_topic()
    group = new_group(s, filled)
    s.create_subscription(other, group, start="earliest")
    s.reset(filled, group, {0: 4, 1: 9}, confirm=group)
    found = s.subscriptions()
    ours = found[found["subscription"] == group].set_index("topic")
    assert ours["lag"].to_dict() == {filled: 7, other: 0}
    assert set(ours["members"]) == {0}
    # of all groups of a broker, not every oldest message is found in time
    aged = s.subscriptions(filled).set_index("subscription")["oldest_age"]
    assert 300 < aged[group].total_seconds() < 400
    places = s.describe_subscription(group, filled).progress.set_index("partition")["committed"]
    assert places.to_dict() == committed(admin, group, filled)


def test_a_group_with_positions_in_other_topics_is_not_deleted(
    s: Session, admin: AdminClient, filled: str, make_topic: Callable[..., str]
) -> None:
    other = make_topic()
    group = new_group(s, filled)
    s.create_subscription(other, group, start="earliest")
    with pytest.raises(bk.InUse, match=f"has positions in {other} as well"):
        s.delete_subscription(filled, group, confirm=group)
    assert committed(admin, group, filled) == {0: 0, 1: 0}


def test_a_deleted_group_is_gone(s: Session, admin: AdminClient, filled: str) -> None:
    group = new_group(s, filled)
    s.delete_subscription(filled, group, confirm=group)
    names = [each.group_id for each in admin.list_consumer_groups().result().valid]
    assert group not in names
    with pytest.raises(bk.NotFound):
        s.describe_subscription(group, filled)


def test_a_share_group_is_described_and_deleted_and_not_moved(s: Session, filled: str) -> None:
    name = f"share-{uuid.uuid4().hex[:8]}"
    s.create_subscription(filled, name, share=True, start="earliest", **{"share.delivery.count.limit": 7})
    s.pull(filled, 3, subscription=name, share=True)
    found = s.describe_subscription(name, filled)
    assert (found.kind, found.members) == ("share group", None)
    assert found.settings["max_deliveries"] == 7
    assert "lock_seconds: 30 seconds" in repr(found)
    listed = s.subscriptions(filled)
    assert listed[listed["subscription"] == name]["kind"].tolist() == ["share group"]
    for attempt in ({"dry_run": True}, {"confirm": name}):
        with pytest.raises(bk.NotSupported, match=r"kafka-share-groups\.sh"):
            s.reset(filled, name, "earliest", **attempt)
    s.delete_subscription(filled, name, confirm=name)
    with pytest.raises(bk.NotFound):
        s.describe_subscription(name, filled)
    # the name is free for a group of the other kind
    s.create_subscription(filled, name, start="latest")


def test_positions_before_what_retention_left_count_from_there(
    s: Session, admin: AdminClient, filled: str
) -> None:
    group = new_group(s, filled)
    purged = admin.delete_records([TopicPartition(filled, 0, 6)])
    assert [each.result().low_watermark for each in purged.values()] == [6]
    plan = s.reset(filled, group, "earliest", dry_run=True)
    assert list(plan["after"]) == [6, 0]
    assert list(plan["lag_before"]) == [4, 10]
    with pytest.raises(bk.ConfigError, match="2 lies outside partition 0, which has 6 up to 10"):
        s.reset(filled, group, {0: 2}, dry_run=True)


def test_a_description_of_a_topic_has_its_places_and_marks_what_was_chosen(
    s: Session, admin: AdminClient, make_topic: Callable[..., str]
) -> None:
    topic = make_topic(partitions=2, **{"retention.ms": 1_209_600_000, "max.message.bytes": 10_000_000})
    found = s.describe(topic)
    asked = admin.list_topics(topic, timeout=10).topics[topic].partitions
    for row in found.partitions.to_dict("records"):
        known = asked[row["partition"]]
        assert row["leader"].startswith(f"{known.leader} (127.0.0.1:")
        assert row["replicas"] == ", ".join(map(str, known.replicas))
        assert row["in_sync"] == ", ".join(map(str, known.isrs))
    settings = found.settings.set_index("setting")
    assert settings["changed"][settings["changed"]].index.tolist() == ["max.message.bytes", "retention.ms"]
    assert settings["text"]["retention.ms"] == "14 days"
    assert "retention.ms: 14 days (changed)" in repr(found)
    assert "max.message.bytes: 10 MB (changed)" in repr(found)
