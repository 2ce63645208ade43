"""pull: a batch as a frame, acknowledged once the frame is there."""

from __future__ import annotations

import json
import time
import warnings
from functools import partial

import numpy as np
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core import ConfigError
from brokerkit.session.start_ignored import StartIgnoredWarning
from brokerkit.workbench import Session


def ids(df) -> list[int]:
    return sorted(json.loads(value)["id"] for value in df["value"])


def lag(session: Session, name: str = "me") -> int:
    rows = session.describe("orders").subscriptions
    (row,) = rows[rows["subscription"] == name].to_dict("records")
    return int(row["lag"])


@pytest.mark.parametrize("model", ["message", "record"])
def test_pull_takes_n_acknowledges_them_and_continues_from_there(orders: Session, model: str) -> None:
    first = orders.pull("orders", np.int64(8), subscription="me", start="earliest", model=model)
    assert len(first) == 8
    assert lag(orders) == 12
    rest = orders.pull("orders", 100, subscription="me", idle=0.1, model=model)
    assert sorted(ids(first) + ids(rest)) == list(range(20))
    assert orders.last_pull is rest


def test_pull_returns_when_nothing_new_came_for_idle_seconds(orders: Session) -> None:
    began = time.monotonic()
    assert len(orders.pull("orders", 100, subscription="me", start="earliest", timeout=90, idle=0.2)) == 20
    assert time.monotonic() - began < 60


def test_pull_of_nothing_is_an_empty_frame_at_the_timeout(orders: Session) -> None:
    frame = orders.pull("orders", subscription="me", start="latest", timeout=0.2)
    assert frame.shape == (0, 14)


@pytest.mark.extended
@pytest.mark.parametrize("reading", ["pull", "batches"])
def test_a_trickle_of_messages_does_not_hold_it_open_past_its_time(orders: Session, reading: str) -> None:
    """As on a system where each look takes a round trip, and brings what came meanwhile."""
    made = orders.connection.driver.consumer
    come = 0

    def trickling(request):
        nonlocal come
        driver = made(request)
        fetch = driver.fetch

        def fetch_one(most: int, wait: float):
            nonlocal come
            come += 1
            orders.native.publish([("orders", bk.OutboundMessage('{"id":1}'))])
            time.sleep(0.02)  # so that all of it would take longer than the time that is given
            return fetch(1, 0.0)

        driver.fetch = fetch_one
        return driver

    orders.connection.driver.consumer = trickling
    if reading == "pull":
        count = len(orders.pull("orders", 400, subscription="me", start="earliest", timeout=0.4))
    else:
        loop = orders.batches("orders", subscription="me", start="earliest", size=400, window=0.4)
        count = len(next(loop))
        loop.close()
    assert 0 < count <= come < 400


@pytest.mark.extended
def test_the_clock_of_pull_starts_when_the_consumer_is_attached(orders: Session) -> None:
    made = orders.connection.driver.consumer

    def slowly(request):
        driver = made(request)
        ready, attach = time.monotonic() + 0.6, driver.attach
        driver.attach = lambda wait: time.monotonic() > ready and attach(wait)
        return driver

    orders.connection.driver.consumer = slowly
    assert len(orders.pull("orders", 20, subscription="me", start="earliest", timeout=0.3)) == 20


def test_a_missing_subscription_says_how_to_make_it(orders: Session) -> None:
    with pytest.raises(bk.NotFound, match=r"create_subscription\('orders', 'me', start=.earliest.\)"):
        orders.pull("orders", subscription="me")
    assert orders.describe("orders").subscriptions.empty


def test_reading_never_creates_a_topic(s: Session) -> None:
    with pytest.raises(bk.NotFound):
        s.pull("nope", subscription="me", start="earliest")
    assert s.topics().empty


@pytest.mark.parametrize("model", ["message", "record"])
def test_start_is_a_note_each_time_the_subscription_exists_already(orders: Session, model: str) -> None:
    def pull() -> None:
        orders.pull("orders", 1, subscription="me", start="earliest", model=model)

    with warnings.catch_warnings():
        warnings.simplefilter("error", StartIgnoredWarning)
        pull()
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("default")
        pull()
        pull()
    shown = [(str(note.message), note.filename) for note in notes]
    text = (
        "subscription 'me' of 'orders' already exists and goes on from where it is: "
        "start='earliest' had no effect"
    )
    assert shown == [(text, "brokerkit")] * 2


def test_no_start_no_note(orders: Session, recwarn: pytest.WarningsRecorder) -> None:
    orders.create_subscription("orders", "me", start="earliest")
    orders.pull("orders", 1, subscription="me")
    assert not [note for note in recwarn if note.category is StartIgnoredWarning]


def test_giving_back_must_be_said_where_deliveries_are_counted(orders: Session) -> None:
    orders.create_subscription("orders", "me", start="earliest")
    with pytest.raises(bk.ConfigError, match='side_effects="give back"'):
        orders.pull("orders", 5, subscription="me", ack=False)
    frame = orders.pull("orders", 5, subscription="me", ack=False, side_effects="give back")
    assert frame["delivery_count"].tolist() == [1] * 5
    assert lag(orders) == 20
    assert 2 in orders.pull("orders", 20, subscription="me")["delivery_count"].tolist()


@pytest.mark.parametrize("model", ["message", "record"])
def test_a_failed_acknowledgement_carries_the_frame(orders: Session, model: str) -> None:
    orders.native.faults.drop_acks(2)
    with pytest.raises(bk.AckFailed, match=r"session\.last_pull") as failed:
        orders.pull("orders", 20, subscription="me", start="earliest", model=model)
    assert ids(failed.value.frame) == list(range(20))
    assert orders.last_pull is failed.value.frame
    # a record stands for its whole partition
    assert len(failed.value.failures) == (2 if model == "message" else 14)
    again = orders.pull("orders", 20, subscription="me", idle=0.1, model=model)
    assert len(again) == len(failed.value.failures)


def test_a_broker_that_is_gone_at_the_acknowledgement_leaves_the_frame(orders: Session) -> None:
    def decode(payload: bytes) -> str:
        orders.native.faults.stop()
        return payload.decode()

    with pytest.raises(bk.AckFailed, match="20 of 20 rows") as failed:
        orders.pull(
            "orders",
            20,
            subscription="me",
            start="earliest",
            decode=bk.Decoder(decode, pa.string(), "stopping"),
        )
    assert len(failed.value.frame) == 20
    orders.native.faults.start()


def test_an_error_before_the_acknowledgement_gives_all_back(orders: Session) -> None:
    orders.publish("orders", "".join(f'"f{n}":1,' for n in range(3_000)).join("{}").replace(",}", "}"))
    with pytest.raises(bk.ConfigError, match="2000"):
        orders.pull("orders", 21, subscription="me", start="earliest", expand=True)
    assert lag(orders) == 21


def test_pull_can_expand_and_remembers_where_rows_came_from(orders: Session) -> None:
    frame = orders.pull("orders", 20, subscription="me", start="earliest", expand=True)
    assert sorted(frame["value.id"]) == list(range(20))
    assert frame.attrs["brokerkit"]["subscription"] == "me"


def test_bytes_come_back_exactly_through_pull_and_publish_frame(s: Session) -> None:
    payloads = [b"", None, b"\x00\xff", "ä".encode(), b"null", b"12345678901234567890123", b" {} "]
    keys = [None, b"", b"\xff", b"k", None, b"k", b"\0"]
    attributes = [("a", "1"), ("a", b"\xff"), ("", None), ("big", 2**62)]
    s.create_topic("one")
    s.create_topic("two")
    s.publish_batch(
        "one", [bk.OutboundMessage(p, k, attributes) for p, k in zip(payloads, keys, strict=True)]
    )
    frame = s.pull("one", 7, subscription="me", start="earliest")
    s.publish_frame("two", frame).raise_for_failures()
    consumer = s.consumer("two", "me", start="earliest")
    messages = consumer.next_batch(7, 5)
    assert [message.data for message in messages] == payloads
    assert [message.key for message in messages] == keys
    assert all(list(message.attributes) == attributes for message in messages)
    consumer.close()


@pytest.mark.extended
def test_share_asks_for_messages_and_contradicts_records() -> None:
    with bk.connect("inmem://") as session:
        session.create_topic("orders")
        session.publish("orders", "x")
        session.create_subscription("orders", "me", share=True, start="earliest")
        assert session.pull("orders", subscription="me", share=True)["delivery_count"].tolist() == [1]
        with pytest.raises(ConfigError, match="leave one out"):
            session.pull("orders", subscription="me", share=True, model="record")
        with pytest.raises(ConfigError, match="share must be True or False"):
            session.batches("orders", subscription="me", share="yes")  # type: ignore[arg-type]


@pytest.mark.extended
@pytest.mark.parametrize("model", ["message", "record"])
def test_a_frame_says_why_its_pull_ended(orders: Session, model: str) -> None:
    def stopped(df) -> str:
        return df.attrs["brokerkit"]["stopped"]

    pull = partial(orders.pull, "orders", subscription="me", model=model, idle=0.1, timeout=0.5)
    assert stopped(pull(8, start="earliest")) == "at 8 messages"
    assert stopped(pull(100)) == "at the end of what there was"
    assert stopped(pull(100)) == "at the timeout"


@pytest.mark.extended
@pytest.mark.parametrize("reading", ["pull", "batches", "create_subscription"])
def test_a_subscription_that_begins_after_the_end_says_so(orders: Session, reading: str) -> None:
    options = {"pull": {"timeout": 0.2}, "batches": {"idle": 0.1}}.get(reading, {})
    make = getattr(orders, reading)
    with pytest.warns(bk.AfterTheEndWarning, match=r"orders: the start 1,000 lies after the end"):
        make("orders", subscription="late", start=1000, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", bk.AfterTheEndWarning)
        for number, start in enumerate((0, -3, "latest", "earliest", "2100-01-01")):
            make("orders", subscription=f"other-{number}", start=start, **options)
