"""What a user may rely on when looking at topics without side effects."""

from __future__ import annotations

import gc
import pickle
import threading
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from brokerkit.backends.inmem import reader
from brokerkit.core import (
    Cancellation,
    Cancelled,
    Closed,
    Columns,
    ConfigError,
    NotFound,
    OutboundMessage,
    RetentionWarning,
    Slice,
    Unavailable,
)
from brokerkit.core.runtime import slice_reading
from brokerkit.core.vocabulary.positions import parse_all
from brokerkit.testing.waiting import eventually

from .conftest import Desk

pytestmark = pytest.mark.timeout(120)


def values(parts: Iterator[Columns]) -> list[bytes]:
    return [value for columns in parts for value in columns.to_list("value")]


def test_topics_come_in_order_of_name_with_their_counts(desk: Desk) -> None:
    desk.topic("b", 2)
    desk.topic("a", partitions=3)
    found = [(info.name, info.partitions, info.messages) for info in desk.connection.inspector().topics()]
    assert found == [("a", 3, 0), ("b", 1, 2)]


def test_large_messages_come_in_parts_of_bounded_size(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher()
    sent = [bytes([number]) * 900_000 for number in range(30)]
    publisher.topic("orders").publish_batch([OutboundMessage(each) for each in sent])
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    parts = [columns.to_list("value") for columns in browser.read(slice_)]
    assert [value for part in parts for value in part] == sent
    assert max(sum(map(len, part)) for part in parts) <= 8 * 1024 * 1024
    assert len(parts) < 10


def test_a_description_names_readers_and_their_positions(desk: Desk) -> None:
    desk.topic(count=3)
    consumer = desk.messages()
    message = consumer.next_message(5)
    assert message is not None
    described = desk.connection.inspector().describe("orders")
    (reader,) = described.subscriptions
    assert (described.messages, reader.name, reader.lag, reader.in_flight) == (3, "me", 3, 1)
    message.ack()


def test_a_plan_is_fixed_when_it_is_made(desk: Desk) -> None:
    desk.topic(count=3)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    desk.publish("orders", 2, first=3)
    assert values(browser.read(slice_)) == [b"0", b"1", b"2"]


def test_a_slice_is_read_alike_again_also_after_pickling(desk: Desk) -> None:
    desk.topic(count=5)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders", 1, 4)
    again = pickle.loads(pickle.dumps(slice_))
    assert again == slice_
    assert values(browser.read(slice_)) == values(browser.read(again)) == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("earliest", "latest", (0, 10)),
        (None, None, (0, 10)),
        (3, 5, (3, 5)),
        (-3, None, (7, 10)),
        (-100, 100, (0, 10)),
        ({0: 4}, {0: -1}, (4, 9)),
        ("2000-01-01", "-1h", (0, None)),
    ],
)
def test_positions_are_kept_within_the_topic(
    desk: Desk, start: object, end: object, expected: tuple[int, int | None]
) -> None:
    desk.topic(count=10)
    pieces = desk.connection.inspector().plan("orders", start, end)  # type: ignore[arg-type]  # all kinds
    if expected[1] is None:
        # everything was published within the last hour, so the end is the first message
        assert pieces == []
    else:
        assert [(slice_.start, slice_.end) for slice_ in pieces] == [expected]


def test_a_time_between_two_messages_separates_them(desk: Desk) -> None:
    desk.topic(count=2)
    middle = datetime.now(UTC) + timedelta(microseconds=1)
    eventually(lambda: datetime.now(UTC) > middle, "time passes")
    desk.publish("orders", 1, first=2)
    browser = desk.connection.inspector()
    (after,) = browser.plan("orders", middle)
    (before,) = browser.plan("orders", end=middle.replace(tzinfo=None))
    assert values(browser.read(after)) == [b"2"]
    assert values(browser.read(before)) == [b"0", b"1"]


def test_a_limit_counts_in_each_partition_and_slices_are_cut_without_gaps(desk: Desk) -> None:
    desk.topic(partitions=2, count=20)
    pieces = desk.connection.inspector().plan("orders", limit=7, slice_rows=3)
    assert [(p.partition, p.start, p.end, p.estimate) for p in pieces] == [
        (0, 0, 3, 3),
        (0, 3, 6, 3),
        (0, 6, 7, 1),
        (1, 0, 3, 3),
        (1, 3, 6, 3),
        (1, 6, 7, 1),
    ]


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": "3"}, {"slice_rows": 0}, {"slice_rows": -1}])
def test_limits_must_be_positive(desk: Desk, wrong: dict[str, object]) -> None:
    desk.topic(count=1)
    with pytest.raises(ConfigError, match="positive"):
        desk.connection.inspector().plan("orders", **wrong)  # type: ignore[arg-type]  # on purpose


def test_a_partition_that_is_not_there_is_not_found(desk: Desk) -> None:
    desk.topic(partitions=2)
    browser = desk.connection.inspector()
    with pytest.raises(NotFound, match="no partition 5: the topic has 0, 1"):
        browser.plan("orders", {5: 0})
    with pytest.raises(NotFound):
        list(browser.read(Slice("orders", -1, 0, 5)))
    with pytest.raises(NotFound):
        browser.plan("nowhere")


def test_rows_deleted_before_reading_end_in_a_warning_with_the_range(desk: Desk) -> None:
    desk.topic(count=10)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    desk.store.topics["orders"].partitions[0].trim(4)
    with pytest.warns(RetentionWarning, match="offsets 0 to 3 of partition 0"):
        assert values(browser.read(slice_)) == [b"%d" % n for n in range(4, 10)]


def test_a_slice_that_is_gone_as_a_whole_is_warned_of_too(desk: Desk) -> None:
    desk.topic(count=10)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders", end=5)
    desk.store.topics["orders"].partitions[0].trim(8)
    with pytest.warns(RetentionWarning, match="offsets 0 to 4 of"):
        assert values(browser.read(slice_)) == []


def test_rows_deleted_while_reading_are_warned_of_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokerkit.backends.inmem.reader.READ_ROWS", 2)
    desk.topic(count=10)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    reading = browser.read(slice_)
    seen = values(iter([next(reading)]))
    eventually(lambda: browser._readers._readers[0]._driver._position == 4, "one batch is read ahead")  # type: ignore[attr-defined]  # inmem's
    desk.store.topics["orders"].partitions[0].trim(7)
    with pytest.warns(RetentionWarning, match="offsets 4 to 6 of"):
        seen += values(reading)
    assert seen == [b"0", b"1", b"2", b"3", b"7", b"8", b"9"]


def test_gaps_that_retention_did_not_make_are_read_in_silence(desk: Desk) -> None:
    desk.topic(count=10)
    partition = desk.store.topics["orders"].partitions[0]
    for offset in (0, 4, 9):
        partition.delete(offset)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(values(browser.read(slice_))) == 7


def test_a_reader_is_used_again_also_after_breaking_off(desk: Desk) -> None:
    desk.topic(count=5)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    for _ in range(5):
        for _ in browser.read(slice_):
            break
    assert len(values(browser.read(slice_))) == 5
    assert len(browser._readers._readers) == 1


def test_no_more_than_a_few_idle_readers_are_kept(desk: Desk) -> None:
    desk.topic(count=3)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    readings = [browser.read(slice_) for _ in range(7)]
    for reading in readings:
        next(reading)
    for reading in readings:
        reading.close()  # type: ignore[attr-defined]  # a generator
    assert len(browser._readers._readers) == 4


def test_reading_can_be_cancelled_and_the_next_read_is_whole(desk: Desk) -> None:
    desk.topic(count=5)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    desk.faults.pause()
    cancellation = Cancellation()
    threading.Timer(0.2, cancellation.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        list(browser.read(slice_, cancellation=cancellation))
    assert time.monotonic() - began < 60
    desk.faults.resume()
    assert len(values(browser.read(slice_))) == 5


@pytest.mark.extended
def test_a_broker_that_went_away_is_an_error_after_the_stall_time(desk: Desk) -> None:
    desk.topic(count=5)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    desk.faults.stop()
    with pytest.raises(Unavailable):
        list(browser.read(slice_, stall=0.5))


def test_a_process_that_was_stopped_looks_for_what_came_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.topic(count=5)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    looks, fetch, slept = count(0), reader.InmemReader.fetch, 0.0

    def fetch_later(self: Any, wait: float) -> Columns | None:
        nonlocal slept
        if next(looks) < 10:
            slept += 1000.0
            return Columns.empty()
        return fetch(self, wait)

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + slept, sleep=time.sleep)
    monkeypatch.setattr(slice_reading, "time", clock)
    monkeypatch.setattr(reader.InmemReader, "fetch", fetch_later)
    with pytest.raises(Unavailable, match="no message came for 60 s"):
        list(browser.read(slice_, stall=60))
    looks = count(8)
    assert len(values(browser.read(slice_, stall=60))) == 5


@pytest.mark.extended
def test_a_slice_that_could_not_be_begun_is_begun_when_the_broker_is_back(desk: Desk) -> None:
    desk.topic(count=5)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    desk.faults.stop()
    back = threading.Timer(0.6, desk.faults.start)
    back.start()
    assert len(values(browser.read(slice_, stall=20))) == 5
    back.join()


def test_rows_are_read_again_when_they_could_not_be_converted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.topic(count=5)
    calls, convert = count(1), reader.to_columns

    def convert_or_fail(*arguments: Any) -> Columns:
        if next(calls) == 1:
            raise Unavailable("the connection was lost")
        return convert(*arguments)

    monkeypatch.setattr(reader, "to_columns", convert_or_fail)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    assert len(values(browser.read(slice_))) == 5


def test_a_closed_browser_says_so(desk: Desk) -> None:
    desk.topic(count=1)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    assert values(browser.read(slice_)) == [b"0"]
    browser.close()
    with pytest.raises(Closed):
        browser.topics()
    with pytest.raises(Closed):
        list(browser.read(slice_))


def test_dropping_a_connection_ends_the_threads_of_browser_and_readers() -> None:
    desk = Desk()
    desk.topic(count=3)
    browser = desk.connection.inspector()
    (slice_,) = browser.plan("orders")
    values(browser.read(slice_))
    threads = [
        desk.connection._driver_thread._thread,
        browser._driver_thread._thread,
        *(reading._driver_thread._thread for reading in browser._readers._readers),
    ]
    assert all(thread.is_alive() for thread in threads)
    del desk, browser
    gc.collect()
    for thread in threads:
        thread.join(60)
    assert [thread.name for thread in threads if thread.is_alive()] == []


def test_a_slice_that_was_begun_before_is_read_whole(desk: Desk) -> None:
    desk.topic(count=10)
    browser = desk.connection.inspector()
    first, second = browser.plan("orders", slice_rows=5)
    begun = browser.begin(second)
    assert begun is not None
    eventually(lambda: begun.fetching.task.done, "its first rows are there")
    assert values(browser.read(first)) == [b"%d" % number for number in range(5)]
    assert values(browser.read(second, begun=begun)) == [b"%d" % number for number in range(5, 10)]
    assert browser.begin(second.after(9)) is None


def test_a_slice_that_was_begun_and_is_given_up_gives_its_reader_back(desk: Desk) -> None:
    desk.topic(count=10)
    browser = desk.connection.inspector()
    first, second = browser.plan("orders", slice_rows=5)
    begun = browser.begin(second)
    assert begun is not None
    begun.give_up()
    begun.give_up()
    pool = browser._readers
    assert pool._readers == pool._idle == [begun.reading]
    assert len(values(browser.read(first))) == 5
    assert pool._readers == [begun.reading]


def test_a_slice_that_could_not_be_begun_and_is_given_up_leaves_no_reader(desk: Desk) -> None:
    desk.topic(count=10)
    browser = desk.connection.inspector()
    begun = browser.begin(Slice("missing", 0, 0, 5))
    assert begun is not None
    eventually(lambda: begun.fetching.failed, "the topic is not found")
    begun.give_up()
    assert browser._readers._readers == []


def test_both_ends_of_a_plan_count_from_one_moment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else "yesterday" to "today" is two days where midnight lies between."""
    moments: list[datetime | None] = []

    def noted(value: Any, *, now: datetime | None = None, **others: Any) -> Any:
        moments.append(now)
        return parse_all(value, now=now, **others)

    monkeypatch.setattr("brokerkit.core.runtime.inspector.parse_all", noted)
    desk.connection.create_topic("days")
    desk.connection.inspector().plan("days", start="yesterday", end="today")
    first, last = moments
    assert first is not None
    assert first == last
