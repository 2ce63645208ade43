"""What a user may rely on when a log is acknowledged by its positions."""

from __future__ import annotations

import gc
import threading

import pytest

from brokerkit.core import (
    AckFailed,
    ConfigError,
    LockLost,
    NotFound,
    NotSupported,
    Record,
    RecordConsumer,
    StaleAck,
)
from brokerkit.testing.waiting import eventually

from .conftest import Desk

pytestmark = pytest.mark.timeout(120)


def offsets(records: list[Record]) -> list[int | None]:
    return [record.offset for record in records]


def test_acknowledging_a_record_commits_everything_before_it(desk: Desk) -> None:
    desk.topic(count=5)
    consumer = desk.records()
    batch = consumer.next_batch(5, 5)
    batch[2].ack()
    assert desk.committed() == {0: 3}


def test_an_older_acknowledgement_never_moves_the_position_back(desk: Desk) -> None:
    desk.topic(count=5)
    batch = desk.records().next_batch(5, 5)
    batch[4].ack()
    batch[1].ack()
    assert desk.committed() == {0: 5}


def test_the_first_record_of_all_can_be_acknowledged(desk: Desk) -> None:
    desk.topic(count=1)
    record = desk.records().next_record(5)
    assert record is not None
    assert record.offset == 0
    record.ack()
    assert desk.committed() == {0: 1}


@pytest.mark.extended
def test_a_nack_reads_again_from_the_first_unacknowledged_record(desk: Desk) -> None:
    desk.topic(count=5)
    consumer = desk.records()
    batch = consumer.next_batch(5, 5)
    batch[1].ack()
    batch[3].nack()
    assert offsets(consumer.next_batch(5, 0.5)) == [2, 3, 4]


def test_after_a_nack_older_receipts_are_stale_and_commit_nothing(desk: Desk) -> None:
    desk.topic(count=5)
    consumer = desk.records()
    batch = consumer.next_batch(5, 5)
    batch[0].ack()
    batch[2].nack()
    with pytest.raises(StaleAck, match="returned"):
        batch[4].ack()
    assert desk.committed() == {0: 1}


def test_after_a_nack_what_was_acknowledged_before_it_still_is(desk: Desk) -> None:
    desk.topic(count=3)
    consumer = desk.records()
    batch = consumer.next_batch(3, 5)
    batch[0].ack()
    batch[1].nack()
    batch[0].ack()
    assert desk.committed() == {0: 1}


def test_a_nack_also_drops_undelivered_messages(desk: Desk) -> None:
    desk.topic(count=6)
    consumer = desk.records()
    held = consumer.fetch(6, 5)
    assert held is not None
    first, rest = held.split(2)
    consumer._put_back([rest])
    first.nack()
    assert offsets(consumer.next_batch(6, 0.5)) == [0, 1, 2, 3, 4, 5]


def test_a_nack_touches_only_its_own_partition(desk: Desk) -> None:
    desk.topic(partitions=2, count=10)
    consumer = desk.records()
    batch = consumer.next_batch(10, 5)
    given_back = next(record for record in batch if record.partition == 0)
    kept = [record for record in batch if record.partition == 1]
    given_back.nack()
    kept[-1].ack()
    assert desk.committed() == {0: 0, 1: 5}
    assert {record.partition for record in consumer.next_batch(5, 5)} == {0}


@pytest.mark.extended
def test_records_of_a_partition_that_went_to_another_member_are_stale(desk: Desk) -> None:
    desk.topic(partitions=2, count=10)
    first = desk.records()
    batch = first.next_batch(10, 5)
    second = desk.records()
    second.attach()
    lost = next(iter(desk.store.groups["orders", "group"].assigned[2]))
    eventually(lambda: first.epochs, "the first member notices")
    taken = [record for record in batch if record.partition == lost]
    with pytest.raises(StaleAck, match="taken away"):
        taken[-1].ack()
    assert desk.committed()[lost] == 0
    mine = [record for record in batch if record.partition != lost]
    mine[-1].ack()
    assert desk.committed()[mine[-1].partition] == 5
    assert offsets(second.next_batch(5, 5)) == [0, 1, 2, 3, 4]


@pytest.mark.extended
def test_fetching_while_partitions_come_and_go_never_hangs(desk: Desk) -> None:
    desk.topic(partitions=4)
    consumers = [desk.records()]
    stop = threading.Event()
    done: list[str] = []

    def read(consumer: RecordConsumer) -> None:
        while not stop.is_set():
            consumer.next_batch(5, 0.01)
        done.append("one")

    def churn() -> None:
        for _ in range(30):
            other = desk.records()
            other.next_batch(1, 0.01)
            other.close()
        done.append("two")

    threads = [threading.Thread(target=read, args=(each,), daemon=True) for each in consumers * 2]
    churner = threading.Thread(target=churn, daemon=True)
    for thread in [*threads, churner]:
        thread.start()
    churner.join(60)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == ["one", "one", "two"]


def test_records_held_too_long_are_read_again_and_their_ack_is_refused(desk: Desk) -> None:
    desk.topic(count=3)
    consumer = desk.records(hold=0.1)
    batch = consumer.next_batch(3, 5)
    eventually(lambda: consumer.epochs, "the hold ends", within=60)
    with pytest.raises(LockLost, match="hold="):
        batch[2].ack()
    assert desk.committed() == {0: 0}
    assert offsets(consumer.next_batch(3, 1)) == [0, 1, 2]


@pytest.mark.extended
def test_closing_commits_nothing_and_the_next_member_reads_it_again(desk: Desk) -> None:
    desk.topic(count=4)
    consumer = desk.records()
    batch = consumer.next_batch(4, 5)
    batch[0].ack()
    consumer.close()
    assert desk.committed() == {0: 1}
    with desk.records() as other:
        assert offsets(other.next_batch(4, 0.5)) == [1, 2, 3]


def test_a_commit_that_the_broker_refused_raises_and_can_be_repeated(desk: Desk) -> None:
    desk.topic(count=2)
    batch = desk.records().next_batch(2, 5)
    desk.faults.drop_acks(1)
    with pytest.raises(AckFailed):
        batch[1].ack()
    assert desk.committed() == {0: 0}
    batch[1].ack()
    assert desk.committed() == {0: 2}


def test_a_batch_over_several_partitions_is_acknowledged_in_each(desk: Desk) -> None:
    desk.topic(partitions=3, count=9)
    consumer = desk.records()
    held = consumer.fetch(9, 5)
    assert held is not None
    held.ack()
    assert held.settled
    assert desk.committed() == {0: 3, 1: 3, 2: 3}


def test_a_record_cannot_be_rejected(desk: Desk) -> None:
    desk.topic(count=1)
    held = desk.records().fetch(1, 5)
    assert held is not None
    with pytest.raises(NotSupported, match="skips it"):
        held.reject()


def test_a_missing_group_is_not_found(desk: Desk) -> None:
    desk.topic()
    consumer = desk.connection.consumer("orders", "missing", model="record")
    assert isinstance(consumer, RecordConsumer)
    with pytest.raises(NotFound, match="create_subscription"):
        consumer.next_record(1)


def test_a_model_that_is_none_is_refused(desk: Desk) -> None:
    desk.topic()
    with pytest.raises(ConfigError, match="model"):
        desk.connection.consumer("orders", "me", model="rows")  # type: ignore[arg-type]  # on purpose


def test_dropping_a_member_makes_it_leave_its_group(desk: Desk) -> None:
    desk.topic(count=1)
    consumer = desk.records()
    record = consumer.next_record(5)
    group = desk.store.groups["orders", "group"]
    assert len(group.assigned) == 1
    thread = consumer._driver_thread._thread
    del consumer, record
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()
    assert not group.assigned
