from __future__ import annotations

import pytest

from brokerkit.core.adapters import ack_all, commit_highest, group_by, group_by_key, nack_all
from brokerkit.core.vocabulary.errors import AckFailed, StaleAck

from .sources import ids, make, make_record, outcome


def test_groups_by_key_keep_order_and_tell_no_key_from_an_empty_one() -> None:
    keys = [b"b", None, b"a", b"", b"b", None]
    groups = group_by_key([make(number, key) for number, key in enumerate(keys)])
    assert [(key, ids(group)) for key, group in groups.items()] == [
        (b"b", [0, 4]),
        (None, [1, 5]),
        (b"a", [2]),
        (b"", [3]),
    ]


def test_records_can_be_grouped_by_anything() -> None:
    records = [make_record("t", number % 2, number) for number in range(4)]
    groups = group_by(records, lambda record: record.partition)
    assert {key: [each.offset for each in group] for key, group in groups.items()} == {0: [0, 2], 1: [1, 3]}


@pytest.mark.parametrize(("settle", "word"), [(ack_all, "ack"), (nack_all, "nack")])
def test_all_are_settled_though_some_fail_and_all_failures_are_reported(settle, word: str) -> None:
    messages = [make(number, refuse=number in (1, 3)) for number in range(5)]
    with pytest.raises(AckFailed, match="2 of 5") as caught:
        settle(messages)
    failures = caught.value.failures
    assert {row: str(error) for row, error in failures.items()} == {1: "1 refused", 3: "3 refused"}
    assert [outcome(each) for each in messages] == [word, None, word, None, word]


def test_a_failed_commit_is_reported_for_each_record_of_its_partition_only() -> None:
    stale = StaleAck("taken away")
    records = [make_record("a", 0, 1, stale), make_record("a", 1, 5), make_record("a", 0, 0)]
    with pytest.raises(AckFailed) as caught:
        commit_highest(records)
    assert caught.value.failures == {0: stale, 2: stale}
    assert outcome(records[1]) == "ack"


def test_without_integer_offsets_the_last_record_of_a_partition_is_committed() -> None:
    records = [make_record("a", 0, None), make_record("a", 0, None)]
    commit_highest(records)
    assert [outcome(each) for each in records] == [None, "ack"]


def test_nothing_to_settle_is_fine() -> None:
    ack_all([])
    nack_all([])
    commit_highest([])
