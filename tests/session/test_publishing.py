"""Publishing: what a value becomes, what a failure says, and frames that can be gone on with."""

from __future__ import annotations

import contextlib
import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.errors import Unavailable
from brokerkit.workbench import Session


@pytest.fixture
def t(s: Session) -> Session:
    """A session with an empty topic `t`."""
    s.create_topic("t")
    return s


def values(session: Session, topic: str = "t") -> list:
    return session.peek(topic, 10_000, start="earliest")["value"].tolist()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"id": 1, "name": "ä"}, '{"id":1,"name":"ä"}'),
        ([1, None], "[1,null]"),
        ({"big": 2**70}, '{"big":1180591620717411303424}'),
        ({"n": np.int64(3), "t": pd.Timestamp("2020-01-01")}, '{"n":3,"t":"2020-01-01T00:00:00"}'),
        ("text", "text"),
        ("", ""),
        (b"bytes", "bytes"),
        (bytearray(b"x"), "x"),
        (None, None),
    ],
)
def test_dicts_and_lists_become_json_and_the_rest_stays(t: Session, value: object, text: str | None) -> None:
    assert t.publish("t", value).ok
    (found,) = values(t)
    assert found == text or (text is None and found is pd.NA)


def test_no_key_and_an_empty_key_are_different(t: Session) -> None:
    t.publish("t", "a")
    t.publish("t", "b", key="")
    assert t.peek("t")["key"].tolist() == [pd.NA, ""]


def test_key_and_attributes_arrive(t: Session) -> None:
    t.publish("t", "a", key="ä", attributes={"one": "1", "two": b"\xff"})
    t.publish("t", "b", attributes=[("one", "1"), ("one", "2")])
    frame = t.peek("t")
    assert frame["key"].tolist()[0] == "ä"
    assert bk.attr(frame, "one").tolist() == ["1", "2"]


def test_publish_failed_holds_every_outcome(t: Session) -> None:
    with pytest.raises(bk.PublishFailed, match=r"1 of 3 messages to 't'.*10,000,000 bytes") as failed:
        t.publish_batch("t", ["a", "x" * 10_000_000, "c"])
    assert [result.status for result in failed.value.results] == ["confirmed", "failed", "confirmed"]
    assert isinstance(failed.value.__cause__, bk.TooLarge)
    assert values(t) == ["a", "c"]


def test_a_single_failure_says_what_became_of_the_message(t: Session) -> None:
    with pytest.raises(bk.PublishFailed, match=r"the message to 'nope' was not published: there is no topic"):
        t.publish("nope", "x")
    t.native.faults.lose_confirmations(1_000)
    with pytest.raises(bk.PublishFailed, match="may be stored, but was not confirmed"):
        t.publish("t", "x", timeout=0.1)


def test_nothing_is_told_to_be_in_doubt_where_nothing_was_sent(t: Session) -> None:
    wrong = bk.OutboundMessage("x", attributes={"a": "1"})
    wrong.attributes = Attributes.trusted([("a", object())])  # type: ignore[list-item]
    for messages, error in (([wrong], TypeError), (["x"], bk.Closed)):
        if error is bk.Closed:
            t.close()
        with pytest.raises(error) as caught:
            t.publish_batch("t", messages)
        assert not getattr(caught.value, "__notes__", [])
        assert t.last_interrupted is None


def test_publish_batch_takes_values_messages_and_generators(t: Session) -> None:
    t.publish_batch("t", [{"id": 1}, bk.OutboundMessage("m", "k")])
    t.publish_batch("t", (str(number) for number in range(2)))
    assert t.publish_batch("t", []) == []
    assert values(t) == ['{"id":1}', "m", "0", "1"]


def test_a_frame_becomes_one_json_object_per_row(t: Session) -> None:
    frame = pd.DataFrame({"customer": ["a", "b"], "total": [1, None]})
    outcome = t.publish_frame("t", frame, key="customer")
    assert outcome["status"].tolist() == ["confirmed", "confirmed"]
    assert outcome.failed.empty
    outcome.raise_for_failures()
    assert values(t) == ['{"customer":"a","total":1.0}', '{"customer":"b","total":null}']
    assert t.peek("t")["key"].tolist() == ["a", "b"]


def test_columns_choose_what_goes_into_the_object(t: Session) -> None:
    t.publish_frame("t", pd.DataFrame({"a": [1], "b": [2]}), columns=["b"], key="a")
    assert values(t) == ['{"b":2}']


def test_polars_and_arrow_frames_are_published_too(t: Session) -> None:
    polars = pytest.importorskip("polars")
    t.publish_frame("t", polars.DataFrame({"a": [1]}))
    t.publish_frame("t", polars.DataFrame({"a": [2]}).to_arrow())
    assert values(t) == ['{"a":1}', '{"a":2}']


def test_a_dry_run_sends_nothing_and_shows_what_would_be_sent(t: Session) -> None:
    shown = t.publish_frame("t", pd.DataFrame({"a": [1, object()]}), dry_run=True)
    assert shown["data"].tolist() == ['{"a":1}', None]
    assert "object" in shown["error"].tolist()[1]
    assert values(t) == []


def test_publish_frame_never_raises_for_a_row(t: Session) -> None:
    frame = pd.DataFrame({"value": ["a", "x" * 10_000_000, "c"]})
    outcome = t.publish_frame("t", frame, kind="messages")
    assert outcome["status"].tolist() == ["confirmed", "failed", "confirmed"]
    assert "TooLarge" in outcome.failed["error"].tolist()[0]
    with pytest.raises(bk.PublishFailed):
        outcome.raise_for_failures()
    missing = t.publish_frame("nope", pd.DataFrame({"a": [1]}))
    assert "no topic 'nope'" in missing.failed["error"].tolist()[0]


def test_a_missing_topic_is_told_by_the_outcome_alone(t: Session) -> None:
    t.publish("t", "x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        missing = t.publish_frame("nope", t.peek("t"))
    assert missing["status"].tolist() == ["failed"]


@pytest.mark.extended
def test_a_broker_that_does_not_answer_is_waited_for_once_and_the_rest_is_not_tried(t: Session) -> None:
    frame = pd.DataFrame({"n": range(6_000)})
    t.native.faults.stop()
    outcome = t.publish_frame("t", frame, timeout=0.5, progress=False)
    assert outcome.counts == {"confirmed": 0, "failed": 6_000, "unknown": 0}
    assert outcome["error"].str.contains("stopped").sum() == 5_000
    assert outcome["error"].str.contains("not tried.*resume=").sum() == 1_000
    t.native.faults.start()
    assert t.publish_frame("t", frame, resume=outcome, progress=False).counts["confirmed"] == 6_000
    assert len(t.scan("t").to_pandas()) == 6_000


def test_rows_that_fail_by_themselves_do_not_end_it(t: Session) -> None:
    frame = pd.DataFrame({"n": range(12_000)})
    t.native.faults.fail_publishes(5_000, bk.BrokerError("refused"))
    outcome = t.publish_frame("t", frame, progress=False)
    assert outcome.counts == {"confirmed": 7_000, "failed": 5_000, "unknown": 0}


def test_an_attribute_that_the_system_does_not_carry_is_the_failure_of_its_row(t: Session) -> None:
    t.publish("t", "a", attributes={"n": 5})
    t.publish("t", "b", attributes={"n": "5"})
    frame = t.peek("t")
    t.create_topic("u")
    t.connection.capabilities = t.capabilities.but(attribute_types=frozenset({"string"}))
    # a publisher of its own: the shared one was made before
    t._publisher = None
    outcome = t.publish_frame("u", frame)
    assert outcome["status"].tolist() == ["failed", "confirmed"]
    assert "attribute 'n' is int" in outcome["error"].tolist()[0]


def test_resume_sends_only_what_was_not_confirmed(t: Session) -> None:
    frame = pd.DataFrame({"n": range(10)})
    t.native.faults.fail_publishes(3, bk.BrokerError("refused"))
    outcome = t.publish_frame("t", frame)
    assert outcome.counts == {"confirmed": 7, "failed": 3, "unknown": 0}
    again = t.publish_frame("t", frame, resume=outcome)
    assert again.counts == {"confirmed": 10, "failed": 0, "unknown": 0}
    assert sorted(json.loads(value)["n"] for value in values(t)) == list(range(10))


def test_resume_sends_the_unknown_again_without_doubling_where_messages_have_names(t: Session) -> None:
    frame = pd.DataFrame({"n": range(5)})
    t.native.faults.lose_confirmations(1_000)
    outcome = t.publish_frame("t", frame, timeout=0.1)
    assert outcome.counts["unknown"] == 5
    t.native.faults._publish.clear()
    assert t.publish_frame("t", frame, resume=outcome).counts["confirmed"] == 5
    assert len(values(t)) == 5


def test_resume_leaves_the_unknown_alone_where_it_could_store_them_twice(t: Session) -> None:
    frame = pd.DataFrame({"n": range(5)})
    t.native.faults.lose_confirmations(1_000)
    outcome = t.publish_frame("t", frame, timeout=0.1)
    t.native.faults._publish.clear()
    forgotten = pd.DataFrame(outcome.to_dict("list"))  # as if it had come from a file
    again = t.publish_frame("t", frame, resume=forgotten)
    assert again.counts["unknown"] == 5
    assert len(values(t)) == 5


@pytest.mark.parametrize(
    "change",
    [
        "attribute",
        "last row",
        *(pytest.param(each, marks=pytest.mark.extended) for each in ("value", "order", "key")),
    ],
)
def test_resume_refuses_a_frame_of_other_rows_before_it_sends_any(t: Session, change: str) -> None:
    rows = 5_200
    frame = pd.DataFrame(
        {
            "value": [f"v{n}" for n in range(rows)],
            "key": [f"k{n % 7}" for n in range(rows)],
            "attributes": [{"n": str(n)} for n in range(rows)],
        }
    )
    t.native.faults.fail_publishes(1, bk.BrokerError("refused"))
    outcome = t.publish_frame("t", frame, kind="messages")
    assert outcome.counts["failed"] == 1
    other = frame.copy()
    if change == "order":
        other = frame.iloc[::-1]
    elif change == "attribute":
        other.at[7, "attributes"] = {"n": "other"}
    elif change == "last row":
        other.loc[rows - 1, "value"] = "other"
    else:
        other.loc[7, change] = "other"
    with pytest.raises(bk.ConfigError, match="resume= belongs to another frame: between rows"):
        t.publish_frame("t", other, kind="messages", resume=outcome)
    assert len(t.scan("t", progress=False).to_pandas()) == rows - 1
    assert t.publish_frame("t", frame, kind="messages", resume=outcome).counts["confirmed"] == rows


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"attributes": {"ab": b"c"}}, {"attributes": {"a": b"bc"}}),
        ({"attributes": {"a": b"b", "c": b"d"}}, {"attributes": {"a": b"bcd"}}),
        ({"attributes": {"a": b"'b'"}}, {"attributes": {"a": "b"}}),
        ({"value": "ab", "key": "c"}, {"value": "a", "key": "bc"}),
        ({"key": ""}, {"key": None}),
        ({"key": "ab", "attributes": {"a": "c"}}, {"key": "a", "attributes": {"ba": "c"}}),
    ],
)
def test_resume_tells_rows_apart_whose_parts_have_the_same_bytes_together(
    t: Session, before: dict[str, Any], after: dict[str, Any]
) -> None:
    row = {"value": "v", "key": "k", "attributes": None}
    outcome = t.publish_frame("t", pd.DataFrame([row | before]), kind="messages", progress=False)
    with pytest.raises(bk.ConfigError, match="another frame"):
        t.publish_frame("t", pd.DataFrame([row | after]), kind="messages", resume=outcome, progress=False)


@pytest.mark.parametrize("known_again", [True, False])
def test_a_row_keeps_its_name_when_resume_sends_it_again(t: Session, known_again: bool) -> None:
    publisher = t.shared_publisher()
    publisher.capabilities = publisher.capabilities.but(dedup_ids=known_again, max_batch=2)
    names: list[Any] = []
    driver: Any = publisher._driver
    send = driver.send
    driver.send = lambda batch, timeout: (
        names.extend(message.dedup_id for _, message in batch) or send(batch, timeout)
    )
    frame = pd.DataFrame({"n": range(5)})
    outcome = t.publish_frame("t", frame, progress=False)
    outcome.loc[[1, 4], "status"] = "failed"
    t.publish_frame("t", frame, resume=outcome, progress=False)
    run = outcome.attrs["brokerkit"]["run"]
    assert names == [f"{run}-{row}" for row in (0, 1, 2, 3, 4, 1, 4)]


def test_resume_takes_a_frame_whose_failed_rows_were_mended(t: Session) -> None:
    frame = pd.DataFrame({"value": ["a", "b", "c"]})
    t.native.faults.fail_publishes(1, bk.BrokerError("refused"))
    outcome = t.publish_frame("t", frame, kind="messages")
    mended = frame.copy()
    mended.loc[outcome.failed["row"], "value"] = "mended"
    assert t.publish_frame("t", mended, kind="messages", resume=outcome).counts["confirmed"] == 3
    assert sorted(values(t)) == ["b", "c", "mended"]


def test_resume_takes_a_status_that_was_set_to_failed_by_hand(t: Session) -> None:
    frame = pd.DataFrame({"value": ["a", "b", "c"]})
    outcome = t.publish_frame("t", frame, kind="messages")
    outcome.loc[1, "status"] = "failed"
    assert t.publish_frame("t", frame, kind="messages", resume=outcome).counts["confirmed"] == 3


def test_resume_refuses_what_would_publish_rows_twice(t: Session) -> None:
    frame = pd.DataFrame({"n": range(10)})
    t.native.faults.fail_publishes(1, Unavailable("x", retryable=False))
    outcome = t.publish_frame("t", frame)
    with pytest.raises(bk.ConfigError, match="whole outcome frame of 10 rows, not 1"):
        t.publish_frame("t", frame, resume=outcome.failed)
    with pytest.raises(bk.ConfigError, match="frame of 10 rows, and this one has 3"):
        t.publish_frame("t", frame.head(3), resume=outcome)
    t.create_topic("other")
    with pytest.raises(bk.ConfigError, match="belongs to the topic 't'"):
        t.publish_frame("other", frame, resume=outcome)


def test_a_transaction_becomes_visible_as_a_whole(t: Session) -> None:
    with t.transaction() as tx:
        tx.publish("t", {"id": 1}, key="k")
        tx.publish_batch("t", ["a", "b"])
        tx.publish_frame("t", pd.DataFrame({"n": [1]}))
        assert values(t) == []
    assert values(t) == ['{"id":1}', "a", "b", '{"n":1}']


def test_a_transaction_that_raises_leaves_nothing(t: Session) -> None:
    def publish_and_fail() -> None:
        with t.transaction() as tx:
            tx.publish("t", "x")
            raise ZeroDivisionError

    def publish_what_cannot_be() -> None:
        with t.transaction() as tx:
            tx.publish("t", "x")
            tx.publish_frame("t", pd.DataFrame({"a": [object()]}))

    with pytest.raises(ZeroDivisionError):
        publish_and_fail()
    with pytest.raises(bk.PublishFailed):
        publish_what_cannot_be()
    with (
        pytest.raises(bk.PublishFailed, match="Nothing of the transaction is published"),
        t.transaction() as tx,
    ):
        tx.publish("t", "x")
        with contextlib.suppress(bk.PublishFailed):
            tx.publish_frame("t", pd.DataFrame({"a": ["fine", object()]}))
    with t.transaction() as tx:
        pass
    assert values(t) == []
    with pytest.raises(bk.Closed):
        tx.publish("t", "x")


def chosen_places(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"value": ["1", "2", "3", "4"], "partition": [2, 2, 0, None], **columns})


@pytest.mark.parametrize("columns", [{}, {"key": ["k", "k", "j", "k"]}, {"topic": [None] * 4}], ids=str)
def test_a_partition_that_a_user_writes_into_a_frame_is_used(s: Session, columns: dict[str, Any]) -> None:
    s.create_topic("places", partitions=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = s.publish_frame("places", chosen_places(**columns), kind="messages", progress=False)
    assert [identity.split("-")[0] for identity in outcome["id"][:3]] == ["2", "2", "0"]
    assert outcome.attrs["brokerkit"]["placing"]["partitions"] == "same"


def test_a_partition_that_the_topic_does_not_have_is_refused_before_anything_is_sent(s: Session) -> None:
    s.create_topic("places", partitions=2)
    with pytest.raises(bk.ConfigError, match='partitions="key" lets the key decide'):
        s.publish_frame("places", chosen_places(), kind="messages", progress=False)
    assert len(s.peek("places")) == 0
    outcome = s.publish_frame("places", chosen_places(), kind="messages", partitions="key", progress=False)
    assert outcome.counts["confirmed"] == 4


def test_a_partition_of_a_frame_that_was_read_still_depends_on_the_topic(s: Session) -> None:
    s.create_topic("wide", partitions=3)
    s.create_topic("narrow", partitions=2)
    s.publish_batch("wide", ["1", "2", "3", "4"])
    with pytest.warns(bk.PlacingWarning, match="the key decides"):
        assert s.publish_frame("narrow", s.peek("wide"), progress=False).counts["confirmed"] == 4
