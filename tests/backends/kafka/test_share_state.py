"""The records in which brokers keep the state of share groups, byte by byte."""

from __future__ import annotations

import struct

import pytest

from brokerkit.backends.kafka.share_state import Key, ShareState, parse_key, parse_value

TOPIC = bytes(range(16))
BATCH = struct.pack(">qqbhb", 0, 2, 2, 1, 0)


def snapshot(start: int) -> bytes:
    return struct.pack(">hiiiqqq", 0, 0, 2, 0, start, 1, 1) + b"\x01\x00"


def update(start: int, batches: int, done: int | None) -> bytes:
    tagged = b"\x00" if done is None else b"\x01\x00\x04" + struct.pack(">i", done)
    return struct.pack(">hiiq", 0, 0, 0, start) + bytes([batches + 1]) + BATCH * batches + tagged


def test_a_key_names_group_topic_and_partition() -> None:
    raw = struct.pack(">hh", 1, 5) + b"group" + TOPIC + struct.pack(">i", 3)
    assert parse_key(raw) == (1, Key("group", TOPIC, 3))


def test_a_snapshot_of_a_group_that_never_read_has_no_start() -> None:
    assert parse_value(0, snapshot(-1), None) == ShareState(-1, 0)


def test_an_update_tells_how_much_is_done_and_may_leave_the_start() -> None:
    assert parse_value(1, update(0, 4, 5), ShareState(-1, 0)) == ShareState(0, 5)
    assert parse_value(1, update(-1, 1, None), ShareState(7, 2)) == ShareState(7, 0)


@pytest.mark.parametrize(("kind", "value"), [(2, snapshot(0)), (0, b"\x00\x07" + snapshot(0)[2:])])
def test_unknown_values_are_refused(kind: int, value: bytes) -> None:
    with pytest.raises(ValueError, match="not known"):
        parse_value(kind, value, None)
