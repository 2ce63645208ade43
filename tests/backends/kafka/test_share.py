"""Share groups of a real broker: messages settled one by one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.backends.kafka.share_consumer import IDLE_SECONDS
from brokerkit.core import (
    AlreadyExists,
    BrokerError,
    ConfigError,
    Connection,
    GivenUpWarning,
    LockLost,
    Message,
    MessageConsumer,
    NotFound,
    NotSupported,
    PreviewWarning,
    connect,
)
from brokerkit.sandbox import kafka
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing import eventually
from brokerkit.workbench import Session

from .conftest import publish

pytestmark = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore::brokerkit.core.vocabulary.errors.PreviewWarning"),
]
MakeTopic = Callable[..., str]
LOCK = "share.record.lock.duration.ms"


@pytest.fixture
def session(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as opened:
        yield opened


def share_group(broker: Connection, topic: str, **options: Any) -> str:
    """A new share group that begins at the first message."""
    name = f"group-{uuid.uuid4().hex[:8]}"
    broker.create_subscription(topic, name, start="earliest", model="message", **options)
    return name


def share_consumer(broker: Connection, topic: str, group: str, **options: Any) -> MessageConsumer:
    consumer = broker.consumer(topic, group, model="message", **options)
    assert isinstance(consumer, MessageConsumer)
    return consumer


def one(consumer: MessageConsumer, within: float = 25.0) -> Message:
    message = consumer.next_message(within)
    assert message is not None, f"nothing came within {within:g} s"
    return message


def test_released_messages_are_redelivered_with_a_growing_count(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    publish(broker, topic, b"again")
    with share_consumer(broker, topic, share_group(broker, topic)) as consumer:
        for expected in (1, 2, 3):
            message = one(consumer)
            assert (message.data, message.delivery_count) == (b"again", expected)
            message.nack()
        one(consumer).ack()


def test_rejected_messages_are_never_redelivered(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, b"poison", b"sound")
    group = share_group(broker, topic)
    with share_consumer(broker, topic, group) as consumer:
        poison, sound = one(consumer), one(consumer)
        poison.reject(reason="cannot be read")
        sound.nack()
    with share_consumer(broker, topic, group) as consumer:
        again = one(consumer)
        assert again.data == b"sound"
        again.ack()
        assert consumer.next_message(1.0) is None


def test_each_message_is_acknowledged_for_itself(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, b"1", b"2", b"3")
    group = share_group(broker, topic)
    with share_consumer(broker, topic, group) as consumer:
        first, second, third = one(consumer), one(consumer), one(consumer)
        second.ack(require_confirmed=True)
        first.nack()
        third.nack()
    with share_consumer(broker, topic, group) as consumer:
        again = [one(consumer), one(consumer)]
        assert [message.data for message in again] == [b"1", b"3"]
        for message in again:
            message.ack()


def test_a_message_held_beyond_its_lock_is_redelivered(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic()
    publish(broker, topic, b"slow")
    group = share_group(broker, topic, **{LOCK: 4000})
    with share_consumer(broker, topic, group) as slow, share_consumer(broker, topic, group) as other:
        late = one(slow)
        again = one(other)
        assert again.delivery_count == 2
        eventually(lambda: late.delivery is not None and late.delivery.settled, "its lock is over", within=60)
        with pytest.raises(LockLost):
            late.ack()
        again.ack()
        assert slow.next_message(0.5) is None


def test_the_next_messages_come_when_those_before_are_settled(
    broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    publish(broker, topic, b"first")
    with share_consumer(broker, topic, share_group(broker, topic)) as consumer:
        first = one(consumer)
        publish(broker, topic, b"second")
        assert consumer.next_message(1.0) is None
        first.ack()
        second = one(consumer)
        assert second.data == b"second"
        second.ack()


def test_a_message_returned_after_its_last_delivery_is_named_and_still_in_the_topic(
    session: Session, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    session.publish_batch(topic, ["a", "b"])
    limit: dict[str, Any] = {"share.delivery.count.limit": 2}
    session.create_subscription(topic, "impatient", share=True, start="earliest", **limit)
    asked: dict[str, Any] = {"subscription": "impatient", "share": True}
    session.pull(topic, ack=False, side_effects="give back", **asked)
    with pytest.warns(GivenUpWarning, match="0-0, 0-1"):
        session.pull(topic, ack=False, side_effects="give back", **asked)
    assert len(session.pull(topic, timeout=1.0, **asked)) == 0
    assert session.peek(topic, 10)["value"].tolist() == ["a", "b"]


def test_pull_takes_no_more_than_it_wants_where_the_messages_came_one_by_one(
    session: Session, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    for value in ["a", "b", "c", "d"]:
        session.publish(topic, value)
    session.pull(topic, 2, subscription="modest", share=True, start="earliest")
    rest = session.pull(topic, subscription="modest", share=True)
    assert rest["value"].tolist() == ["c", "d"]
    assert set(rest["delivery_count"]) == {1}


def test_pull_takes_and_acknowledges(session: Session, make_topic: MakeTopic) -> None:
    topic = make_topic()
    session.publish_batch(topic, [f"{n}" for n in range(20)])
    taken = session.pull(topic, subscription="puller", share=True, start="earliest")
    assert taken["value"].tolist() == [f"{n}" for n in range(20)]
    assert set(taken["delivery_count"]) == {1}
    assert len(session.pull(topic, subscription="puller", share=True, timeout=1.0)) == 0


def test_giving_back_wants_to_be_said_since_it_is_counted(session: Session, make_topic: MakeTopic) -> None:
    topic = make_topic()
    session.publish(topic, "x")
    asked: dict[str, Any] = {"subscription": "looker", "share": True, "start": "earliest", "ack": False}
    with pytest.raises(ConfigError, match="give back"):
        session.pull(topic, **asked)
    assert len(session.pull(topic, side_effects="give back", **asked)) == 1
    # a consumer group counts nothing, so there is nothing to be said
    session.pull(topic, subscription="records", start="earliest", ack=False)
    taken = session.pull(topic, subscription="looker", share=True)
    assert taken["delivery_count"].tolist() == [2]


def test_a_batch_that_fails_is_redelivered_and_the_rest_continues(
    session: Session, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    session.publish_batch(topic, ["a", "b", "c"])
    batches = session.batches(
        topic, subscription="share-worker", share=True, start="earliest", size=100, idle=5.0
    )
    seen: list[tuple[str, int]] = []
    with batches:
        for batch in batches:
            rows = batch.frame
            seen += zip(rows["value"], rows["delivery_count"], strict=True)
            if len(seen) <= 3:
                with pytest.raises(ZeroDivisionError), batch:
                    raise ZeroDivisionError
            else:
                batch.ack()
            if len({value for value, count in seen if count == 2}) == 3:
                break
    assert {value for value, count in seen if count == 1} == {"a", "b", "c"}


def test_describe_shows_share_groups_with_their_lag(session: Session, make_topic: MakeTopic) -> None:
    topic = make_topic(2)
    other = make_topic()
    session.publish_batch(topic, [bk.OutboundMessage(b"%d" % n, key=b"%d" % n) for n in range(10)])
    session.publish(other, "x")
    group = f"shown-{uuid.uuid4().hex[:6]}"
    consumer = session.consumer(topic, group, share=True, start="earliest")
    assert isinstance(consumer, MessageConsumer)
    done = 0
    with consumer:
        while done < 8:
            message = one(consumer)
            message.ack()
            done += 1

    def lag() -> Any:
        rows = session.describe(topic).subscriptions
        found = rows[rows["subscription"] == group]
        assert found["kind"].tolist() == ["share group"]
        return found["lag"].tolist()

    eventually(lambda: lag() == [2], "the lag is told", within=60)
    assert group not in session.describe(other).subscriptions["subscription"].tolist()
    session.create_subscription(topic, "records", start="earliest")
    kinds = session.describe(topic).subscriptions.set_index("subscription")["kind"]
    assert kinds["records"] == "group"


def test_looking_takes_nothing_from_a_share_group(session: Session, make_topic: MakeTopic) -> None:
    topic = make_topic()
    session.publish_batch(topic, ["a", "b", "c"])
    session.create_subscription(topic, "share-untouched", share=True, start="earliest")
    assert len(session.peek(topic, 10)) == 3
    assert len(session.scan(topic).to_pandas()) == 3
    session.describe(topic)
    taken = session.pull(topic, subscription="share-untouched", share=True)
    assert taken["value"].tolist() == ["a", "b", "c"]
    assert set(taken["delivery_count"]) == {1}


def test_a_group_that_begins_at_the_end_stays_there_until_something_comes(
    session: Session, make_topic: MakeTopic
) -> None:
    topic = make_topic(2)
    session.publish_batch(topic, ["before"] * 6)
    with pytest.raises(NotSupported, match="earliest"):
        session.create_subscription(topic, "from-now", share=True, start="latest")
    consumer = session.consumer(topic, "from-now", share=True, start="latest")
    assert isinstance(consumer, MessageConsumer)
    assert consumer.next_message(1.0) is None
    time.sleep(IDLE_SECONDS + 1.0)  # longer than an idle member that has a position stays
    session.publish(topic, "after")
    message = one(consumer)
    assert message.data == b"after"
    message.ack()


def test_a_group_that_was_not_told_where_to_begin_is_not_found(
    session: Session, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    with pytest.raises(NotFound, match=r"create_subscription\(.*model='message'"):
        session.pull(topic, subscription="missing", share=True, timeout=1.0)
    with pytest.raises(NotFound, match="no topic"):
        session.pull("no-such-topic", subscription="missing", share=True, start="earliest", timeout=1.0)
    session.create_subscription(topic, "present", share=True, start="earliest")
    with pytest.raises(AlreadyExists, match="present"):
        session.create_subscription(topic, "present", share=True, start="earliest")
    with pytest.raises(NotSupported, match="earliest"):
        session.create_subscription(topic, "precise", share=True, start=3)
    with pytest.raises(ConfigError, match="share.record.lock.duration.ms"):
        session.create_subscription(topic, "odd", share=True, start="earliest", ack_wait=3)


def test_a_start_for_a_group_that_exists_is_noted(session: Session, make_topic: MakeTopic) -> None:
    topic = make_topic()
    session.publish(topic, "x")
    group = f"noted-{uuid.uuid4().hex[:6]}"
    session.pull(topic, subscription=group, share=True, start="earliest")
    with pytest.warns(UserWarning, match="already exists and goes on"):
        session.pull(topic, subscription=group, share=True, start="earliest", timeout=0.5)


def test_the_preview_is_told_once_for_each_connection(
    kafka_server: KafkaServer, broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    group = share_group(broker, topic)
    for _ in range(2):
        with warnings.catch_warnings(record=True) as told, connect(f"kafka://{kafka_server.bootstrap}") as b:
            warnings.simplefilter("always")
            share_consumer(b, topic, group).close()
            share_consumer(b, topic, group).close()
        assert [each.category for each in told if each.category is PreviewWarning] == [PreviewWarning]


def test_an_idle_member_leaves_its_partitions_to_others(broker: Connection, make_topic: MakeTopic) -> None:
    topic = make_topic(2)
    publish(broker, topic, b"first")
    group = share_group(broker, topic, **{LOCK: 60_000})
    with share_consumer(broker, topic, group) as idle, share_consumer(broker, topic, group) as busy:
        one(idle).ack()
        sent = {b"%d" % n for n in range(20)}
        publish(broker, topic, *[bk.OutboundMessage(data, key=data) for data in sorted(sent)])
        got: set[bytes | None] = set()
        deadline = time.monotonic() + 50
        while got != sent:
            assert time.monotonic() < deadline, f"{len(got)} of {len(sent)} came"
            message = busy.next_message(0.5)
            if message is not None:
                got.add(message.data)
                message.ack()
        # and it comes back when it is asked for messages
        publish(broker, topic, b"more")
        busy.close()
        more = one(idle)
        assert more.data == b"more"
        more.ack()


def test_messages_of_a_killed_consumer_are_redelivered(
    kafka_server: KafkaServer, broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    publish(broker, topic, b"1", b"2", b"3")
    group = share_group(broker, topic, **{LOCK: 6000})
    program = textwrap.dedent(f"""
        from brokerkit.core import connect
        broker = connect("kafka://{kafka_server.bootstrap}")
        consumer = broker.consumer({topic!r}, {group!r}, model="message")
        first = consumer.next_message(60)
        first.ack()
        print(first.data.decode(), flush=True)
        consumer.next_message(60)
        consumer.next_message(60)
        print("holding", flush=True)
        consumer.next_message(60)
    """)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "1\n"
        assert child.stdout.readline() == "holding\n"
        child.kill()
    with share_consumer(broker, topic, group) as consumer:
        again = [one(consumer, 60), one(consumer, 60)]
        assert [(m.data, m.delivery_count) for m in again] == [(b"2", 2), (b"3", 2)]
        for message in again:
            message.ack()


@pytest.mark.extended
def test_a_member_that_the_broker_forgot_joins_again() -> None:
    with KafkaServer(rebalance_delay=0.0) as server, connect(f"kafka://{server.bootstrap}") as broker:
        broker.create_topic("orders")
        publish(broker, "orders", b"1", b"2")
        group = share_group(broker, "orders")
        with share_consumer(broker, "orders", group) as consumer:
            one(consumer).ack()
            server.kill()
            # where the coordinator keeps groups and their members
            for folder in (server.folder / "data").glob("__consumer_offsets-*"):
                shutil.rmtree(folder)
            server.restart()
            publish(broker, "orders", b"3")

            def new_one_came() -> bool:
                try:
                    message = consumer.next_message(1.0)
                    if message is not None:
                        message.ack()
                except BrokerError as error:
                    if not error.retryable:
                        raise
                    return False
                return message is not None and message.data == b"3"

            eventually(new_one_came, "the member is back", within=60)


def test_ctrl_c_while_waiting_loses_nothing(session: Session, make_topic: MakeTopic) -> None:
    topic = make_topic()
    session.create_subscription(topic, "patient", share=True, start="earliest")
    timer = threading.Timer(2.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        session.pull(topic, subscription="patient", share=True, timeout=90)
    timer.join()
    assert time.monotonic() - began < 60
    session.publish_batch(topic, ["a", "b"])
    taken = session.pull(topic, subscription="patient", share=True)
    assert taken["value"].tolist() == ["a", "b"]


def test_copying_from_a_share_group_acknowledges_what_arrived(
    session: Session, make_topic: MakeTopic
) -> None:
    source, target = make_topic(), make_topic()
    session.publish_batch(source, ["a", "b"])
    with pytest.raises(NotSupported, match="share=True"):
        session.copy(source, session, target, subscription="mover", progress=False)
    session.create_subscription(source, "mover", share=True, start="earliest")
    outcome = session.copy(
        source, session, target, subscription="mover", share=True, idle=6.0, progress=False
    )
    assert outcome["status"].tolist() == ["confirmed"] * 2
    assert len(session.pull(source, subscription="mover", share=True, timeout=1.0)) == 0


def test_a_broker_without_the_feature_says_what_it_needs() -> None:
    with (
        kafka.KafkaServer(features={"share.version": 0}) as server,
        bk.connect(f"kafka://{server.bootstrap}") as session,
    ):
        session.create_topic("orders")
        with pytest.raises(NotSupported, match=r"4\.2 or later"):
            session.pull("orders", subscription="me", share=True, start="earliest")
        assert len(session.pull("orders", subscription="me", start="earliest", timeout=1.0)) == 0


def test_a_broker_that_knows_no_group_configuration_says_what_it_needs(
    mock: Connection, mock_topic: str
) -> None:
    with pytest.raises(NotSupported, match=r"4\.2 or later"):
        mock.create_subscription(mock_topic, "me", model="message", start="earliest")
    with pytest.raises(NotSupported, match=r"4\.2 or later"):
        share_consumer(mock, mock_topic, "me", start="earliest").next_message(1.0)


def test_a_share_group_cannot_take_the_name_of_a_consumer_group(
    session: Session, broker: Connection, make_topic: MakeTopic
) -> None:
    topic = make_topic(1)
    session.create_subscription(topic, "taken", start="earliest")
    with pytest.raises(bk.AlreadyExists, match="'taken' is a consumer group already"):
        session.create_subscription(topic, "taken", share=True, start="earliest")
    with pytest.raises(bk.AlreadyExists, match="give the share group another name"):
        session.pull(topic, 1, subscription="taken", share=True, start="earliest")
    session.create_subscription(topic, "not-taken", share=True, start="earliest")


def test_a_consumer_group_cannot_take_the_name_of_a_share_group(
    session: Session, broker: Connection, make_topic: MakeTopic
) -> None:
    topic, other = make_topic(1), make_topic(1)
    session.create_subscription(topic, "shared", share=True, start="earliest")
    began = time.monotonic()
    with pytest.raises(bk.AlreadyExists, match="'shared' is a share group already"):
        session.create_subscription(topic, "shared", start="earliest")
    with pytest.raises(bk.AlreadyExists, match="share=True"):
        session.pull(topic, 1, subscription="shared", start="earliest", connect_timeout=90)
    with pytest.raises(bk.AlreadyExists, match="share=True"):
        session.pull(other, 1, subscription="shared", connect_timeout=90)
    assert time.monotonic() - began < 60
