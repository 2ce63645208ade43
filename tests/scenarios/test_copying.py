"""A topic goes through every system and comes back as it was."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.pubsub import EmulatorServer
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.sandbox.servicebus.server import ServiceBusServer
from brokerkit.workbench import Session

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]

MESSAGES = 20_000
ODD = 12
STEP = 10_000
SUBSCRIPTION = "chain"
IDLE_SECONDS = 5.0
"""How long nothing must come until everything has been taken."""


@dataclass(frozen=True)
class Stop:
    """A system on the way. subscribing: how its messages are taken where they cannot be scanned."""

    session: Session
    topic_options: dict[str, Any] = field(default_factory=dict)
    subscribing: dict[str, Any] | None = None
    name: str = field(default_factory=lambda: f"chain-{uuid.uuid4().hex[:8]}")

    def create(self) -> None:
        self.session.create_topic(self.name, **self.topic_options)
        if self.subscribing is not None:
            self.session.create_subscription(self.name, SUBSCRIPTION, **self.subscribing)

    def copy(self, target: Stop) -> OutcomeFrame:
        taking = {} if self.subscribing is None else {"subscription": SUBSCRIPTION, "idle": IDLE_SECONDS}
        return self.session.copy(self.name, target.session, target.name, progress=False, **taking)


@pytest.fixture
def chain(
    kafka_server: KafkaServer,
    pulsar_server: PulsarServer,
    nats_server: NatsServer,
    pubsub_emulator: EmulatorServer,
    servicebus_server: ServiceBusServer,
) -> Iterator[list[Stop]]:
    """Kafka, Pulsar, JetStream, the in-memory broker, Pub/Sub, Service Bus, and Kafka again."""
    kafka = f"kafka://{kafka_server.bootstrap}"
    with ExitStack() as stack:

        def at(url: str, **options: Any) -> Stop:
            return Stop(stack.enter_context(bk.connect(url)), **options)

        yield [
            at(kafka, topic_options={"partitions": 4}),
            at(f"{pulsar_server.url}?admin={pulsar_server.admin}"),
            at(nats_server.url),
            at(f"inmem://{uuid.uuid4().hex}"),
            # in order of the keys the emulator hands out one message of a key at a time
            at(f"pubsub://chain-project?emulator={pubsub_emulator.host}", subscribing={"ordering": False}),
            at(servicebus_server.connection_string),
            at(kafka),
        ]


def original(number: int) -> bk.OutboundMessage:
    """Every twelfth has what not every system can carry."""
    if number % ODD:
        return bk.OutboundMessage(f'{{"number":{number}}}', f"key-{number % 97}", {"number": str(number)})
    return bk.OutboundMessage(
        None if number % (2 * ODD) else b"\xff\x00" + str(number).encode(),
        b"" if number % (3 * ODD) else b"\xfe%d" % number,
        [("twice", b"\xff"), ("number", str(number).encode()), ("twice", " padded ")],
    )


@pytest.mark.extended
def test_twenty_thousand_messages_come_back_equal_over_all_systems(chain: list[Stop]) -> None:
    for stop in chain:
        stop.create()
    first, last = chain[0], chain[-1]
    for begin in range(0, MESSAGES, STEP):
        first.session.publish_batch(first.name, [original(number) for number in range(begin, begin + STEP)])

    for stop, following in pairwise(chain):
        assert stop.copy(following).counts == {"confirmed": MESSAGES, "failed": 0, "unknown": 0}

    read = last.session.scan(last.name, progress=False).to_pandas()
    written = first.session.scan(first.name, progress=False).to_pandas()
    pd.testing.assert_frame_equal(contents(written), contents(read))
    # back where a message may bring its time, it has its own again and needs no attribute for it
    assert bk.attr(read, "bk-publish-time").isna().all()
    times = read["publish_time"]
    assert (times.min(), times.max()) == (written["publish_time"].min(), written["publish_time"].max())


def contents(frame: pd.DataFrame) -> pd.DataFrame:
    """What was published, in an order of its own; without the attributes that copying adds."""
    attributes = [
        repr([(each["name"], each["value"]) for each in row if each["name"] != "bk-publish-time"])
        for row in frame["attributes"]
    ]
    plain = frame[["key", "raw_key", "value", "raw"]].assign(attributes=attributes)
    return plain.sort_values(["attributes", "key"]).reset_index(drop=True)
