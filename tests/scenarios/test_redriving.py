"""Dead letters that are sent again by a process that is killed at any moment, and goes on."""

from __future__ import annotations

import random
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.core import AckFailed, MessageConsumer, OutboundMessage
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.testing.processes import Child
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from ..backends.pulsar.conftest import limit_size

KEYS = 17
LOCK_SECONDS = 5


@dataclass(frozen=True)
class Size:
    """How many dead letters there are, how many kills, and how long a process runs before one.

    Attributes:
        rate: How many are sent per second, so that few of them take long enough to be killed.
    """

    rows: int
    kills: int
    seconds: tuple[float, float]
    rate: float | None = None


SMALL = Size(600, 3, (0.1, 0.8), rate=400)


class Letters:
    """A topic with its dead letters on one system."""

    to: str | None = None

    def __init__(self, url: str, server: Any, session: Session) -> None:
        self.url = url
        self.server = server
        self.session = session
        self.topic = f"letters-{uuid.uuid4().hex[:8]}"

    def fill(self, numbers: range, big: set[int]) -> None:
        """Make dead letters of these numbers; a big one is refused by the topic."""
        self.session.create_topic(self.topic, **self.options)
        self.session.create_topic(f"{self.topic}-dlq", **self.letter_options)
        for start in range(0, len(numbers), 5000):
            some = [self.message(n, n in big) for n in numbers[start : start + 5000]]
            self.session.publish_batch(f"{self.topic}-dlq", some, timeout=60)

    def message(self, number: int, big: bool) -> OutboundMessage:
        attributes = {"bk-dead-letter-reason": "Timeout", "bk-dead-letter-topic": self.topic}
        value = str(number).zfill(9) + "." * (1500 if big else 0)
        return OutboundMessage(value, f"key-{number % KEYS}", attributes)

    def stored(self) -> Any:
        """The messages in the topic."""
        return self.session.scan(self.to or self.topic, progress=False).to_pandas()

    options: dict[str, Any] = {}  # noqa: RUF012  # never changed
    letter_options: dict[str, Any] = {}  # noqa: RUF012  # never changed


class KafkaLetters(Letters):
    options = {"partitions": 3, "config": {"max.message.bytes": "1200"}}  # noqa: RUF012
    letter_options = {"partitions": 3}  # noqa: RUF012


class JetStreamLetters(Letters):
    options = {"max_msg_size": 1200}  # noqa: RUF012


class PulsarLetters(Letters):
    options = letter_options = {"partitions": 2}  # noqa: RUF012

    def fill(self, numbers: range, big: set[int]) -> None:
        super().fill(numbers, big)
        limit_size(self.server, f"persistent://public/default/{self.topic}", 1200)


class QueueLetters(Letters):
    """The sub-queue of a queue, and a queue that refuses what has no session."""

    def fill(self, numbers: range, big: set[int]) -> None:
        self.session.create_topic(self.topic, lock_seconds=LOCK_SECONDS)
        self.to = f"{self.topic}-again"
        self.session.create_topic(self.to, sessions=True)
        for start in range(0, len(numbers), 5000):
            some = [
                OutboundMessage(str(n).zfill(9), None if n in big else f"key-{n % KEYS}")
                for n in numbers[start : start + 5000]
            ]
            self.session.publish_batch(self.topic, some, timeout=60)
        consumer = self.session.consumer(self.topic)
        assert isinstance(consumer, MessageConsumer)
        with consumer:
            left = len(numbers)
            while left:
                for batch in consumer.fetch_many(min(left, 500), 10):
                    left -= len(batch)
                    try:
                        batch.reject(reason="Timeout")
                    except AckFailed as lost:
                        # a busy machine did not renew their locks: they come once more
                        left += len(lost.failures) or 1


@pytest.fixture(
    params=[
        "kafka",
        pytest.param("servicebus", marks=pytest.mark.extended),
        pytest.param("nats", marks=pytest.mark.extended),
        pytest.param("pulsar", marks=pytest.mark.extended),
    ]
)
def letters(request: pytest.FixtureRequest) -> Iterator[Letters]:
    kinds = {
        "kafka": KafkaLetters, "nats": JetStreamLetters, "pulsar": PulsarLetters, "servicebus": QueueLetters,
    }  # fmt: skip
    name = "servicebus_server" if request.param == "servicebus" else f"{request.param}_server"
    server: KafkaServer | NatsServer | PulsarServer | ServiceBusServer = request.getfixturevalue(name)
    match server:
        case KafkaServer():
            url = f"kafka://{server.bootstrap}"
        case PulsarServer():
            url = f"{server.url}?admin={server.admin}&nack_delay=0.1"
        case ServiceBusServer():
            url = server.connection_string
        case _:
            url = server.url
    with bk.connect(url) as session:
        yield kinds[request.param](url, server, session)


@pytest.mark.timeout(2400)
@pytest.mark.parametrize(
    "journal",
    [
        pytest.param(True, id="with a journal"),
        pytest.param(False, marks=pytest.mark.soak, id="without one"),
    ],
)
@pytest.mark.parametrize(
    "size",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(Size(50_000, 20, (0.2, 2.5)), marks=pytest.mark.soak, id="large"),
        pytest.param(Size(100_000, 20, (0.2, 2.5)), marks=pytest.mark.soak, id="very large"),
    ],
)
def test_none_is_lost_or_doubled_by_kills_and_what_is_refused_stays(
    letters: Letters, tmp_path: Path, size: Size, journal: bool
) -> None:
    numbers = range(size.rows)
    big = {n for n in numbers if n % 100 == 99}
    letters.fill(numbers, big)
    order = {
        "url": letters.url,
        "topic": letters.topic,
        "to": letters.to,
        "path": str(tmp_path / "journal") if journal else None,
        "rate": size.rate,
    }
    chance = random.Random(size.rows)
    for _ in range(size.kills):
        with _child(order) as child:
            child.hear("working", 300)
            time.sleep(chance.uniform(*size.seconds))  # the moment is what is varied
            child.signal(signal.SIGKILL)
            child._process.wait(60)
    with _child(order) as child:
        child.hear("working", 300)
        done = child.hear("done", 1200)
    # a transaction that is committed becomes visible a little later
    eventually(lambda: len(letters.stored()) >= size.rows - len(big), "all are visible", within=60)
    stored = letters.stored()
    found = [int(value[:9]) for value in stored["value"]]
    assert len(found) == len(set(found)), "none is there twice"
    assert set(found) == set(numbers) - big, "none is lost"
    keys = [number % KEYS for number in found]
    by_place = zip(stored["partition"].fillna(0), keys, found, strict=True)
    last: dict[tuple[int, int], int] = {}
    for partition, key, number in by_place:
        assert last.get((partition, key), -1) < number, "the order in each key is kept"
        last[partition, key] = number
    assert done["counts"]["failed"] == len(big)
    assert done["counts"]["unknown"] == 0
    if journal:
        assert (done["rows"], done["different"] <= size.rows) == (size.rows, True)
        assert done["removed"] == size.rows - len(big)
    left = letters.session.dead_letters(letters.topic)
    assert sorted(int(value[:9]) for value in left["value"]) == sorted(big), "what is refused stays"


def _child(order: dict[str, Any]) -> Child:
    return Child("redrive", order, module="tests.scenarios.program")
