"""Operating subscriptions on the real broker, with the state asked of its REST endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

import brokerkit as bk
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .conftest import Make

pytestmark = pytest.mark.broker


@pytest.fixture
def s(url: str) -> Iterator[Session]:
    with bk.connect(url) as session:
        yield session


def backlog(server: PulsarServer, topic: str, subscription: str) -> int:
    """How many messages the broker says are left, over all partitions."""
    path = topic.replace("://", "/")
    base = f"{server.admin}/admin/v2/{path}"
    partitions = httpx.get(f"{base}/partitions").json()["partitions"]
    names = [f"{base}-partition-{number}" for number in range(partitions)] or [base]
    total = 0
    for name in names:
        stats = httpx.get(f"{name}/stats", params={"getPreciseBacklog": "true"}).json()
        total += stats["subscriptions"][subscription]["msgBacklog"]
    return total


def sent(s: Session, topic: str, count: int) -> list[str]:
    """Publish so many messages; their ids."""
    return [str(each.id) for each in (s.publish(topic, {"n": number}) for number in range(count))]


@pytest.mark.parametrize(
    ("to", "left"), [("earliest", 10), ("latest", 0), ("sixth", 5), (-3, 3), ("-1h", 10)]
)
def test_a_reset_lands_where_the_plan_said(
    s: Session, pulsar_server: PulsarServer, make: Make, to: Any, left: int
) -> None:
    topic = make()
    ids = sent(s, topic, 10)
    s.create_subscription(topic, "me", start="earliest")
    s.pull(topic, 4, subscription="me")
    to = ids[5] if to == "sixth" else to
    before = backlog(pulsar_server, topic, "me")
    plan = s.reset(topic, "me", to, dry_run=True)
    assert list(plan["lag_after"]) == [left]
    assert backlog(pulsar_server, topic, "me") == before
    done = s.reset(topic, "me", to, confirm="me")
    assert list(done["status"]) == ["done"]
    assert list(done["found"]) == list(plan["after"])
    assert backlog(pulsar_server, topic, "me") == left
    got = s.pull(topic, 50, subscription="me", timeout=60 if left else 1)
    assert list(got["id"]) == ids[10 - left :]


def test_each_partition_is_moved_or_stays(s: Session, pulsar_server: PulsarServer, make: Make) -> None:
    topic = make(2)
    sent(s, topic, 20)
    s.create_subscription(topic, "me", start="earliest")
    half = s.describe_subscription("me", topic).progress["lag"].tolist()
    assert sum(half) == 20
    assert set(s.reset(topic, "me", "latest", confirm="me")["status"]) == {"done"}
    assert backlog(pulsar_server, topic, "me") == 0
    done = s.reset(topic, "me", {1: "earliest"}, confirm="me")
    assert list(done["partition"]) == [1]
    assert s.describe_subscription("me", topic).progress["lag"].tolist() == [0, half[1]]
    assert backlog(pulsar_server, topic, "me") == half[1]
    undone = s.undo(done, confirm="me")
    assert s.describe_subscription("me", topic).progress["lag"].tolist() == [0, 0]
    assert backlog(pulsar_server, topic, "me") == 0
    s.undo(undone, confirm="me")
    assert s.describe_subscription("me", topic).progress["lag"].tolist() == [0, half[1]]


def cursors(server: PulsarServer, topic: str, subscription: str) -> list[str]:
    """Where the broker says that a subscription is, in each of two partitions."""
    base = f"{server.admin}/admin/v2/{topic.replace('://', '/')}"
    answers = [httpx.get(f"{base}-partition-{number}/internalStats").json() for number in range(2)]
    return [each["cursors"][subscription]["markDeletePosition"] for each in answers]


@pytest.mark.parametrize(
    "to",
    [
        "a datetime",
        "an id in each",
        *(pytest.param(to, marks=pytest.mark.extended) for to in ("a text", "-1h", "-1ms", "an id in one")),
    ],
)
def test_a_reset_lands_where_the_client_library_seeks_to(
    s: Session, pulsar_server: PulsarServer, make: Make, to: str
) -> None:
    topic = make(2)
    sent(s, topic, 20)
    rows = s.scan(topic, progress=False).to_pandas().sort_values("publish_time", kind="stable")
    moment = rows["publish_time"].iloc[11].to_pydatetime()
    rest = rows[rows["publish_time"] >= moment]
    firsts = {number: rest[rest["partition"] == number].iloc[0] for number in (0, 1)}
    target: Any = {
        "a datetime": moment,
        "a text": moment.isoformat(),
        "an id in each": {number: row["id"] for number, row in firsts.items()},
        "an id in one": {1: firsts[1]["id"]},
    }.get(to, to)
    seek = {"-1h": moment - timedelta(hours=1), "-1ms": moment + timedelta(hours=1)}.get(to, moment)
    s.create_subscription(topic, "me", start="earliest")
    s.create_subscription(topic, "twin", start="earliest")
    plan = s.reset(topic, "me", target, dry_run=True)
    done = s.reset(topic, "me", target, confirm="me")
    assert set(done["status"]) == {"done"}
    assert list(done["found"]) == list(plan["after"])
    twin = s.native.subscribe(f"{topic}-partition-1" if to == "an id in one" else topic, "twin")
    twin.seek(int(seek.timestamp() * 1000))
    twin.close()
    assert cursors(pulsar_server, topic, "me") == cursors(pulsar_server, topic, "twin")
    assert backlog(pulsar_server, topic, "me") == backlog(pulsar_server, topic, "twin")


def test_a_position_inside_a_batch_delivers_from_there(s: Session, make: Make) -> None:
    topic = make()
    s.publish_batch(topic, [{"n": number} for number in range(100)])
    ids = list(s.peek(topic, 100)["id"])
    s.create_subscription(topic, "me", start="latest")
    done = s.reset(topic, "me", ids[37], confirm="me")
    assert list(done["status"]) == ["done"]
    back = s.undo(done, confirm="me")
    assert list(back["found"]) == list(done["before"])
    assert list(s.undo(back, confirm="me")["found"]) == list(done["found"])
    got = list(s.pull(topic, 200, subscription="me", timeout=5)["id"])
    assert set(ids[37:]) <= set(got)


def test_a_position_that_is_not_there_is_refused(s: Session, pulsar_server: PulsarServer, make: Make) -> None:
    topic = make()
    sent(s, topic, 5)
    s.create_subscription(topic, "me", start="earliest")
    for to in ("999999:3:-1:-1", 3):
        with pytest.raises(bk.ConfigError, match="lies outside the topic|is not a position"):
            s.reset(topic, "me", to, confirm="me")
    with pytest.raises(bk.NotFound, match="no subscription 'none'"):
        s.reset(topic, "none", "latest", confirm="none")
    assert backlog(pulsar_server, topic, "me") == 5


def test_positions_that_are_shown_may_be_given(s: Session, make: Make) -> None:
    topic = make(2)
    sent(s, topic, 6)
    s.create_subscription(topic, "me", start="earliest")
    before = s.describe_subscription("me", topic).progress
    ends = s.describe(topic).partitions["end"]
    for places in (ends, before["committed"], before["end"]):
        done = s.reset(topic, "me", dict(enumerate(places)), confirm="me")
        assert list(done["found"]) == list(places)
    with pytest.raises(bk.ConfigError, match="lies outside partition 0") as refused:
        s.reset(topic, "me", {0: f"{ends[0].split(':')[0]}:999:0:-1"}, confirm="me")
    assert f"up to {ends[0]}, its end" in str(refused.value)


def test_consumers_are_named_go_on_from_there_and_hinder_a_deletion(s: Session, make: Make) -> None:
    topic = make()
    sent(s, topic, 5)
    s.create_subscription(topic, "me", start="earliest")
    with s.consumer(topic, "me") as consumer:
        for each in consumer.next_batch(5, 10):
            each.ack()
        found = s.describe_subscription("me", topic)
        assert found.members is not None
        (member,) = found.members.to_dict("records")
        assert member["host"].startswith("127.0.0.1")
        (note,) = s.reset(topic, "me", "earliest", dry_run=True).attrs["brokerkit"]["notes"]
        assert member["client"] in note
        with pytest.raises(bk.InUse, match=member["client"]):
            s.delete_subscription(topic, "me", confirm="me")
        assert list(s.reset(topic, "me", "earliest", confirm="me")["status"]) == ["done"]
        again = list(consumer.next_batch(5, 15))
        assert again
        for each in again:
            each.ack()


def test_a_list_and_a_description_agree_with_the_broker(
    s: Session, pulsar_server: PulsarServer, make: Make
) -> None:
    topic = make(2)
    sent(s, topic, 6)
    s.create_subscription(topic, "me", start="earliest")
    s.pull(topic, 2, subscription="me")
    everywhere = s.subscriptions()
    (row,) = everywhere[everywhere["topic"] == topic].to_dict("records")
    assert (row["subscription"], row["lag"]) == ("me", backlog(pulsar_server, topic, "me"))
    assert 0 < row["oldest_age"].total_seconds() < 60
    found = s.describe_subscription("me", topic)
    assert sum(found.progress["lag"]) == row["lag"]
    assert found.settings["type"] == "Shared"


def test_a_deleted_subscription_is_gone_from_every_partition(
    s: Session, pulsar_server: PulsarServer, make: Make
) -> None:
    topic = make(2)
    s.create_subscription(topic, "me", start="earliest")
    s.delete_subscription(topic, "me", confirm="me")
    path = topic.replace("://", "/")
    for number in range(2):
        url = f"{pulsar_server.admin}/admin/v2/{path}-partition-{number}/subscriptions"
        assert httpx.get(url).json() == []
    with pytest.raises(bk.NotFound):
        s.delete_subscription(topic, "me", confirm="me")


def test_without_the_rest_endpoint_it_says_what_is_needed(pulsar_server: PulsarServer, make: Make) -> None:
    topic = make()
    with bk.connect(pulsar_server.url) as plain:
        for ask in (
            lambda: plain.subscriptions(topic),
            lambda: plain.describe_subscription("me", topic),
            lambda: plain.reset(topic, "me", "latest", dry_run=True),
        ):
            with pytest.raises(bk.NotSupported, match="admin="):
                ask()


def test_a_description_of_a_topic_has_sizes_brokers_and_policies(
    s: Session, pulsar_server: PulsarServer, make: Make
) -> None:
    topic = make(2)
    sent(s, topic, 4)
    path = topic.replace("://", "/")
    answer = httpx.post(f"{pulsar_server.admin}/admin/v2/{path}/messageTTL", params={"messageTTL": "3600"})
    assert answer.is_success, answer.text

    def told() -> bool:
        settings = s.describe(topic).settings.set_index("setting")
        return bool(settings["changed"].get("message_ttl_seconds", False))

    eventually(told, "the policy of the topic is known")
    found = s.describe(topic)
    assert "message_ttl_seconds: 1 hour (changed)" in repr(found)
    assert found.settings["changed"].sum() == 1
    for row in found.partitions.to_dict("records"):
        stats = httpx.get(f"{pulsar_server.admin}/admin/v2/{path}-partition-{row['partition']}/stats").json()
        assert row["bytes"] == stats["storageSize"]
    assert found.partitions["leader"].notna().all()
