"""copy: a topic to a topic of another system."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import brokerkit as bk
from brokerkit.backends.inmem import capabilities as INMEM
from brokerkit.core import ConnectedPublisher
from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.capabilities import PLAIN_HEADER
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotSupported
from brokerkit.core.vocabulary.results import PublishInterrupted, PublishResult
from brokerkit.session.publish.copy_attributes import messages_to_copy
from brokerkit.session.publish.copy_topic import Copying, CopyWarning
from brokerkit.workbench import Session

POOR = INMEM.but(
    keys="text",
    empty_key=False,
    null_value=False,
    attribute_types=frozenset({"string"}),
    duplicate_attributes=False,
    keeps_attribute=PLAIN_HEADER,
)
"""What the poorest of the systems carries."""
MOMENT = 1_700_000_000_123_456


@pytest.fixture
def pair() -> Iterator[tuple[Session, Session]]:
    with (
        bk.connect(f"inmem://{uuid.uuid4().hex}") as here,
        bk.connect(f"inmem://{uuid.uuid4().hex}") as there,
    ):
        here.create_topic("orders", partitions=3)
        there.create_topic("copies", partitions=2)
        yield here, there


def publish(session: Session, count: int) -> None:
    session.publish_batch(
        "orders",
        [bk.OutboundMessage(f"{n}", f"key-{n % 5}", {"n": str(n)}) for n in range(count)],
    )


def contents(session: Session, topic: str) -> Counter[object]:
    frame = session.scan(topic, progress=False).to_pandas()
    return Counter(
        (row.key, row.value, tuple((name, value) for name, value in pairs(row.attributes)))
        for row in frame.itertuples()
    )


@pytest.mark.extended
def test_a_target_that_does_not_answer_is_waited_for_once(pair, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = pair
    publish(here, 5_000)
    monkeypatch.setattr("brokerkit.core.runtime.publisher.PUBLISH_SECONDS", 0.5)
    there.native.faults.stop()
    with pytest.warns(CopyWarning, match="ended early.*of about 5,000.*resume="):
        outcome = here.copy("orders", there, "copies", progress=False)
    assert outcome.counts["confirmed"] == 0
    assert 0 < len(outcome) < 5_000
    there.native.faults.start()
    again = here.copy("orders", there, "copies", resume=outcome, progress=False)
    assert again.counts == {"confirmed": 5_000, "failed": 0, "unknown": 0}
    assert contents(here, "orders") == contents(there, "copies")


def pairs(attributes) -> list[tuple[str, bytes]]:
    return [(each["name"], each["value"]) for each in attributes if not each["name"].startswith("bk-")]


def test_everything_arrives_once_and_the_source_is_untouched(pair: tuple[Session, Session]) -> None:
    here, there = pair
    publish(here, 2_000)
    outcome = here.copy("orders", there, "copies", progress=False)
    assert outcome.counts == {"confirmed": 2_000, "failed": 0, "unknown": 0}
    assert contents(there, "copies") == contents(here, "orders")
    assert outcome["source"].nunique() == 2_000
    assert len(here.describe("orders").subscriptions) == 0


def test_the_order_of_a_key_is_kept(pair: tuple[Session, Session]) -> None:
    here, there = pair
    publish(here, 500)
    here.copy("orders", there, "copies", progress=False)
    frame = there.scan("copies", progress=False).to_pandas()
    for _, rows in frame.groupby("key"):
        assert list(rows["value"].astype(int)) == sorted(rows["value"].astype(int))


def test_the_publish_time_survives_a_second_copy(pair: tuple[Session, Session]) -> None:
    here, there = pair
    publish(here, 1)
    there.create_topic("again")
    here.copy("orders", there, "copies", times="now", progress=False)
    first = here.peek("orders")["publish_time"][0]
    copied = there.peek("copies")
    assert datetime.fromisoformat(bk.attr(copied, "bk-publish-time")[0]) == first
    assert copied["publish_time"][0] > first
    # a target that keeps times takes it back, and the attribute goes
    there.copy("copies", there, "again", progress=False)
    again = there.peek("again")
    assert again["publish_time"][0] == first
    assert bk.attr(again, "bk-publish-time").isna().all()


def test_a_range_is_copied_where_one_is_asked_for(pair: tuple[Session, Session]) -> None:
    here, there = pair
    here.create_topic("log")
    here.publish_batch("log", [str(n) for n in range(10)])
    outcome = here.copy("log", there, "copies", start=3, end=-2, progress=False)
    assert list(outcome["source"]) == [f"0-{n}" for n in range(3, 8)]


def test_unconfirmed_messages_are_reported_and_resuming_completes_them(pair: tuple[Session, Session]) -> None:
    here, there = pair
    publish(here, 100)
    there.native.faults.fail_publishes(40, ConfigError("no"))
    first = here.copy("orders", there, "copies", progress=False)
    assert first.counts["failed"] > 0
    publish(here, 7)  # what comes later is not part of it
    second = here.copy("orders", there, "copies", resume=first, progress=False)
    assert second.counts == {"confirmed": 100, "failed": 0, "unknown": 0}
    assert sum(contents(there, "copies").values()) == 100
    assert max(contents(there, "copies").values()) == 1


@pytest.mark.extended
def test_taking_from_a_subscription_acknowledges_what_arrived(pair: tuple[Session, Session]) -> None:
    here, there = pair
    here.create_subscription("orders", "mover", start="earliest", model="message")
    publish(here, 50)
    outcome = here.copy("orders", there, "copies", subscription="mover", idle=0.2, progress=False)
    assert outcome.counts["confirmed"] == 50
    assert list(here.describe("orders").subscriptions["lag"]) == [0]
    assert contents(there, "copies") == contents(here, "orders")


@pytest.mark.extended
def test_unconfirmed_messages_stay_in_the_subscription(pair: tuple[Session, Session]) -> None:
    here, there = pair
    here.create_subscription("orders", "mover", start="earliest", model="message")
    publish(here, 50)
    there.native.faults.fail_publishes(10, ConfigError("no"))
    with pytest.warns(CopyWarning, match="ended early.*left the others in the subscription"):
        first = here.copy("orders", there, "copies", subscription="mover", idle=0.2, progress=False)
    left = 50 - first.counts["confirmed"]
    assert left > 0
    assert list(here.describe("orders").subscriptions["lag"]) == [left]
    here.copy("orders", there, "copies", subscription="mover", idle=0.2, progress=False)
    assert contents(there, "copies") == contents(here, "orders")


def test_wrong_calls_say_what_to_do(pair: tuple[Session, Session]) -> None:
    here, there = pair
    publish(here, 1)
    with pytest.raises(ConfigError, match="copied to itself"):
        here.copy("orders", here, "orders")
    with pytest.raises(ConfigError, match="needs the session to copy to"):
        here.copy("orders", "kafka://there", "copies")  # type: ignore[arg-type]  # the mistake
    outcome = here.copy("orders", there, "copies", progress=False)
    there.create_topic("others")
    with pytest.raises(ConfigError, match="belongs to a copy of"):
        here.copy("orders", there, "others", resume=outcome)
    with bk.connect(f"inmem://{uuid.uuid4().hex}", read_only=True) as closed, pytest.raises(NotSupported):
        here.copy("orders", closed, "copies")


ODD = [
    (b"x", None, ()),
    (b"x", b"", ()),
    (None, b"k", (("a", "b"),)),
    (b"", b"\xff\x00", ()),
    (b"\xff", "käse".encode(), (("a", "1"), ("b", "2"), ("a", "3"))),
    (b"{}", b"k", (("a", b"\xff"), ("n", None))),
    (b"{}", b"k", (("a ", " padded "), ("Nats-Msg-Id", "mine"), ("line", "a\nb"), ("", ""))),
    (b"{}", b"k", (("bk-key", "not base64!"),)),
]


@pytest.mark.parametrize(("value", "key", "attributes"), ODD)
def test_parts_that_a_poor_system_cannot_carry_are_put_back_by_a_rich_one(
    value: bytes | None, key: bytes | None, attributes: tuple[tuple[str, object], ...]
) -> None:
    through = copied(Attributes(attributes), value, key, POOR)
    back = copied(through.attributes, through.data, through.key, INMEM)
    kept = tuple(pair for pair in back.attributes if pair[0] != "bk-publish-time")
    assert (back.data, back.key, kept) == (value, key, attributes)
    assert back.attributes.get("bk-publish-time") == "2023-11-14T22:13:20.123456+00:00"


def copied(attributes: Attributes, value: bytes | None, key: bytes | None, target):
    columns = Columns(
        1, topic=["t"], value=[value], key=[key], attributes=[attributes], publish_time=[MOMENT]
    )
    (message,) = messages_to_copy(columns, target)
    return message


def test_times_are_utc_and_exact() -> None:
    told = copied(Attributes(), b"", None, INMEM).attributes.get("bk-publish-time")
    assert datetime.fromisoformat(told) == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)


def test_a_copy_that_was_interrupted_before_it_began_is_resumed_whole(
    pair: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    here.publish_batch("orders", [str(n) for n in range(10)])

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Copying, "foresee", interrupt)
    with pytest.raises(KeyboardInterrupt):
        here.copy("orders", there, "copies", progress=False)
    monkeypatch.undo()
    left = here.last_interrupted
    assert left is not None
    outcome = here.copy("orders", there, "copies", resume=left.frame, progress=False)
    assert outcome["status"].tolist() == ["confirmed"] * 10
    assert here.describe("orders").messages == there.describe("copies").messages == 10


def test_an_interrupt_tells_which_messages_of_a_copy_were_not_sent(
    pair: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here, there = pair
    here.create_topic("one")
    here.publish_batch("one", [str(n) for n in range(3)])
    unsent = PublishResult("failed", error=BrokerError("not sent"))
    results = [PublishResult("confirmed", "0-0"), unsent, unsent]

    def interrupt(*_: object, **__: object) -> None:
        raise PublishInterrupted(results)

    journal = tmp_path / "journal"
    with monkeypatch.context() as patched:
        patched.setattr(ConnectedPublisher, "send", interrupt)
        with pytest.raises(KeyboardInterrupt):
            here.copy("one", there, "copies", progress=False, journal=journal)
    assert here.last_interrupted.frame["status"].tolist() == ["confirmed", "failed", "failed"]
    outcome = here.copy("one", there, "copies", progress=False, journal=journal)
    assert outcome["status"].tolist() == ["confirmed"] * 3
    assert there.describe("copies").messages == 2
