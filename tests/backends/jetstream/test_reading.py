"""Looking and reading without side effects, on the real server."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import nats
import pytest

from brokerkit.backends import jetstream
from brokerkit.backends.jetstream import reader as reader_module
from brokerkit.core.contract.consumer import ConsumerRequest, MessageDriver
from brokerkit.core.contract.driver import Driver
from brokerkit.core.contract.inspector import ReaderDriver
from brokerkit.core.runtime.connection import Connection
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import NotFound, Unavailable
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.positions import Earliest
from brokerkit.core.vocabulary.topics import Bounds, Slice, TopicInfo
from brokerkit.sandbox.nats import NatsServer
from tests.backends.attaching import attached

from .conftest import asked

pytestmark = pytest.mark.broker

Publish = Callable[..., list[str]]


def read(reader: ReaderDriver, slice_: Slice, seconds: float = 20.0) -> Columns:
    reader.start(slice_, attributes=True)
    parts = []
    deadline = time.monotonic() + seconds
    while (columns := reader.fetch(0.2)) is not None:
        assert time.monotonic() < deadline, "reading does not end"
        parts.append(columns)
    return Columns.concat(parts)


def offsets(columns: Columns) -> list[int]:
    return list(columns.values("offset"))


def publish_numbers(broker: Connection, topic: str, number: int) -> None:
    with broker.publisher() as publisher:
        messages = [OutboundMessage(b"%d" % each) for each in range(number)]
        assert all(result.ok for result in publisher.topic(topic).publish_batch(messages))


def read_whole(broker: Connection, topic: str) -> list[int]:
    browser = broker.inspector()
    (slice_,) = browser.plan(topic)
    return [offset for columns in browser.read(slice_) for offset in offsets(columns)]


def bounds(driver: Driver, topic: str) -> Bounds:
    (found,) = driver.inspector().bounds(topic, 5)
    return found


def topics(driver: Driver, prefix: str) -> dict[str, TopicInfo]:
    return {each.name: each for each in driver.inspector().topics(5) if each.name.startswith(prefix)}


async def delete(url: str, stream: str, *sequences: int) -> None:
    client = await nats.connect(url)
    for sequence in sequences:
        await client.jetstream().delete_msg(stream, sequence)
    await client.close()


def consumers_of(url: str, stream: str) -> list[Any]:
    async def ask() -> list[Any]:
        client = await nats.connect(url)
        found = await client.jetstream().consumers_info(stream)
        await client.close()
        return list(found)

    return asyncio.run(ask())


def test_a_slice_holds_its_offsets_and_nothing_else(driver: Driver, subject: str, publish: Publish) -> None:
    publish(subject, *[b"%d" % number for number in range(1, 101)])
    reader = driver.reader()
    assert offsets(read(reader, Slice(subject, None, 11, 21))) == list(range(11, 21))
    assert offsets(read(reader, Slice(subject, None, 1, 101))) == list(range(1, 101))
    assert offsets(read(reader, Slice(subject, None, 100, 500))) == [100]
    assert offsets(read(reader, Slice(subject, None, 300, 500))) == []
    assert list(read(reader, Slice(subject, None, 5, 6)).values("value")) == [b"5"]


def test_reading_again_gives_the_same_rows_as_a_consumer(
    driver: Driver, subject: str, publish: Publish
) -> None:
    publish(subject, OutboundMessage(b"\xff", key=b"k", attributes={"a": "b"}), b"2")
    reader = driver.reader()
    slice_ = pickle.loads(pickle.dumps(Slice(subject, None, 1, 3)))
    first, second = read(reader, slice_), read(driver.reader(), slice_)
    assert first == second
    made = attached(driver, ConsumerRequest(subject, "me", "message", Earliest()))
    assert isinstance(made, MessageDriver)
    consumed = made.fetch(2, 60).columns
    for name in ("topic", "offset", "id", "key", "value", "attributes", "publish_time", "ingestion_time"):
        assert list(consumed.values(name)) == list(first.values(name))


def test_only_the_subject_is_read_from_a_shared_stream(
    driver: Driver, subject: str, publish: Publish
) -> None:
    for number in range(3):
        publish(f"{subject}.a", b"a%d" % number)
        publish(f"{subject}.b", b"b%d" % number)
    assert bounds(driver, f"{subject}.a") == Bounds(None, 1, 7, 3)
    assert offsets(read(driver.reader(), Slice(f"{subject}.a", None, 1, 7))) == [1, 3, 5]
    assert offsets(read(driver.reader(), Slice(f"{subject}.*", None, 2, 5))) == [2, 3, 4]
    assert offsets(read(driver.reader(), Slice(f"stream:{subject.upper()}", None, 1, 7))) == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]


def test_deleted_messages_neither_hang_nor_misnumber(
    driver: Driver, subject: str, publish: Publish, nats_server: NatsServer
) -> None:
    publish(subject, b"1", b"2", b"3", b"4", b"5")
    asyncio.run(delete(nats_server.url, subject.upper(), 1, 3, 5))
    assert bounds(driver, subject) == Bounds(None, 2, 6, 2)
    assert offsets(read(driver.reader(), Slice(subject, None, 1, 6))) == [2, 4]
    assert offsets(read(driver.reader(), Slice(subject, None, 3, 4))) == []
    assert offsets(read(driver.reader(), Slice(subject, None, 5, 6))) == []


def test_messages_published_while_reading_are_left_out(
    driver: Driver, subject: str, publish: Publish
) -> None:
    publish(subject, *[b"x"] * 50)
    reader = driver.reader()
    reader.start(Slice(subject, None, 1, 51), attributes=True)
    publish(subject, *[b"y"] * 50)
    seen: list[int] = []
    while (columns := reader.fetch(0.2)) is not None:
        seen += offsets(columns)
    assert seen == list(range(1, 51))


def test_a_stream_that_is_purged_while_reading_ends_the_slice(
    driver: Driver, subject: str, publish: Publish, nats_server: NatsServer
) -> None:
    publish(subject, *[b"x" * 1000] * 3)
    reader = driver.reader()
    reader.start(Slice(subject, None, 1, 4), attributes=True)
    asyncio.run(delete(nats_server.url, subject.upper(), 1, 2, 3))
    deadline = time.monotonic() + 60
    while reader.fetch(0.2) is not None:
        assert time.monotonic() < deadline


def test_large_messages_are_read_within_bounded_requests(
    driver: Driver, subject: str, publish: Publish
) -> None:
    publish(subject, *[b"x" * 900_000] * 40)
    rows = read(driver.reader(), Slice(subject, None, 1, 41))
    assert [len(value) for value in rows.values("value")] == [900_000] * 40


def test_reading_leaves_no_consumer_and_moves_none(
    driver: Driver, subject: str, publish: Publish, nats_server: NatsServer
) -> None:
    publish(subject, *[b"x"] * 10)
    driver.create_subscription(asked(subject, "me"), timeout=60)
    before = driver.inspector().describe(subject, 5).subscriptions
    reader = driver.reader()
    reader.start(Slice(subject, None, 1, 11), attributes=True)
    assert [each.name for each in driver.inspector().describe(subject, 5).subscriptions] == ["me"]
    while reader.fetch(0.2) is not None:
        pass
    reader.close(2)
    assert driver.inspector().describe(subject, 5).subscriptions == before
    assert [each.name for each in consumers_of(nats_server.url, subject.upper())] == ["me"]


def test_a_work_queue_is_read_without_taking_anything(driver: Driver) -> None:
    driver.create_topic("jobs", options={"retention": "workqueue", "stream": "JOBS"}, timeout=60)
    publisher = driver.publisher()
    sent = OutboundMessage(b"1", key=b"k", attributes={"a": "b"})
    assert publisher.send([("jobs", sent), ("jobs", OutboundMessage(b"2"))], 5)[1].ok
    attached(driver, ConsumerRequest("jobs", "me", "message", Earliest()))
    rows = read(driver.reader(), Slice("jobs", None, 1, 3))
    assert list(rows.values("value")) == [b"1", b"2"]
    assert list(rows.values("key")) == [b"k", None]
    assert list(rows.values("attributes")) == [(("a", "b"),), None]
    assert [each.lag for each in driver.inspector().describe("jobs", 5).subscriptions] == [2]
    driver.delete_topic("jobs", timeout=60)


@pytest.mark.parametrize("failing", [1, 6, 10])
def test_a_work_queue_is_read_whole_although_an_answer_fails(
    broker: Connection, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    topic = f"jobs-{failing}"
    broker.create_topic(topic, retention="workqueue", storage="memory")
    publish_numbers(broker, topic, 10)
    requests = count(1)
    ask = reader_module.next_stored

    async def ask_or_fail(*arguments: Any) -> Any:
        if next(requests) == failing:
            raise Unavailable("no answer came", retryable=True)
        return await ask(*arguments)

    monkeypatch.setattr(reader_module, "next_stored", ask_or_fail)
    assert read_whole(broker, topic) == list(range(1, 11))
    broker.delete_topic(topic)


@pytest.mark.parametrize("retention", ["limits", "workqueue"])
def test_rows_that_fail_on_the_way_are_read_again(
    broker: Connection, monkeypatch: pytest.MonkeyPatch, retention: str
) -> None:
    topic = f"fails-{retention}"
    broker.create_topic(topic, retention=retention, storage="memory")
    publish_numbers(broker, topic, 10)
    name = "_stored_columns" if retention == "workqueue" else "to_columns"
    calls = count(1)
    convert = getattr(reader_module, name)

    def convert_or_fail(*arguments: Any, **options: Any) -> Columns:
        if next(calls) == 1:
            raise Unavailable("the connection was lost", retryable=True)
        columns: Columns = convert(*arguments, **options)
        return columns

    monkeypatch.setattr(reader_module, name, convert_or_fail)
    assert read_whole(broker, topic) == list(range(1, 11))
    broker.delete_topic(topic)


def test_a_work_queue_on_a_slow_link_is_read_whole(
    driver: Driver, broker: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.create_topic("slow-jobs", retention="workqueue", storage="memory")
    publish_numbers(broker, "slow-jobs", 10)
    ask = reader_module.next_stored

    async def ask_slowly(*arguments: Any) -> Any:
        await asyncio.sleep(0.03)
        return await ask(*arguments)

    monkeypatch.setattr(reader_module, "next_stored", ask_slowly)
    monkeypatch.setattr(reader_module, "GET_SECONDS", 0.1)
    reader = driver.reader()
    reader.start(Slice("slow-jobs", None, 1, 11), attributes=True)
    first = reader.fetch(0.2)
    assert first is not None
    assert 0 < first.length < 10
    seen = offsets(first)
    while (columns := reader.fetch(0.2)) is not None:
        seen += offsets(columns)
    assert seen == list(range(1, 11))
    broker.delete_topic("slow-jobs")


def test_reading_continues_after_the_server_was_killed() -> None:
    with NatsServer() as server:
        driver = jetstream.open(Address.parse(server.url), 60)
        driver.create_topic("orders", options={}, timeout=60)
        sent = [("orders", OutboundMessage(b"x" * 100_000)) for _ in range(300)]
        assert all(each.ok for each in driver.publisher().send(sent, 30))
        reader = driver.reader()
        reader.start(Slice("orders", None, 1, 301), attributes=True)
        first = reader.fetch(5)
        assert first is not None
        server.restart()
        seen = offsets(first)
        deadline = time.monotonic() + 60
        while True:
            assert time.monotonic() < deadline
            try:
                columns = reader.fetch(0.2)
            except Exception as error:
                if not driver.translate(error).retryable:
                    raise
                continue
            if columns is None:
                break
            seen += offsets(columns)
        assert seen == list(range(1, 301))
        driver.close(2)


def test_a_time_is_found_by_its_first_message(driver: Driver, subject: str, publish: Publish) -> None:
    publish(subject, b"1", b"2")
    publish(f"{subject}.x", b"other")
    time.sleep(0.005)  # the clock moves on
    moment = time.time_ns() // 1000
    publish(subject, b"3")
    browser = driver.inspector()
    times = list(read(driver.reader(), Slice(subject, None, 1, 5)).values("publish_time"))
    assert browser.at_time(subject, moment, 5) == {None: 4}
    assert browser.at_time(subject, 0, 5) == {None: 1}
    assert browser.at_time(subject, times[1], 5) == {None: 2 if times[1] > times[0] else 1}
    assert browser.at_time(subject, times[-1] + 1, 5) == {}
    assert browser.at_time(f"{subject}.none", 0, 5) == {}


def test_an_empty_topic_has_an_empty_range(driver: Driver, subject: str) -> None:
    found = bounds(driver, subject)
    assert found.start == found.end
    assert found.messages == 0
    assert driver.inspector().at_time(subject, 0, 5) == {}


def test_topics_are_the_subjects_with_their_counts(driver: Driver, subject: str, publish: Publish) -> None:
    publish(f"{subject}.a", b"1", b"2")
    found = topics(driver, subject)
    assert {name: info.messages for name, info in found.items()} == {f"{subject}.a": 2, subject: 0}
    assert found[f"{subject}.a"].details["stream"] == subject.upper()
    assert not found[subject].internal


def test_streams_of_key_value_stores_are_internal(driver: Driver, nats_server: NatsServer) -> None:
    async def make() -> None:
        client = await nats.connect(nats_server.url)
        store = await client.jetstream().create_key_value(bucket="things")
        await store.put("a", b"1")
        await client.close()

    asyncio.run(make())
    found = topics(driver, "$KV.things.a")
    driver.delete_topic("stream:KV_things", timeout=60)
    assert [info.internal for info in found.values()] == [True]


def test_a_stream_with_very_many_subjects_is_one_row(driver: Driver, subject: str) -> None:
    batch = [(f"{subject}.{number}", OutboundMessage(b"")) for number in range(10_001)]
    assert all(each.ok for each in driver.publisher().send(batch, 60))
    found = topics(driver, f"stream:{subject.upper()}")
    assert [info.messages for info in found.values()] == [10_001]
    assert topics(driver, f"{subject}.") == {}
    assert bounds(driver, f"{subject}.7").messages == 1


def test_describe_shows_the_stream_and_only_consumers_of_the_topic(
    driver: Driver, subject: str, publish: Publish
) -> None:
    publish(f"{subject}.a", b"1", b"2")
    publish(f"{subject}.b", b"3")
    for topic, name in ((f"{subject}.a", "a"), (f"{subject}.b", "b"), (f"stream:{subject.upper()}", "all")):
        driver.create_subscription(asked(topic, name), timeout=60)
    described = driver.inspector().describe(f"{subject}.a", 5)
    assert {each.name: each.lag for each in described.subscriptions} == {"a": 2, "all": 3}
    assert described.details["config"]["name"] == subject.upper()
    assert described.messages == 2
    assert driver.inspector().describe(f"stream:{subject.upper()}", 5).bytes


@pytest.mark.parametrize("topic", ["nowhere", "nowhere.>", "stream:NOWHERE"])
def test_a_missing_topic_is_not_found(driver: Driver, topic: str) -> None:
    browser = driver.inspector()
    with pytest.raises(NotFound, match="create_topic"):
        browser.bounds(topic, 5)
    with pytest.raises(NotFound):
        browser.describe(topic, 5)


def test_the_portable_browser_reads_by_position(broker: Connection, subject: str, publish: Publish) -> None:
    publish(subject, *[b"%d" % number for number in range(10)])
    browser = broker.inspector()
    pieces = browser.plan(subject, -3)
    rows = [
        value for slice_ in pieces for columns in browser.read(slice_) for value in columns.values("value")
    ]
    assert rows == [b"7", b"8", b"9"]
