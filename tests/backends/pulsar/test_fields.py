"""What a message has that the frame has no column for comes back, and goes back where it came from."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.backends.pulsar import reader
from brokerkit.core import OutboundMessage
from brokerkit.core.vocabulary.results import PublishFailed
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.session.publish.placement import PlacingWarning
from brokerkit.workbench import Session
from tests.brokers.java_program import run_java

from .conftest import Make, new_name

pytestmark = pytest.mark.broker

EVENT_TIME, ORDERING_KEY = "$pulsar.event_time", "$pulsar.ordering_key"
SENT: list[dict[str, Any]] = [
    {"event_timestamp": 1_700_000_000_123, "ordering_key": "order"},
    {"event_timestamp": 1},
    {"ordering_key": "größe"},
    {"event_timestamp": 2**63, "ordering_key": "o", "properties": {"a": "b"}, "partition_key": "k"},
    {"properties": {"a": "b"}},
]


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with bk.connect(url) as opened:
        yield opened


@pytest.fixture
def topic(session: Session, make: Make) -> str:
    """A topic with one message for each of `SENT`."""
    name = make()
    producer = session.connection.native.create_producer(name)
    for number, fields in enumerate(SENT):
        producer.send(b"%d" % number, **fields)
    producer.close()
    return name


def fields_of(session: Session, topic: str) -> list[tuple[int, str, dict[str, str]]]:
    """What the client library says of each message of a topic."""
    import pulsar

    reader = session.connection.native.create_reader(topic, pulsar.MessageId.earliest)
    found = []
    while reader.has_message_available():
        message = reader.read_next(5000)
        found.append((message.event_timestamp(), message.ordering_key(), dict(message.properties())))
    reader.close()
    return found


def wanted() -> list[tuple[int, str, dict[str, str]]]:
    return [
        (each.get("event_timestamp", 0), each.get("ordering_key", ""), each.get("properties", {}))
        for each in SENT
    ]


def attributes_of(frame: pd.DataFrame) -> list[dict[str, str]]:
    return [{pair["name"]: pair["value"].decode() for pair in row} for row in frame["attributes"]]


def test_event_time_and_ordering_key_are_shown_as_attributes(session: Session, topic: str) -> None:
    right = [
        {EVENT_TIME: "1700000000123", ORDERING_KEY: "order"},
        {EVENT_TIME: "1"},
        {ORDERING_KEY: "größe"},
        {"a": "b", EVENT_TIME: str(2**63), ORDERING_KEY: "o"},
        {"a": "b"},
    ]
    assert attributes_of(session.scan(topic).to_pandas()) == right
    assert attributes_of(session.pull(topic, 5, subscription="me", start="earliest")) == right
    assert session.peek(topic, header={ORDERING_KEY: "order"})["value"].tolist() == ["0"]


def test_messages_are_the_same_with_and_without_the_wrapper_of_the_library(
    session: Session, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = session.scan(topic, progress=False).to_arrow()
    monkeypatch.setattr(reader, "taking", lambda opened: lambda millis: opened.read_next(millis))
    assert session.scan(topic, progress=False).to_arrow().equals(bare)


def test_a_published_frame_sets_them_again(session: Session, topic: str, make: Make) -> None:
    target = make()
    assert (session.publish_frame(target, session.scan(topic).to_pandas())["status"] == "confirmed").all()
    assert fields_of(session, target) == wanted()


def test_a_copy_to_pulsar_is_exact_also_by_another_system(session: Session, topic: str, make: Make) -> None:
    direct, back = make(), make()
    session.copy(topic, session, direct)
    with bk.connect(f"inmem://{new_name()}") as other:
        other.create_topic("between")
        session.copy(topic, other, "between")
        other.copy("between", session, back)
    for target in (direct, back):
        found = fields_of(session, target)
        assert [each[:2] for each in found] == [each[:2] for each in wanted()]
        assert [{k: v for k, v in each[2].items() if k != "bk-publish-time"} for each in found] == [
            each[2] for each in wanted()
        ]


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [(None, 1, None), (None, 3, "come from a topic without partitions, and .* has 3"), (3, 3, None),
     (3, 1, "come from 3 partitions, and .* has 1 partition: all go there")],
)  # fmt: skip
def test_a_copy_warns_of_partitions_only_where_they_differ(
    session: Session, make: Make, source: int | None, target: int, said: str | None
) -> None:
    name = make(source)
    session.publish_batch(name, [OutboundMessage(b"%d" % n, f"k{n}") for n in range(20)])
    with bk.connect("inmem://") as other, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        other.create_topic("copy", partitions=target)
        outcome = session.copy(name, other, "copy", progress=False)
        copied = other.scan("copy", progress=False).to_pandas()
    notes = [str(each.message) for each in caught if issubclass(each.category, PlacingWarning)]
    assert len(notes) == (said is not None)
    if said is not None:
        assert re.search(said, notes[0])
    assert outcome.counts == {"confirmed": 20, "failed": 0, "unknown": 0}
    if source == target:
        original = session.scan(name, progress=False).to_pandas()
        assert dict(zip(copied["key"], copied["partition"], strict=True)) == dict(
            zip(original["key"], original["partition"], strict=True)
        )


@pytest.mark.parametrize("way", ["copy", "frame"])
@pytest.mark.parametrize(
    ("source", "target", "said"),
    [(None, None, None), (None, 3, None), (1, 3, None),
     (3, 3, "come from 3 partitions, and the target chooses partitions itself: the key decides"),
     (2, 3, "come from 2 partitions, and the target chooses partitions itself: the key decides"),
     (3, None, "come from 3 partitions, and the target chooses partitions itself: all go there")],
)  # fmt: skip
def test_that_pulsar_chooses_partitions_itself_is_said_before_messages_of_several_are_sent(
    session: Session, make: Make, source: int | None, target: int | None, said: str | None, way: str
) -> None:
    name, other = make(source), make(target)
    session.publish_batch(name, [OutboundMessage(b"%d" % n, f"k{n}") for n in range(20)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if way == "copy":
            session.copy(name, session, other, progress=False)
        else:
            session.publish_frame(other, session.scan(name, progress=False).to_pandas())
    notes = [str(each.message) for each in caught if issubclass(each.category, PlacingWarning)]
    assert len(session.scan(other, progress=False).to_pandas()) == 20
    assert len(notes) == (said is not None)
    if said is not None:
        assert said in notes[0]


def test_of_a_partition_that_the_caller_chose_it_is_said_once_that_it_is_left_out(
    session: Session, make: Make
) -> None:
    chosen = pd.DataFrame({"key": ["a", "b"], "value": ["x", "y"], "partition": [0, 2]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        session.publish_frame(make(3), chosen, kind="messages")
    (note,) = [str(each.message) for each in caught if issubclass(each.category, PlacingWarning)]
    assert "'partition' is left out" in note


def test_a_field_that_pulsar_does_not_have_or_cannot_hold_is_refused(session: Session, make: Make) -> None:
    topic = make()
    for name, value in (
        (EVENT_TIME, "yesterday"),
        (EVENT_TIME, "-1"),
        (EVENT_TIME, "0"),
        (EVENT_TIME, str(2**64)),
        (ORDERING_KEY, ""),
        ("$pulsar.eventtime", "1"),
    ):
        with pytest.raises(PublishFailed, match=r"\$pulsar\."):
            session.publish(topic, "v", attributes={name: value})
    session.publish(topic, "v", attributes={EVENT_TIME: "5", ORDERING_KEY: "k", "a": "b"})
    assert fields_of(session, topic) == [(5, "k", {"a": "b"})]


def test_keys_that_java_wrote_as_bytes_are_those_bytes_where_the_schema_says_so(
    session: Session, pulsar_server: PulsarServer, make: Make
) -> None:
    plain, pairs, target = make(), make(), make()
    run_java(Path(__file__).with_name("Keys.java"), pulsar_server.url, plain, pairs)
    session.publish(pairs, "python", key="abcd")
    for frame in (
        session.scan(pairs).to_pandas(),
        session.pull(pairs, 3, subscription="me", start="earliest"),
        session.pull(pairs, 3, subscription="records", start="earliest", subscription_type="failover"),
    ):
        assert frame["raw_key"].iloc[0] == b"\xff\x00\x01"
        assert frame["key"].iloc[1:].tolist() == ["kk", "abcd"]
    outcome = session.publish_frame(target, session.scan(pairs).to_pandas())
    assert outcome["status"].tolist() == ["failed", "confirmed", "confirmed"]
    assert "UTF-8" in outcome["error"].iloc[0]
    assert session.scan(target).to_pandas()["key"].tolist() == ["kk", "abcd"]
    # without such a schema nothing tells base64 from a text
    assert session.scan(plain).to_pandas()["key"].tolist() == ["/wAB", "text"]
    assert attributes_of(session.scan(plain).to_pandas())[1] == {
        EVENT_TIME: "1234567890123",
        ORDERING_KEY: "order",
    }


def test_a_copy_from_pulsar_to_pulsar_arrives_as_it_was(session: Session, topic: str, make: Make) -> None:
    odd = {
        "größe": "ü x",
        " a ": " b ",
        "nats-x": "1",
        "goog": "2",
        "line": "a\nb",
        "long" * 100: "v" * 5_000,
    }
    producer = session.connection.native.create_producer(topic)
    producer.send(b"odd", properties=odd, event_timestamp=5)
    producer.close()
    target = make()
    session.copy(topic, session, target, progress=False)
    before, after = (session.scan(name, progress=False).to_pandas() for name in (topic, target))
    assert after["value"].tolist() == before["value"].tolist()
    for was, found in zip(before["attributes"], after["attributes"], strict=True):
        kept = [tuple(pair.values()) for pair in found if pair["name"] != "bk-publish-time"]
        assert sorted(kept) == sorted(tuple(pair.values()) for pair in was)


@pytest.mark.parametrize("wanted", [{"key": "k"}, {"header": "a"}, {"key": "k", "header": {"a": "b"}}])
def test_a_filter_says_how_many_messages_have_a_key_or_properties_that_cannot_be_read(
    session: Session, make: Make, wanted: dict[str, Any]
) -> None:
    topic = make()
    producer = session.connection.native.create_producer(topic)
    for _ in range(3):
        producer.send(b"odd", properties={"a": b"\xff"})
    producer.send(b"even", properties={"a": "b"}, partition_key="k")
    producer.send(b"other", partition_key="l")
    producer.close()
    with pytest.warns(bk.FilterWarning, match="the filter could not look at 3 of 5 messages"):
        frame = session.scan(topic, progress=False, **wanted).to_pandas()
    assert frame["value"].tolist() == ["even"]
    assert sum(frame.attrs["brokerkit"]["read"]["overlooked"].values()) == 3


FOREIGN: list[dict[str, str]] = [
    {EVENT_TIME: "soon", "a": "b"},
    {EVENT_TIME: "0"},
    {EVENT_TIME: str(2**64)},
    {ORDERING_KEY: ""},
    {"$pulsar.other": "x", EVENT_TIME: "1.5"},
    {EVENT_TIME: "7"},
    {EVENT_TIME: "7", ORDERING_KEY: "o", f"bk-{EVENT_TIME}": "8"},
]
FIELDS: list[dict[str, Any]] = [{}, {"event_timestamp": 5, "ordering_key": "order"}, {"event_timestamp": 6}]


@pytest.mark.parametrize("batching", [False, True])
@pytest.mark.parametrize("way", ["frame", "copy", "over another system"])
def test_properties_with_the_names_of_fields_and_the_fields_beside_them_arrive_as_they_were(
    url: str, make: Make, batching: bool, way: str
) -> None:
    topic, target = make(), make()
    with bk.connect(url, batching=batching) as session:
        producer = session.connection.native.create_producer(topic)
        for properties in FOREIGN:
            for beside in FIELDS:
                producer.send(b"odd", properties=properties, **beside)
        producer.close()
        frame = session.scan(topic, progress=False).to_pandas()
        shown = attributes_of(frame)
        assert shown[1] == {f"bk-{EVENT_TIME}": "soon", "a": "b", EVENT_TIME: "5", ORDERING_KEY: "order"}
        if way == "frame":
            outcome = session.publish_frame(target, frame)
            assert outcome["status"].tolist() == ["confirmed"] * len(frame)
            assert "note" not in outcome
        elif way == "copy":
            session.copy(topic, session, target, progress=False)
        else:
            with bk.connect(f"inmem://{new_name()}") as other:
                other.create_topic("between", partitions=1)
                session.copy(topic, other, "between", progress=False)
                other.copy("between", session, target, progress=False)
        before, after = fields_of(session, topic), fields_of(session, target)
        for each in after:
            each[2].pop("bk-publish-time", None)
        # messages of different keys may change places
        assert sorted(after, key=repr) == sorted(before, key=repr)
        assert [each[2] for each in before[::3]] == FOREIGN


def test_a_header_of_another_system_that_looks_like_a_field_is_sent_as_a_property_and_the_note_says_so(
    session: Session, make: Make
) -> None:
    rows = [
        {EVENT_TIME: "soon"},
        {"$pulsar.other": "x", "a": "b"},
        {ORDERING_KEY: "", f"bk-{ORDERING_KEY}": "x"},
    ]
    topic = make()
    with bk.connect("inmem://") as other:
        other.create_topic("t", partitions=1)
        other.publish_batch("t", [OutboundMessage(b"x", attributes=each) for each in rows])
        outcome = session.publish_frame(topic, other.peek("t"))
    assert outcome["status"].tolist() == ["confirmed", "confirmed", "failed"]
    assert all(
        name in note for name, note in zip((EVENT_TIME, "$pulsar.other"), outcome["note"], strict=False)
    )
    assert ORDERING_KEY in outcome["error"].iloc[2]
    assert [each[2] for each in fields_of(session, topic)] == rows[:2]


def test_a_field_with_a_wrong_value_in_a_new_message_is_refused(session: Session, make: Make) -> None:
    with pytest.raises(PublishFailed, match="must be milliseconds since 1970"):
        session.publish(make(), "x", attributes={EVENT_TIME: "soon"})
