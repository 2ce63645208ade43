"""Random messages and random damage to them: what is read is what the reference library reads, or a failure."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from brokerkit.frames.codecs.protobuf import ProtobufSchema

from .protobuf_messages import (
    class_of,
    expected,
    mutant,
    old,
    payloads,
    plain,
    random_message,
    read_back,
    shop,
)

MESSAGES = [(shop, "Order"), (shop, "Rich"), (old, "Event"), (old, "Grouped")]
NAMES = [name for _, name in MESSAGES]
TIMES = [1, pytest.param(5, marks=pytest.mark.extended)]
"""How many times as many random messages."""


def reference(kind: Any, row: bytes, *, text: bool) -> Any:
    """What the reference library makes of a payload; None if it refuses it, or if it holds a value that has no text."""
    try:
        message = kind.FromString(row)
        return plain(expected(message, text=text)) if message.IsInitialized() else None
    except (DecodeError, ValueError, OverflowError):
        return None


def check(schema: ProtobufSchema, name: str, rows: list[bytes]) -> tuple[int, int]:
    """Compare both ways of reading with the reference library. Returns how many rows were read and refused."""
    descriptor = schema.message(name)
    kind, columns = class_of(descriptor), schema.columns(descriptor)
    typed, texts = columns.read(payloads(rows)), columns.texts(payloads(rows))
    assert len(typed.values) == len(texts.values) == len(rows)
    for row, value, text in zip(
        range(len(rows)), typed.values.to_pylist(), texts.values.to_pylist(), strict=True
    ):
        for wanted, read, failures in (
            (reference(kind, rows[row], text=True), text and json.loads(text), texts.failures),
            (
                reference(kind, rows[row], text=False),
                value and read_back(value, columns.type),
                typed.failures,
            ),
        ):
            if wanted is None:
                assert row in failures, rows[row].hex()
                assert read is None
            elif row in failures:
                # text of proto2 need not be UTF-8, and no column and no JSON can hold it; a column of
                # timestamps cannot hold those that Protobuf does not allow, which have no text either
                assert failures[row].reason.startswith("the text is not UTF-8") or (
                    reference(kind, rows[row], text=True) is None
                ), (rows[row].hex(), failures[row])
            else:
                assert plain(read) == wanted, rows[row].hex()
    return len(rows) - len(typed.failures), len(typed.failures)


@pytest.mark.extended
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(("schema", "name"), MESSAGES, ids=NAMES)
def test_random_messages_are_read_as_the_reference_library_reads_them(
    schema: Any, name: str, times: int
) -> None:
    r = random.Random(1)
    kind = class_of(schema().message(name))
    rows = [random_message(kind, r).SerializeToString() for _ in range(100 * times)]
    assert check(schema(), name, rows) == (100 * times, 0)


@pytest.mark.extended
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(("schema", "name"), MESSAGES, ids=NAMES)
def test_damaged_messages_are_read_as_the_reference_library_reads_them_or_are_failures(
    schema: Any, name: str, times: int
) -> None:
    r = random.Random(2)
    kind = class_of(schema().message(name))
    rows = [mutant(random_message(kind, r).SerializeToString(), r) for _ in range(300 * times)]
    read, refused = check(schema(), name, rows)
    assert read > 20 * times
    assert refused > 20 * times


@pytest.mark.extended
@settings(max_examples=20, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_any_bytes_are_read_as_the_reference_library_reads_them_or_are_failures(rows: list[bytes]) -> None:
    check(shop(), "Order", rows)
    check(old(), "Grouped", rows)


@pytest.mark.extended
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_each_failure_names_a_byte_and_a_reason(seed: int) -> None:
    r = random.Random(seed)
    schema = shop()
    kind = class_of(schema.message("Order"))
    rows = [mutant(random_message(kind, r).SerializeToString(), r) for _ in range(20)]
    columns = schema.columns(schema.message("Order"))
    found = [*columns.texts(payloads(rows)).failures.items(), *columns.read(payloads(rows)).failures.items()]
    for row, failure in found:
        assert failure.reason
        assert failure.offset is not None, (rows[row].hex(), failure)
        assert 0 <= failure.offset <= len(rows[row])


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(("schema", "name"), MESSAGES, ids=NAMES)
def test_columns_that_were_read_are_written_as_equal_messages(schema: Any, name: str, times: int) -> None:
    r = random.Random(3)
    descriptor = schema().message(name)
    kind = class_of(descriptor)
    messages = [random_message(kind, r) for _ in range(60 * times)]
    rows = [message.SerializeToString(deterministic=True) for message in messages]
    values = schema().columns(descriptor).read(payloads(rows)).values
    written, failures = schema().writer(descriptor).columns(values)
    assert failures == {}
    for message, payload in zip(messages, written.to_pylist(), strict=True):
        assert plain(expected(kind.FromString(payload))) == plain(expected(message))
    if name == "Order":
        # no defaults are declared here, so that presence is the same, too
        normal = [kind.FromString(row).SerializeToString(deterministic=True) for row in written.to_pylist()]
        assert normal == rows


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(("schema", "name"), MESSAGES, ids=NAMES)
def test_json_that_was_read_is_written_as_equal_messages(schema: Any, name: str, times: int) -> None:
    r = random.Random(4)
    descriptor = schema().message(name)
    kind = class_of(descriptor)
    messages = [random_message(kind, r) for _ in range(30 * times)]
    rows = [message.SerializeToString() for message in messages]
    texts = schema().columns(descriptor).texts(payloads(rows)).values.to_pylist()
    writer = schema().writer(descriptor)
    for message, text in zip(messages, texts, strict=True):
        again = kind.FromString(writer.object(json.loads(text)))
        assert plain(expected(again, text=True)) == plain(expected(message, text=True))
