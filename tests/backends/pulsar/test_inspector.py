"""Looking at namespaces, topics, backlogs, schemas and messages, and what is left without the endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pulsar
import pytest

from brokerkit.backends.pulsar import reader
from brokerkit.core import Connection, NotFound, NotSupported, OutboundMessage, connect
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import ConfigError, Unavailable
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually

from .conftest import Make, messages_of, new_name, publish, publish_as_one_batch, settled, take

pytestmark = pytest.mark.broker


def read(broker: Connection, topic: str, start: object = "earliest", end: object = "latest") -> list[object]:
    """The payloads of a range."""
    browser = broker.inspector()
    return [
        value
        for slice_ in browser.plan(topic, start, end)  # type: ignore[arg-type]  # what a user may write
        for columns in browser.read(slice_)
        for value in columns.values("value")
    ]


@pytest.fixture(scope="module")
def namespace(pulsar_server: PulsarServer) -> str:
    """A namespace of its own, in a tenant of its own."""
    shop = new_name()
    admin = f"{pulsar_server.admin}/admin/v2"
    with httpx.Client(trust_env=False) as client:
        tenant = {"allowedClusters": client.get(f"{admin}/clusters").json()}
        for path, body in (
            (f"tenants/{shop}", tenant),
            (f"namespaces/{shop}/orders", None),
            (f"namespaces/{shop}/returns", None),
        ):
            client.put(f"{admin}/{path}", json=body).raise_for_status()
    return f"{shop}/orders"


@pytest.fixture
def plain(pulsar_server: PulsarServer) -> Iterator[Connection]:
    """A connection that does not know the REST endpoint."""
    with connect(pulsar_server.url) as connection:
        yield connection


def test_topics_are_those_of_the_namespace_or_of_the_whole_tenant(
    pulsar_server: PulsarServer, namespace: str
) -> None:
    at, shop = f"?admin={pulsar_server.admin}", namespace.partition("/")[0]
    with connect(f"{pulsar_server.url}/{namespace}{at}") as orders:
        orders.create_topic("new", partitions=3)
        orders.create_topic("old")
        orders.create_topic(f"{shop}/returns/sent-back")
        assert {info.name: info.partitions for info in orders.inspector().topics()} == {
            f"persistent://{shop}/orders/new": 3,
            f"persistent://{shop}/orders/old": None,
        }
        assert len(orders.inspector().describe("new").partitions) == 3
    with connect(f"{pulsar_server.url}/{shop}{at}") as whole:
        names = [info.name for info in whole.inspector().topics()]
        assert names == [
            f"persistent://{shop}/orders/new",
            f"persistent://{shop}/orders/old",
            f"persistent://{shop}/returns/sent-back",
        ]


def test_the_backlog_of_each_subscription_is_told(broker: Connection, make: Make) -> None:
    topic = make()
    broker.create_subscription(topic, "behind", start="earliest")
    publish(broker, topic, *(b"%d" % n for n in range(10)))
    with messages_of(broker, topic, prefetch=5) as consumer:
        held = take(consumer, 3)
        settled(held[:1])

        def told() -> bool:
            found = {each.name: each for each in broker.inspector().describe(topic).subscriptions}
            me, behind = found["me"], found["behind"]
            assert (behind.lag, behind.in_flight, behind.members) == (10, 0, 0)
            assert (me.members, me.details["type"]) == (1, "Shared")
            return me.lag == 9 and (me.in_flight or 0) >= 2

        eventually(told, "the acknowledgement counts")
        settled(held[1:])


def test_the_schema_of_a_topic_is_shown(broker: Connection, make: Make) -> None:
    topic = make()

    class Order(pulsar.schema.Record):  # type: ignore[misc]  # the library is untyped
        number = pulsar.schema.Integer()

    producer = broker.native.create_producer(topic, schema=pulsar.schema.JsonSchema(Order))
    producer.send(Order(number=7))
    producer.close()
    details = broker.inspector().describe(topic).details
    assert (details["schema_type"], details["schema_version"]) == ("JSON", 0)
    assert "number" in details["schema"]
    (value,) = read(broker, topic)
    assert isinstance(value, bytes)
    assert b"number" in value


def test_dead_letter_and_retry_topics_are_told_beside_their_topic(broker: Connection, make: Make) -> None:
    topic = make()
    broker.create_subscription(topic, "me")
    for ending in ("DLQ", "RETRY"):
        broker.create_topic(f"{topic}-me-{ending}")
    publish(broker, f"{topic}-me-DLQ", b"dead", b"too")
    described = broker.inspector().describe(topic)
    assert sorted(described.details["beside"]) == [
        f"{topic}-me-DLQ (2 messages)",
        f"{topic}-me-RETRY (0 messages)",
    ]
    (info,) = described.subscriptions
    assert info.details["dead_letter_topic"] == f"{topic}-me-DLQ"
    assert info.details["dead_letter_topic_messages"] == 2
    assert info.details["retry_topic"] == f"{topic}-me-RETRY"
    kinds = {info.name: info.details.get("kind") for info in broker.inspector().topics()}
    assert (kinds[topic], kinds[f"{topic}-me-DLQ"], kinds[f"{topic}-me-RETRY"]) == (
        None,
        "dead letters",
        "retries",
    )


def test_reading_leaves_no_subscription_behind(broker: Connection, make: Make) -> None:
    topic = make()
    publish(broker, topic, b"1", b"2")
    assert read(broker, topic) == [b"1", b"2"]
    assert read(broker, topic, "-1h") == [b"1", b"2"]
    assert broker.inspector().describe(topic).subscriptions == ()


def test_a_range_begins_and_ends_at_ids(broker: Connection, make: Make) -> None:
    topic = make()
    ids = [result.id for result in publish(broker, topic, *(b"%d" % n for n in range(6)))]
    assert read(broker, topic, ids[2]) == [b"2", b"3", b"4", b"5"]
    assert read(broker, topic, ids[2], ids[4]) == [b"2", b"3"]
    assert read(broker, topic, "earliest", ids[1]) == [b"0"]


def test_a_range_begins_in_the_middle_of_a_batch(broker: Connection, make: Make) -> None:
    topic = make()
    publish_as_one_batch(broker, topic, *(b"%d" % n for n in range(5)))
    publish(broker, topic, b"after")
    browser = broker.inspector()
    ids = [
        name
        for slice_ in browser.plan(topic)
        for columns in browser.read(slice_)
        for name in columns.values("id")
    ]
    assert [name.rpartition(":")[2] for name in ids] == ["0", "1", "2", "3", "4", "-1"]
    assert read(broker, topic, ids[3]) == [b"3", b"4", b"after"]
    assert read(broker, topic, ids[1], ids[3]) == [b"1", b"2"]
    assert read(broker, topic, "earliest", ids[5]) == [b"0", b"1", b"2", b"3", b"4"]
    # messages are counted, and not batches
    assert read(broker, topic, -2) == [b"4", b"after"]


def test_an_id_of_one_partition_is_not_a_position_in_another(broker: Connection, make: Make) -> None:
    topic = make(2)
    results = publish(broker, topic, *(OutboundMessage(b"%d" % n, key=b"%d" % n) for n in range(20)))
    first = next(result.id for result in results if result.id and result.id.split(":")[2] == "1")
    browser = broker.inspector()
    with pytest.raises(ConfigError, match="partition 1"):
        browser.plan(topic, first)
    plan = browser.plan(topic, {1: first})
    assert sum(columns.length for slice_ in plan for columns in browser.read(slice_)) == 20


def test_partitions_are_numbered_and_the_topic_keeps_its_name(broker: Connection, make: Make) -> None:
    topic = make(3)
    publish(broker, topic, *(OutboundMessage(b"%d" % n, key=b"key-%d" % (n % 7)) for n in range(70)))
    browser = broker.inspector()
    rows = [
        row
        for slice_ in browser.plan(topic)
        for columns in browser.read(slice_)
        for row in zip(
            columns.values("topic"),
            columns.values("partition"),
            columns.values("key"),
            columns.values("id"),
            strict=True,
        )
    ]
    assert len(rows) == 70
    assert {name for name, _, _, _ in rows} == {topic}
    assert {number for _, number, _, _ in rows} <= {0, 1, 2}
    assert all(name.split(":")[2] == str(number) for _, number, _, name in rows)
    by_key: dict[object, set[object]] = {}
    for _, number, key, _ in rows:
        by_key.setdefault(key, set()).add(number)
    assert all(len(numbers) == 1 for numbers in by_key.values())
    with messages_of(broker, topic) as consumer:
        got = take(consumer, 70)
        assert {message.topic for message in got} == {topic}
        settled(got)


def test_without_the_rest_endpoint_the_rest_works(plain: Connection, broker: Connection, make: Make) -> None:
    topic = make(2)
    results = publish(plain, topic, *(OutboundMessage(b"%d" % n, key=b"%d" % n) for n in range(20)))
    with messages_of(plain, topic) as consumer:
        assert len(settled(take(consumer, 20))) == 20
    assert sorted(read(plain, topic), key=lambda value: int(value)) == [b"%d" % n for n in range(20)]  # type: ignore[call-overload]  # bytes
    assert len(read(plain, topic, "-1h")) == 20
    described = plain.inspector().describe(topic)
    assert (len(described.partitions), described.messages) == (2, 20)
    assert "admin=" in described.details["subscriptions"]
    number = int((results[3].id or "").split(":")[2])
    assert read(plain, topic, {number: results[3].id, 1 - number: "latest"})[0] == b"3"
    for ask in (plain.inspector().topics, lambda: plain.create_topic(new_name())):
        with pytest.raises(NotSupported, match="admin="):
            ask()
    # whether it is there cannot be seen, and one that is must not be moved
    with pytest.raises(NotSupported, match="admin="):
        plain.create_subscription(topic, "me", start="-1h")
    with messages_of(plain, topic) as again:
        assert again.next_batch(1, 1.0) == []


def test_looking_at_a_missing_topic_does_not_create_it(broker: Connection) -> None:
    missing = f"persistent://public/default/{new_name()}"
    browser = broker.inspector()
    for look in (browser.bounds, browser.describe, browser.plan):
        with pytest.raises(NotFound, match="create_topic"):
            look(missing)
    assert missing not in {info.name for info in browser.topics()}


def test_a_name_that_is_none_of_pulsar_is_refused(broker: Connection) -> None:
    for name in ("a b", "a/b", "kafka://a/b/c", "persistent://a/b/c/d", "ünï"):
        with pytest.raises(ConfigError, match="TENANT/NAMESPACE/TOPIC"):
            broker.inspector().bounds(name)


def test_a_question_that_the_broker_could_not_answer_for_the_moment_is_asked_again(
    plain: Connection, make: Make
) -> None:
    topic = make()
    publish(plain, topic, b"a", b"b")
    ranges = plain.inspector()._driver._ranges  # type: ignore[attr-defined]  # where the client's error comes up
    answers = iter([pulsar.BrokerMetadataError(), pulsar.ServiceUnitNotReady(), None])

    def look(reader: pulsar.Reader) -> bool:
        trouble = next(answers)
        if trouble is not None:
            raise trouble
        return bool(reader.has_message_available())

    full = topic
    assert ranges._with_reader(full, pulsar.MessageId.earliest, look, Deadline(10.0))

    def never(reader: pulsar.Reader) -> None:
        raise pulsar.BrokerMetadataError()

    with pytest.raises(Unavailable, match="metadata"):
        ranges._with_reader(full, pulsar.MessageId.earliest, never, Deadline(1.0))


@pytest.mark.parametrize("step", ["taking", "converting"])
@pytest.mark.parametrize("connection", ["broker", "plain"])
def test_rows_are_read_again_when_a_step_behind_them_fails(
    request: pytest.FixtureRequest, make: Make, monkeypatch: pytest.MonkeyPatch, connection: str, step: str
) -> None:
    asked: Connection = request.getfixturevalue(connection)
    topic, sent = make(), [b"%d" % each for each in range(10)]
    publish(asked, topic, *sent)
    calls, take, convert = count(1), reader.taking, reader.to_columns

    def take_or_fail(opened: Any) -> Any:
        def taken(millis: int) -> Any:
            message = take(opened)(millis)
            if next(calls) == 6:
                raise Unavailable("the connection was lost")
            return message

        return taken

    def convert_or_fail(*arguments: Any, **options: Any) -> Any:
        if next(calls) == 1:
            raise Unavailable("the connection was lost")
        return convert(*arguments, **options)

    if step == "taking":
        monkeypatch.setattr(reader, "taking", take_or_fail)
    else:
        monkeypatch.setattr(reader, "to_columns", convert_or_fail)
    assert read(asked, topic) == sent
