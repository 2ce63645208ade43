"""A message that is sent again from a row keeps its partition and time, or it is said before."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import Record
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.session.publish.placement import PlacingWarning
from brokerkit.widgets.compose import Composer
from brokerkit.widgets.compose.view import state_of
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker
THEN = datetime.now(UTC).replace(microsecond=123_000) - timedelta(days=2)
PARTITIONS = 4


@pytest.fixture
def session(kafka_server: KafkaServer) -> Iterator[Session]:
    with bk.connect(f"kafka://{kafka_server.bootstrap}") as opened:
        yield opened


def made(session: Session, partitions: int = PARTITIONS, config: Mapping[str, Any] | None = None) -> str:
    name = f"compose-{uuid.uuid4().hex[:8]}"
    session.create_topic(name, partitions=partitions, config=config or {})
    return name


@pytest.fixture
def topic(session: Session) -> str:
    """The messages of one key in all partitions, as producers with other partitioners leave them."""
    name = made(session)
    session.publish_batch(
        name,
        [
            bk.OutboundMessage(b"%d" % place, b"c1", partition=place, publish_time=THEN)
            for place in range(PARTITIONS)
        ],
    )
    return name


def read(session: Session, topic: str) -> pd.DataFrame:
    return session.scan(topic, progress=False).to_pandas().sort_values(["partition", "offset"], kind="stable")


def home(session: Session, topic: str, key: str = "c1") -> int:
    """The partition of a key."""
    place = session.inspector.terms(topic).place
    assert place is not None
    return int(place(key.encode()))


def warnings_of(composer: Composer) -> list[str]:
    return [each.text for each in composer.problems if each.level == "warning"]


def problems_of(composer: Composer) -> list[list[str]]:
    """The warnings of each row."""
    found = []
    for row in range(len(composer)):
        composer.row = row
        found.append(warnings_of(composer))
    return found


@pytest.mark.parametrize("many", [False, True])
def test_a_message_sent_again_from_a_row_keeps_its_partition_and_time(
    session: Session, topic: str, many: bool
) -> None:
    rows = read(session, topic)
    composers = (
        [Composer(session, topic, frame=rows)]
        if many
        else [Composer(session, topic, message=rows.iloc[[row]]) for row in range(PARTITIONS)]
    )
    for composer in composers:
        assert composer.problems == []
        assert composer.send().counts["confirmed"] == len(composer)
    again = read(session, topic)
    assert again["value"].tolist() == [value for place in "0123" for value in (place, place)]
    assert set(again["publish_time"]) == {pd.Timestamp(THEN)}


def test_an_edited_message_keeps_them_and_a_new_key_is_said_to_belong_elsewhere(
    session: Session, topic: str
) -> None:
    other = (home(session, topic) + 1) % PARTITIONS
    composer = Composer(session, topic, message=read(session, topic).iloc[[other]])
    composer._shown_view().receive({"type": "edit", "value": ["text", "edited"]})
    assert composer.problems == []
    assert composer.dry_run()[["partition", "publish_time"]].values.tolist() == [[other, THEN]]
    key = next(each for each in map("k{}".format, range(99)) if home(session, topic, each) != other)
    composer._shown_view().receive({"type": "edit", "key": ["text", key]})
    assert f"goes to partition {other}, and messages of its new key to {home(session, topic, key)}" in str(
        warnings_of(composer)
    )
    assert composer.send().counts["confirmed"] == 1
    last = read(session, topic).loc[lambda frame: frame["value"] == "edited"]
    assert last[["key", "partition"]].values.tolist() == [[key, other]]
    assert last["publish_time"].tolist() == [pd.Timestamp(THEN)]


def test_that_a_message_leaves_its_partition_is_said_before_it_is_sent(session: Session, topic: str) -> None:
    rows, place = read(session, topic), home(session, topic)
    with pytest.warns(PlacingWarning, match="another partitioner had placed them"):
        problems = problems_of(Composer(session, topic, frame=rows, partitions="key", times="now"))
    for row, found in enumerate(problems):
        if row == place:
            assert found == []
        else:
            (text,) = found
            assert f"it was in {row} and goes to {place}, since another partitioner had placed it" in text
    assert len(read(session, topic)) == PARTITIONS
    began = datetime.now(UTC) - timedelta(minutes=1)
    with pytest.warns(PlacingWarning):
        Composer(session, topic, frame=rows, partitions="key", times="now").send()
    again = read(session, topic)
    assert again["partition"].value_counts()[place] == PARTITIONS + 1
    assert (again["publish_time"] > began).sum() == PARTITIONS


def test_another_target_decides_again_where_messages_go(session: Session, topic: str) -> None:
    same, fewer = made(session), made(session, 2)
    stamped = made(session, config={"message.timestamp.type": "LogAppendTime"})
    composer = Composer(session, topic, frame=read(session, topic))
    composer.row = 3
    composer.value = "edited"
    with pytest.warns(PlacingWarning, match="4 partitions, and .* has 2 partitions"):
        composer.topic = fewer
    assert "the key decides where each goes" in str(warnings_of(composer))
    assert composer.dry_run()["partition"].tolist() == [None] * PARTITIONS
    with pytest.warns(PlacingWarning, match="stamps its messages itself"):
        composer.topic = stamped
    assert "stamps its messages itself" in str(warnings_of(composer))
    assert composer.dry_run()["publish_time"].tolist() == [None] * PARTITIONS
    composer.topic = same
    assert composer.problems == []
    assert composer.dry_run()["partition"].tolist() == list(range(PARTITIONS))
    assert composer.send().counts["confirmed"] == PARTITIONS
    assert read(session, same)[["partition", "value"]].values.tolist() == [
        [0, "0"],
        [1, "1"],
        [2, "2"],
        [3, "edited"],
    ]
    assert len(read(session, topic)) == PARTITIONS


def test_an_unsupported_request_is_refused_and_changes_nothing(session: Session, topic: str) -> None:
    rows, fewer = read(session, topic), made(session, 2)
    with pytest.raises(bk.ConfigError, match="needs as many partitions|there are rows of partition 3"):
        Composer(session, fewer, frame=rows, partitions="same")
    composer = Composer(session, topic, frame=rows, partitions="same")
    composer._shown_view().receive({"type": "topic", "text": fewer})
    assert "partitions" in state_of(composer._model)["said"]
    assert composer.topic == topic
    assert composer.send().counts["confirmed"] == PARTITIONS
    with pytest.raises(bk.ConfigError, match='partitions must be "same", "key" or None'):
        Composer(session, topic, frame=rows, partitions="some")  # type: ignore[arg-type]  # the error is the test
    assert len(read(session, fewer)) == 0


def test_a_record_and_a_message_with_a_place_of_its_own_keep_it(session: Session, topic: str) -> None:
    records: dict[int, Any] = {}
    with session.consumer(topic, f"reads-{topic}", start="earliest") as consumer:
        for record in consumer:
            assert isinstance(record, Record)
            records[record.partition] = record
            record.ack()
            if len(records) == PARTITIONS:
                break
    target = made(session)
    for place in (1, 2):
        Composer(session, target, message=records[place], partitions="same").send()
    own = bk.OutboundMessage(b"own", b"c1", partition=3, publish_time=THEN)
    composer = Composer(session, target, message=own)
    again = eval(composer.call, {"s": session})
    assert again.message == composer.message == own
    again.send()
    found = read(session, target)
    assert found[["partition", "value"]].values.tolist() == [[1, "1"], [2, "2"], [3, "own"]]
    assert set(found["publish_time"]) == {pd.Timestamp(THEN)}


def test_each_system_is_given_what_it_honours(session: Session, topic: str, nats_server: NatsServer) -> None:
    composer = Composer(session, topic, frame=read(session, topic))
    name = made(session)
    composer.topic = name
    with bk.connect(nats_server.url) as nats, bk.connect(f"inmem://{uuid.uuid4().hex}") as inmem:
        nats.create_topic(name)
        inmem.create_topic(name, partitions=PARTITIONS)
        composer.to = nats
        assert composer.dry_run()[["partition", "publish_time"]].isna().all(axis=None)
        assert composer.send().counts["confirmed"] == PARTITIONS
        composer.to = inmem
        assert composer.dry_run()["partition"].tolist() == list(range(PARTITIONS))
        assert composer.send().counts["confirmed"] == PARTITIONS
        assert set(inmem.scan(name, progress=False).to_pandas()["publish_time"]) == {pd.Timestamp(THEN)}
        with pytest.raises(bk.NotSupported, match="the target chooses partitions itself"):
            Composer(session, name, frame=read(session, topic), partitions="same", to=nats)
