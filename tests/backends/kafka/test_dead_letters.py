"""Dead letters of Kafka: sent again in transactions, and remembered by a group."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pyarrow.compute as pc
import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

import brokerkit as bk
from brokerkit.backends.kafka import share_letters
from brokerkit.backends.kafka.dead_letters import GROUP
from brokerkit.core import ConnectedPublisher, OutboundMessage
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.session.operate.receipts import MoveWarning
from brokerkit.session.operate.sources import RememberedSource
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session


@pytest.fixture
def s(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as session:
        yield session


def new_topic(s: Session, **options: object) -> str:
    """A topic and its dead-letter topic, each with three partitions."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    s.create_topic(name, partitions=3, **options)
    s.create_topic(f"{name}-dlq", partitions=3)
    return name


def fail(s: Session, topic: str, count: int) -> None:
    """Fill the dead letters, as Spring does, of keys whose partition it chose itself."""
    letters = [
        OutboundMessage(
            f"{n}",
            f"k{n % 10}",
            [
                ("own", b"1"),
                ("kafka_dlt-original-topic", topic.encode()),
                ("kafka_dlt-original-partition", (n % 10 % 3).to_bytes(4, "big")),
                ("kafka_dlt-original-offset", n.to_bytes(8, "big")),
                ("kafka_dlt-original-timestamp", (1_700_000_000_000 + n).to_bytes(8, "big")),
                ("kafka_dlt-original-consumer-group", b"billing"),
                ("kafka_dlt-exception-cause-fqcn", b"java.lang.Odd" if n % 2 else b"java.lang.Even"),
                ("kafka_dlt-exception-fqcn", b"org.springframework.Wrapped"),
                ("kafka_dlt-exception-message", b"it is " + (b"odd" if n % 2 else b"even")),
            ],
        )
        for n in range(count)
    ]
    s.publish_batch(f"{topic}-dlq", letters)


def stored(s: Session, topic: str, count: int) -> Any:
    """Return what a topic holds. A transaction that is committed becomes visible a little later."""
    eventually(lambda: len(s.peek(topic, 2_000)) >= count, f"{count} are visible in {topic}", within=60)
    return s.peek(topic, 2_000)


def positions(server: KafkaServer, topic: str, group: str = GROUP) -> dict[int, int]:
    """What the group has committed, asked with the system's own client."""
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    futures = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    found = futures[group].result(60).topic_partitions
    return {each.partition: each.offset for each in found if each.topic == topic}


def test_spring_headers_are_read_and_records_go_back_to_their_partition(
    s: Session, kafka_server: KafkaServer
) -> None:
    topic = new_topic(s)
    fail(s, topic, 60)
    found = s.dead_letters(topic)
    assert set(found["reason"]) == {"java.lang.Odd", "java.lang.Even"}
    assert set(found["origin_subscription"]) == {"billing"}
    assert set(found["first_time"].dt.year) == {2023}
    receipts = s.redrive(topic, confirm=topic, progress=False)
    assert receipts.counts == {"confirmed": 60, "failed": 0, "unknown": 0}
    again = stored(s, topic, 60)
    for _, row in again.iterrows():
        assert row["partition"] == int(row["value"]) % 10 % 3
        names = [each["name"] for each in row["attributes"]]
        assert names == ["own", "bk-redriven", "bk-redrive-id"]
        assert row["publish_time"].year > 2023, "retention would delete a time of long ago"
    for _, of_key in again.groupby("key"):
        numbers = [int(each) for each in of_key.sort_values("offset")["value"]]
        assert numbers == sorted(numbers)
    with closing(Consumer({"bootstrap.servers": kafka_server.bootstrap, "group.id": "asks"})) as client:
        asked = (TopicPartition(f"{topic}-dlq", number) for number in range(3))
        ends = {each.partition: client.get_watermark_offsets(each)[1] for each in asked}
    assert positions(kafka_server, f"{topic}-dlq") == ends
    assert len(s.dead_letters(topic)) == 0
    assert len(s.dead_letters(topic, through=f"other-{topic}")) == 60


def test_an_interrupt_while_it_is_committed_calls_no_row_failed_that_may_be_stored(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = new_topic(s)
    fail(s, topic, 60)
    commit = ConnectedPublisher.commit

    def interrupted(publisher: ConnectedPublisher, **given: Any) -> None:
        commit(publisher, **given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ConnectedPublisher, "commit", interrupted)
        with pytest.raises(bk.Interrupted) as caught:
            s.redrive(topic, confirm=topic, progress=False)
    tried = caught.value.frame
    assert tried is not None
    assert set(tried["status"]) == {"unknown"}
    assert len(s.redrive(topic, confirm=topic, progress=False)) == 60 - len(tried)
    assert Counter(stored(s, topic, 60)["value"]) == Counter(str(n) for n in range(60))


def test_a_chosen_part_is_remembered_and_the_others_stay(s: Session) -> None:
    topic = new_topic(s)
    fail(s, topic, 300)
    odd = pc.field("reason") == "java.lang.Odd"
    assert len(s.redrive(topic, where=odd, confirm=topic, progress=False)) == 150
    left = s.dead_letters(topic)
    assert sorted(int(each) for each in left["value"]) == list(range(0, 300, 2))
    fail(s, topic, 10)
    some = left.iloc[5:50:5].copy()
    some["value"] = "mended"
    assert s.redrive(some, confirm=topic, progress=False).counts["confirmed"] == len(some)
    assert len(s.dead_letters(topic)) == 150 + 10 - len(some)
    assert len(s.redrive(topic, confirm=topic, progress=False)) == 160 - len(some)
    counts = Counter(stored(s, topic, 310)["value"])
    assert counts.pop("mended") == len(some)
    assert sum(counts.values()) == 310 - len(some)
    assert s.dead_letters(topic).empty
    assert s.redrive(topic, confirm=topic, progress=False).empty


def test_what_a_topic_refuses_stays_and_the_rest_goes(s: Session) -> None:
    topic = new_topic(s, config={"max.message.bytes": "2000"})
    big = {n for n in range(1_000) if n % 100 == 99}
    s.publish_batch(
        f"{topic}-dlq",
        [OutboundMessage(f"{n}".zfill(4000 if n in big else 1), f"k{n % 7}") for n in range(1_000)],
    )
    receipts = s.redrive(topic, confirm=topic, progress=False)
    assert receipts.counts == {"confirmed": 990, "failed": 10, "unknown": 0}
    assert all("max.message.bytes" in each for each in receipts.failed["error"])
    left = s.dead_letters(topic)
    assert {int(each) for each in left["value"]} == big
    found = stored(s, topic, 990)
    assert Counter(int(each) for each in found["value"]) == Counter(set(range(1_000)) - big)
    for _, of_key in found.groupby("key"):
        numbers = [int(each) for each in of_key.sort_values("offset")["value"]]
        assert numbers == sorted(numbers)
    assert s.redrive(topic, confirm=topic, progress=False).counts["failed"] == 10


def test_to_another_system_each_is_remembered_after_its_confirmation(s: Session) -> None:
    topic = new_topic(s)
    fail(s, topic, 40)
    with bk.connect("inmem://") as other:
        other.create_topic(topic)
        assert len(s.redrive(topic, to_session=other, confirm=topic, limit=15, progress=False)) == 15
        assert len(s.redrive(topic, to_session=other, confirm=topic, progress=False)) == 25
        assert sorted(int(each) for each in other.peek(topic)["value"]) == list(range(40))
    assert s.dead_letters(topic).empty


def test_a_group_with_members_cannot_remember(s: Session) -> None:
    topic = new_topic(s)
    fail(s, topic, 5)
    with s.consumer(f"{topic}-dlq", "busy", start="earliest") as consumer:
        assert consumer.next_batch(1, 60)
        with pytest.raises(bk.InUse, match="has members and cannot remember"):
            s.redrive(topic, through="busy", confirm=topic, progress=False)
    assert s.peek(topic).empty
    assert len(s.redrive(topic, confirm=topic, progress=False)) == 5


def test_a_reset_of_the_group_brings_back_what_was_redriven(s: Session) -> None:
    topic = new_topic(s)
    fail(s, topic, 30)
    odd = pc.field("reason") == "java.lang.Odd"
    s.redrive(topic, where=odd, confirm=topic, progress=False)
    assert len(s.dead_letters(topic)) == 15
    done = s.reset(f"{topic}-dlq", GROUP, "earliest", confirm=GROUP)
    assert set(done["status"]) == {"done"}
    assert len(s.dead_letters(topic)) == 30


@pytest.mark.parametrize(
    "which",
    [
        "all",
        pytest.param("odd ones", marks=pytest.mark.extended),
        pytest.param("a few rows", marks=pytest.mark.extended),
    ],
)
def test_an_undo_lists_exactly_the_redriven_dead_letters_again(
    s: Session, kafka_server: KafkaServer, which: str
) -> None:
    topic = new_topic(s)
    fail(s, topic, 300)
    early = s.redrive(topic, limit=40, confirm=topic, progress=False)
    before = s.dead_letters(topic)
    committed = positions(kafka_server, f"{topic}-dlq")
    chosen = {"odd ones": pc.field("reason") == "java.lang.Odd"}.get(which)
    receipts = s.redrive(topic, where=chosen, confirm=topic, progress=False)
    undone = receipts.iloc[3:200:7] if which == "a few rows" else receipts
    plan = s.undo(undone, dry_run=True)
    assert set(plan["status"]) == {"planned"}
    assert len(s.dead_letters(topic)) == 260 - len(receipts)
    with pytest.raises(bk.ConfigError, match="type the name again"):
        s.undo(undone)
    done = s.undo(undone, confirm=topic)
    assert list(done["source_id"]) == list(undone["source_id"])
    assert set(done["status"]) == {"listed"}
    left = s.dead_letters(topic)
    assert set(undone["source_id"]) <= set(left["id"])
    assert len(left) == 260 - len(receipts) + len(undone)
    assert not set(early["source_id"]) & set(left["id"])
    if which != "a few rows":
        assert list(left["id"]) == list(before["id"])
        now = positions(kafka_server, f"{topic}-dlq")
        assert {number: place for number, place in now.items() if place} == committed
    assert len(stored(s, topic, 40 + len(receipts))) == 40 + len(receipts), "the copies stay"
    assert len(s.undo(undone, confirm=topic)) == len(undone)
    assert len(s.dead_letters(topic)) == len(left)
    again = s.redrive(topic, confirm=topic, progress=False)
    assert set(again["source_id"]) == set(left["id"])


def test_an_undo_is_refused_where_it_would_change_what_others_use(
    s: Session, kafka_server: KafkaServer
) -> None:
    topic = new_topic(s)
    fail(s, topic, 20)
    receipts = s.redrive(topic, confirm=topic, progress=False)
    url = f"kafka://{kafka_server.bootstrap}"
    with bk.connect(url, read_only=True) as reading:
        assert len(reading.undo(receipts, dry_run=True)) == 20
        with pytest.raises(bk.NotSupported, match="read-only"):
            reading.undo(receipts, confirm=topic)
    with s.consumer(f"{topic}-dlq", GROUP) as consumer:
        s.publish(f"{topic}-dlq", "new")
        assert consumer.next_batch(1, 60)
        with pytest.raises(bk.InUse, match="has members"):
            s.undo(receipts, confirm=topic)
    for frame in (receipts.drop(columns="status"), s.peek(topic)):
        with pytest.raises(bk.ConfigError, match="takes the receipts"):
            s.undo(frame, confirm=topic)
    with bk.connect("inmem://") as other, pytest.raises(bk.ConfigError, match="connected to that broker"):
        other.undo(receipts, confirm=topic)
    s.delete_topic(f"{topic}-dlq", confirm=f"{topic}-dlq")
    s.create_topic(f"{topic}-dlq", partitions=3)
    with pytest.raises(bk.ConfigError, match="was created again since"):
        s.undo(receipts, confirm=topic)


def test_an_undo_ends_a_redrive_to_another_session(s: Session) -> None:
    topic = new_topic(s)
    fail(s, topic, 20)
    with bk.connect("inmem://") as other:
        other.create_topic(topic)
        receipts = s.redrive(topic, to_session=other, confirm=topic, limit=5, progress=False)
        places = [s.connection.dead_letters().place(f"{topic}-dlq")]
        with s._fenced("redrive", places) as publisher:
            source = RememberedSource(s, places[0], publisher)
            part = next(source.parts(100))
            s.undo(receipts, confirm=topic)
            errors = source.remove(part, range(part.columns.length))
    assert len(errors) == part.columns.length
    assert all(isinstance(each, bk.Closed) for each in errors.values())
    assert len(s.dead_letters(topic)) == 20


def test_records_are_not_moved_and_the_reason_names_what_does(s: Session) -> None:
    topic = new_topic(s)
    s.publish(topic, "x")
    with pytest.raises(bk.NotSupported, match="publish_frame"):
        s.move(s.peek(topic), "other", confirm=topic)


@pytest.mark.filterwarnings("ignore::brokerkit.core.vocabulary.errors.PreviewWarning")
def test_what_a_share_group_gave_up_gets_its_own_headers_back(s: Session, kafka_server: KafkaServer) -> None:
    topic, group = f"t-{uuid.uuid4().hex[:8]}", f"g-{uuid.uuid4().hex[:8]}"
    s.create_topic(topic)
    s.create_topic(f"dlq.{topic}")
    admin = AdminClient({"bootstrap.servers": kafka_server.bootstrap})
    flag = {"errors.deadletterqueue.group.enable": "true"}
    configure(admin, ConfigResource.Type.TOPIC, f"dlq.{topic}", flag)
    s.create_subscription(topic, group, share=True, start="earliest")
    told = {
        "errors.deadletterqueue.topic.name": f"dlq.{topic}",
        "errors.deadletterqueue.copy.record.enable": "true",
    }
    configure(admin, ConfigResource.Type.GROUP, group, told)
    s.publish_batch(topic, [OutboundMessage(str(n), f"k{n}", [("h", b"1"), ("h", b"2")]) for n in range(4)])
    with s.consumer(topic, group, share=True) as consumer:
        left = 4
        while left:
            for each in consumer.next_batch(left, 20):
                each.reject()
                left -= 1
    eventually(lambda: len(s.dead_letters(topic)) == 4, "the broker copied them", within=60)
    found = s.dead_letters(topic)
    assert set(found["origin_subscription"]) == {group}
    assert sorted(found["origin_offset"]) == [0, 1, 2, 3]
    assert s.redrive(topic, confirm=topic, progress=False).counts["confirmed"] == 4
    again = stored(s, topic, 8).iloc[4:]
    assert sorted(again["value"]) == ["0", "1", "2", "3"]
    names = [each["name"] for each in again["attributes"].iloc[0]]
    assert names == ["h", "h", "bk-redriven", "bk-redrive-id"]


def test_what_a_share_group_gave_up_never_lacks_its_headers_without_a_word(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"t-{uuid.uuid4().hex[:8]}"
    s.create_topic(topic)
    s.publish_batch(topic, [OutboundMessage(b"%d" % n, None, {"own": b"1"}) for n in range(40_000)])
    offsets = [*range(0, 40_000, 1_000), 17, 40_000]
    told = [
        [("__dlq.errors.topic", topic), ("__dlq.errors.partition", "0"), ("__dlq.errors.offset", str(each))]
        for each in offsets
    ]
    count = len(offsets)
    columns = Columns(
        count, topic=topic, partition=[0] * count, offset=list(range(count)), id=[str(n) for n in range(count)],
        key=[None] * count, value=[b"copy"] * count, attributes=told, publish_time=[0] * count,
        ingestion_time=[0] * count,
    )  # fmt: skip
    connected = s.connection.dead_letters()
    place = connected.place(topic)
    kept: list[int] = []
    records = share_letters._records

    def counted(*given: Any) -> Any:
        found = records(*given)
        kept.append(len(found))
        return found

    monkeypatch.setattr(share_letters, "_records", counted)
    answers = 0
    for timeout in (0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 60.0):
        try:
            restored = connected.restored(place, columns, timeout=timeout)
        except bk.Unavailable:
            continue
        answers += 1
        assert list(restored.values("value")) == [*(b"%d" % each for each in offsets[:-1]), b"copy"]
        assert all(("own", b"1") in each for each in list(restored.values("attributes"))[:-1])
    assert answers
    assert set(kept) == {count - 1}


def configure(admin: AdminClient, kind: ConfigResource.Type, name: str, settings: dict[str, str]) -> None:
    resource = ConfigResource(kind, name)
    for each, value in settings.items():
        resource.add_incremental_config(ConfigEntry(each, value, incremental_operation=AlterConfigOpType.SET))
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(60)


@pytest.mark.parametrize("some", [None, 20], ids=["all", "some"])
def test_a_call_that_begins_beside_another_doubles_none(
    s: Session, kafka_server: KafkaServer, monkeypatch: pytest.MonkeyPatch, some: int | None
) -> None:
    topic = new_topic(s)
    fail(s, topic, 60)
    remembered = s.connection.dead_letters().remembered

    def meanwhile(place: DeadLetterPlace, **given: Any) -> Any:
        """The other call commits when this one has read what is remembered."""
        found = remembered(place, **given)
        with bk.connect(f"kafka://{kafka_server.bootstrap}") as other:
            assert other.redrive(topic, confirm=topic, limit=some, progress=False)["removed"].all()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(s.connection.dead_letters(), "remembered", meanwhile)
        with pytest.warns(MoveWarning, match="took over"):
            receipts = s.redrive(topic, confirm=topic, progress=False)
    assert not receipts["removed"].any()
    assert all("took over" in each for each in receipts["error"]), set(receipts["error"])
    assert len(s.redrive(topic, confirm=topic, progress=False)) == 60 - (some or 60)
    assert Counter(stored(s, topic, 60)["value"]) == Counter(str(n) for n in range(60))
