"""The reports of the library become outcomes once, whenever and in whatever order they come."""

from __future__ import annotations

import threading
from typing import Any

import pulsar

from brokerkit.backends.pulsar.sending import TAKEN_FOR_A_REPEAT, Producer, Sending
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import Unavailable

PRODUCER = Producer(None, deduplicated=True, batching=False, chunking=True)
BATCHING = Producer(None, deduplicated=False, batching=True, chunking=False)


def message_id(entry: int) -> Any:
    return pulsar.MessageId(2, 7, entry, -1)


def test_each_row_has_the_outcome_of_its_first_report() -> None:
    sending = Sending([PRODUCER] * 4)
    sending._taker(2)(pulsar.Result.Ok, message_id(5))
    sending._taker(2)(pulsar.Result.Timeout, message_id(5))
    sending.fail(0, Unavailable("no"))
    sending._taker(0)(pulsar.Result.Ok, message_id(4))
    sending._taker(3)(pulsar.Result.Timeout, message_id(-1))
    found = sending.outcomes(Deadline(0.0))
    assert [(each.status, each.id) for each in found] == [
        ("failed", None),
        ("unknown", None),
        ("confirmed", "7:5:2:-1"),
        ("unknown", None),
    ]
    assert str(found[0].error) == "no"
    assert "within 0 s" in str(found[1].error)


def test_a_report_after_the_deadline_changes_no_outcome() -> None:
    sending = Sending([PRODUCER])
    found = sending.outcomes(Deadline(0.0))
    sending._taker(0)(pulsar.Result.Ok, message_id(1))
    assert [each.status for each in found] == ["unknown"]


def test_a_message_without_an_id_is_stored_only_where_the_broker_deduplicates_it_alone() -> None:
    sending = Sending([PRODUCER, BATCHING])
    for row in (0, 1):
        sending._taker(row)(pulsar.Result.Ok, pulsar.MessageId(-1, -1, -1, -1))
    first, second = sending.outcomes(Deadline(1.0))
    assert (first.status, first.id, first.error) == ("confirmed", None, None)
    assert (second.status, second.error) == ("unknown", TAKEN_FOR_A_REPEAT)


def test_reports_of_other_threads_end_the_wait() -> None:
    rows = 2_000
    sending = Sending([PRODUCER] * rows)

    def report(begin: int) -> None:
        for row in range(begin, rows, 2):
            sending._taker(row)(pulsar.Result.Ok, message_id(row))

    threads = [threading.Thread(target=report, args=(begin,)) for begin in (0, 1)]
    for thread in threads:
        thread.start()
    found = sending.outcomes(Deadline(60.0))
    for thread in threads:
        thread.join()
    assert [each.id for each in found] == [f"7:{row}:2:-1" for row in range(rows)]
    assert found.others == {}
