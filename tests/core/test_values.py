"""Attributes, columns, outbound messages, and the tree of errors."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from brokerkit.core import (
    AckFailed,
    Attributes,
    BrokerError,
    Capabilities,
    Columns,
    ConfigError,
    DecodeError,
    LockLost,
    Message,
    NotFound,
    OutboundMessage,
    PublishFailed,
    PublishResult,
    Record,
    StaleAck,
    Unavailable,
)
from brokerkit.core.vocabulary import errors as tree
from brokerkit.core.vocabulary.arguments import check_count
from brokerkit.core.vocabulary.columns import COLUMN_NAMES

EVERY = [
    ("bytes", b"\x00\xff"),
    ("string", "ä"),
    ("null", None),
    ("bool", True),
    ("int", 2**63),
    ("float", 0.1),
    ("timestamp", datetime(2026, 1, 1, tzinfo=UTC)),
    ("uuid", UUID(int=1)),
]


def test_attributes_keep_order_duplicates_and_types() -> None:
    attributes = Attributes([("a", "1"), ("b", b"2"), ("a", "3"), *EVERY])
    assert list(attributes) == [("a", "1"), ("b", b"2"), ("a", "3"), *EVERY]
    assert attributes.get("a") == "3"
    assert attributes.get_all("a") == ("1", "3")
    assert attributes.get("missing", 7) == 7
    assert attributes.names()[:2] == ("a", "b")
    assert attributes.to_dict()["a"] == "3"
    assert (attributes.text("b"), attributes.text("null")) == ("2", None)


def test_attributes_come_from_mappings_pairs_and_nothing() -> None:
    assert Attributes({"a": "1"}) == Attributes([("a", "1")]) == Attributes([["a", "1"]]) == {"a": "1"}
    assert Attributes(None) == Attributes() == Attributes({})
    assert hash(Attributes({"a": "1"})) == hash(Attributes([("a", "1")]))


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (b"a", "a")])
def test_attributes_of_different_types_are_different(one: Any, other: Any) -> None:
    assert Attributes({"a": one}) != Attributes({"a": other})
    assert Attributes({"a": one}) != {"a": other}


def test_outbound_messages_take_text_and_bytes_and_keep_none_apart_from_empty() -> None:
    message = OutboundMessage("ä", key="k")
    assert (message.data, message.key) == ("ä".encode(), b"k")
    assert OutboundMessage(bytearray(b"x"), memoryview(b"y")) == OutboundMessage(b"x", b"y")
    assert OutboundMessage(None).data is None
    assert OutboundMessage("").data == b""
    assert OutboundMessage(b"", key=b"") != OutboundMessage(b"")


def test_the_repr_of_an_outbound_message_does_not_show_its_payload() -> None:
    assert "secret" not in repr(OutboundMessage(b"secret"))


def columns() -> Columns:
    return Columns(
        4,
        topic="t",
        partition=[0, 0, 1, 1],
        offset=pa.array([5, 6, 7, 8]),
        key=[None, b"", b"a", b"b"],
        value=(b"0", None, b"2", b"3"),
        attributes=[None, (("a", b"1"),), None, None],
    )


def rows(found: Columns) -> list[tuple[Any, ...]]:
    return list(zip(*(found.values(name) for name in COLUMN_NAMES), strict=True))


def test_slicing_taking_and_joining_columns_give_the_same_rows() -> None:
    whole = rows(columns())
    assert rows(columns().slice(1, 3)) == whole[1:3]
    assert rows(columns().slice(-2, 99)) == whole[2:]
    assert columns().slice(3, 1).length == 0
    assert rows(columns().take([3, 0])) == [whole[3], whole[0]]
    assert rows(columns().as_lists()) == whole
    parts = [columns().slice(0, 1), Columns.empty(), columns().slice(1, 4)]
    assert rows(Columns.concat(parts)) == whole
    assert Columns.concat([]).length == 0


def test_an_outbound_message_says_its_partition_and_time() -> None:
    moment = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
    message = OutboundMessage(b"x", partition=2, publish_time=moment)
    assert (message.partition, message.publish_time) == (2, moment)
    assert message.named("n").partition == 2
    assert message.named("n").publish_time == moment
    assert message != OutboundMessage(b"x", partition=1, publish_time=moment)
    assert message != OutboundMessage(b"x", partition=2)
    assert "partition=2" in repr(message)
    assert "2026-01-31T12:00:00.123456+00:00" in repr(message)
    assert pickle.loads(pickle.dumps(message)) == message
    # naive is UTC, and another zone is the same moment
    assert OutboundMessage(b"x", publish_time=moment.replace(tzinfo=None)).publish_time == moment
    east = moment.astimezone(timezone(timedelta(hours=5, seconds=28)))
    made = OutboundMessage(b"x", publish_time=east).publish_time
    assert made is not None
    assert (made, made.utcoffset()) == (moment, timedelta(0))
    assert OutboundMessage(b"x", publish_time=pd.Timestamp(moment)).publish_time == moment
    assert OutboundMessage(b"x", partition=np.int32(3)).partition == 3  # type: ignore[arg-type]  # numpy's integers are integers


@pytest.mark.parametrize("wrong", [True, np.True_, 1.0, "1", [1]])
def test_a_partition_of_another_type_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="partition"):
        OutboundMessage(b"", partition=wrong)


@pytest.mark.parametrize("wrong", [-1, 2**31, 2**63])
def test_a_partition_out_of_range_is_refused(wrong: int) -> None:
    with pytest.raises(ConfigError, match="partition must be between 0"):
        OutboundMessage(b"", partition=wrong)


@pytest.mark.parametrize("wrong", [True, 0, 1.5, "2026-01-31", date(2026, 1, 31), pd.NaT])
def test_a_publish_time_of_another_type_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="publish_time"):
        OutboundMessage(b"", publish_time=wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        pd.Timestamp("2026-01-31T12:00:00.000000001"),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_publish_time_that_cannot_be_kept_is_refused(wrong: datetime) -> None:
    with pytest.raises(ConfigError, match="publish_time"):
        OutboundMessage(b"", publish_time=wrong)


def test_joining_keeps_a_scalar_only_where_all_agree() -> None:
    other = columns()
    other.topic = "u"
    assert Columns.concat([columns(), columns()]).topic == "t"
    assert Columns.concat([columns(), other]).to_list("topic") == ["t"] * 4 + ["u"] * 4


def test_messages_and_records_survive_the_way_through_columns() -> None:
    moment = datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    messages = [Message("1", None, b"", Attributes(EVERY), "t", moment, None, 3), Message("2", b"")]
    assert Columns.from_messages(messages).to_messages() == messages
    records = [Record("t", 0, 0, None, b"", Attributes(EVERY), moment, moment), Record("t", 1, None, b"")]
    assert Columns.from_records(records).to_records() == records


def test_a_time_that_no_datetime_can_hold_is_none() -> None:
    (message,) = Columns(1, topic="t", id=["1"], publish_time=[2**62]).to_messages()
    assert message.publish_time is None


def test_all_errors_are_of_one_tree_and_say_whether_to_retry() -> None:
    found = [each for each in vars(tree).values() if isinstance(each, type) and issubclass(each, Exception)]
    kinds = [each for each in found if not issubclass(each, Warning)]
    assert len(kinds) > 12
    assert all(issubclass(each, BrokerError) for each in kinds)
    assert [each for each in kinds if each.retryable] == [Unavailable]
    assert issubclass(StaleAck, AckFailed)
    assert issubclass(LockLost, AckFailed)
    assert issubclass(ConfigError, ValueError)
    assert issubclass(DecodeError, ValueError)
    assert issubclass(NotFound, LookupError)
    assert Unavailable("x", retryable=False).retryable is False
    assert BrokerError("x", retryable=True).retryable is True


def test_a_failed_publish_is_retryable_when_every_failure_is() -> None:
    passing = PublishResult("failed", error=Unavailable("x"))
    lasting = PublishResult("failed", error=NotFound("x"))
    fine = PublishResult("confirmed", "1")
    assert PublishFailed("x", results=[fine, passing]).retryable
    assert not PublishFailed("x", results=[passing, lasting]).retryable
    assert not PublishFailed("x").retryable


@pytest.mark.parametrize("error", [Unavailable("a"), NotFound("b"), AckFailed("c"), ConfigError("d")])
def test_errors_can_be_pickled(error: BrokerError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, again.retryable) == (type(error), error.args, error.retryable)


def test_capabilities_of_a_model_are_those_of_its_consumers() -> None:
    whole = Capabilities(
        models=("record", "message"),
        ack="confirmed per partition",
        nack="seek back",
        by_model={"message": {"nack": "immediate", "reject": True}},
    )
    assert (whole.of().models, whole.of().nack, whole.of().reject) == (("record",), "seek back", False)
    message = whole.of("message")
    assert (message.models, message.nack, message.reject) == (("message",), "immediate", True)
    assert message.ack == "confirmed per partition"
    assert message.of() == message


@pytest.mark.parametrize("number", [2**63, 2**64, 10**4_000])
def test_a_number_that_no_column_can_hold_is_refused_in_words(number: int) -> None:
    with pytest.raises(ConfigError, match="limit must be at most 9,223,372,036,854,775,807"):
        check_count(number, "limit")
