"""A topic goes through every system and comes back as it was."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.session import Session
from tests.brokers.kafka import KafkaServer
from tests.brokers.nats import NatsServer

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]

MESSAGES = 100_000
ODD = 12
STEP = 10_000


@pytest.fixture
def chain(kafka_server: KafkaServer, nats_server: NatsServer) -> Iterator[list[Session]]:
    """Kafka, JetStream, the in-memory broker, and Kafka again."""
    with ExitStack() as stack:
        urls = (
            f"kafka://{kafka_server.bootstrap}",
            nats_server.url,
            f"inmem://{uuid.uuid4().hex}",
            f"kafka://{kafka_server.bootstrap}",
        )
        yield [stack.enter_context(bk.connect(url)) for url in urls]


def original(number: int) -> bk.OutboundMessage:
    """Every twelfth has what not every system can carry."""
    if number % ODD:
        return bk.OutboundMessage(f'{{"number":{number}}}', f"key-{number % 97}", {"number": str(number)})
    return bk.OutboundMessage(
        None if number % (2 * ODD) else b"\xff\x00" + str(number).encode(),
        b"" if number % (3 * ODD) else b"\xfe%d" % number,
        [("twice", b"\xff"), ("number", str(number).encode()), ("twice", " padded ")],
    )


def test_a_hundred_thousand_messages_come_back_equal_over_all_systems(chain: list[Session]) -> None:
    names = [f"chain-{uuid.uuid4().hex[:8]}-{place}" for place in range(len(chain))]
    chain[0].create_topic(names[0], partitions=4)
    for session, name in zip(chain[1:], names[1:], strict=True):
        session.create_topic(name)
    for begin in range(0, MESSAGES, STEP):
        chain[0].publish_batch(names[0], [original(number) for number in range(begin, begin + STEP)])

    for place in range(len(chain) - 1):
        outcome = chain[place].copy(names[place], chain[place + 1], names[place + 1], progress=False)
        assert outcome.counts == {"confirmed": MESSAGES, "failed": 0, "unknown": 0}

    pd.testing.assert_frame_equal(contents(chain[0], names[0]), contents(chain[-1], names[-1]))
    times = bk.attr(chain[-1].scan(names[-1], progress=False).to_pandas(), "bk-publish-time")
    first = chain[0].scan(names[0], progress=False).to_pandas()["publish_time"]
    assert pd.to_datetime(times).min() == first.min()
    assert pd.to_datetime(times).max() == first.max()


def contents(session: Session, topic: str) -> pd.DataFrame:
    """What was published, in an order of its own; without the attributes that copying adds."""
    frame = session.scan(topic, progress=False).to_pandas()
    attributes = [
        repr([(each["name"], each["value"]) for each in row if each["name"] != "bk-publish-time"])
        for row in frame["attributes"]
    ]
    plain = frame[["key", "value", "raw"]].assign(attributes=attributes)
    return plain.sort_values(["attributes", "key"]).reset_index(drop=True)
