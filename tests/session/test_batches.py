"""batches: messages that the caller settles."""

from __future__ import annotations

import json

import pytest

import brokerkit as bk
from brokerkit.workbench import Session


def ids(df) -> list[int]:
    return sorted(json.loads(value)["id"] for value in df["value"])


def waiting(session: Session) -> int:
    (row,) = session.describe("orders").subscriptions.to_dict("records")
    return int(row["lag"])


@pytest.mark.extended
@pytest.mark.parametrize("model", ["message", "record"])
def test_a_block_that_ends_normally_acknowledges(orders: Session, model: str) -> None:
    seen: list[int] = []
    with orders.batches(
        "orders", subscription="me", start="earliest", size=8, idle=0.2, model=model
    ) as batches:
        for batch in batches:
            with batch:
                seen += ids(batch.frame)
                assert len(batch) <= 8
            assert batch.settled
    assert sorted(seen) == list(range(20))
    assert waiting(orders) == 0


@pytest.mark.parametrize("model", ["message", "record"])
def test_a_block_that_raises_gives_back(orders: Session, model: str) -> None:
    with orders.batches("orders", subscription="me", start="earliest", size=20, model=model) as batches:
        with pytest.raises(ValueError, match="mine"), next(batches) as batch:
            raise ValueError("mine")
        assert batch.settled
        assert waiting(orders) == 20
        with next(batches) as again:
            assert ids(again.frame) == list(range(20))
    assert waiting(orders) == 0


def test_messages_returned_inside_the_block_are_not_acknowledged(orders: Session) -> None:
    batches = orders.batches("orders", subscription="me", start="earliest", size=20)
    with next(batches) as batch:
        batch.nack()
    assert waiting(orders) == 20
    batches.close()


def test_acknowledging_twice_is_fine(orders: Session) -> None:
    with orders.batches("orders", subscription="me", start="earliest", size=20) as batches:
        batch = next(batches)
        assert "not settled" in repr(batch)
        batch.ack()
        batch.ack()
        assert repr(batch) == "<batch of 20 messages, settled>"


def test_a_failed_acknowledgement_carries_the_batch(orders: Session) -> None:
    with orders.batches("orders", subscription="me", start="earliest", size=20) as batches:
        batch = next(batches)
        orders.native.faults.drop_acks(1)
        with pytest.raises(bk.AckFailed, match=r"1 of 20 rows .* batch\.frame") as failed:
            batch.ack()
        assert failed.value.frame is batch.frame
        batch.ack()


def test_a_batch_whose_partition_was_taken_away_is_stale_also_at_the_end_of_a_block(orders: Session) -> None:
    with orders.batches("orders", subscription="me", start="earliest", size=20, model="record") as batches:
        batch = next(batches)
        other = orders.consumer("orders", "me", model="record")
        assert other.next_batch(1, 5)
        with pytest.raises(bk.StaleAck), batch:
            pass
        other.close()


def test_closing_returns_unsettled_messages(orders: Session) -> None:
    batches = orders.batches("orders", subscription="me", start="earliest", size=5)
    batch = next(batches)
    batches.close()
    batches.close()
    assert waiting(orders) == 20
    with pytest.raises(bk.Closed):
        next(batches)
    with pytest.raises(bk.AckFailed, match="closed"):
        batch.ack()


def test_a_loop_that_is_dropped_gives_back(orders: Session) -> None:
    for _ in orders.batches("orders", subscription="me", start="earliest", size=5):
        break
    del _
    frame = orders.pull("orders", 20, subscription="me", timeout=10, idle=2)
    assert ids(frame) == list(range(20))


@pytest.mark.parametrize("model", ["message", "record"])
def test_a_new_loop_gets_the_unsettled_rows_that_the_previous_loop_dropped(
    orders: Session, model: str
) -> None:
    before = orders.batches("orders", subscription="me", start="earliest", size=5, model=model)
    next(before)  # as in a cell that was stopped: the loop may live on, its batch does not
    again = orders.batches("orders", subscription="me", size=20, idle=1.0, model=model)
    assert ids(next(again).frame) == list(range(20))
    before.close()


@pytest.mark.extended
def test_a_new_loop_leaves_a_batch_that_may_still_be_settled(orders: Session) -> None:
    before = orders.batches("orders", subscription="me", start="earliest", size=5, model="message")
    mine = next(before)
    again = orders.batches("orders", subscription="me", size=20, idle=0.3, model="message")
    others = ids(next(again).frame)
    mine.ack()
    assert sorted(ids(mine.frame) + others) == list(range(20))
    before.close()


@pytest.mark.extended
@pytest.mark.parametrize("model", ["message", "record"])
def test_a_loop_that_came_to_its_end_takes_nothing_more_until_it_is_begun_again(
    orders: Session, model: str
) -> None:
    loop = orders.batches("orders", subscription="me", start="earliest", size=20, idle=0.2, model=model)
    consumer = loop.consumer
    for batch in loop:
        with batch:
            assert len(batch) == 20
    assert consumer.closed  # though its last batch lives: a fetch that was under way would keep what it got
    orders.publish("orders", {"id": 20})
    with next(loop) as batch:
        assert ids(batch.frame) == [20]
    loop.close()


@pytest.mark.extended
def test_a_loop_that_came_to_its_end_stays_while_a_batch_may_still_be_settled(orders: Session) -> None:
    loop = orders.batches("orders", subscription="me", start="earliest", size=20, idle=0.2)
    for batch in list(loop):
        batch.ack()
    assert waiting(orders) == 0
    loop.close()


def test_a_missing_subscription_is_not_made(orders: Session) -> None:
    with pytest.raises(bk.NotFound, match="create_subscription"):
        next(orders.batches("orders", subscription="me"))
