"""What is left when the broker is killed. Each test has a broker of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from brokerkit.core import AckFailed, OutboundMessage, Unavailable, connect
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.testing import eventually

from .conftest import publish, record_consumer

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(kafka_server: KafkaServer) -> Iterator[KafkaServer]:
    with KafkaServer() as own:
        yield own


@pytest.mark.extended
@pytest.mark.filterwarnings("ignore::brokerkit.core.vocabulary.errors.AbandonedWarning")
def test_nothing_waits_for_a_dead_broker_longer_than_it_was_told(
    server: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokerkit.backends.kafka.consumer.COMMIT_SECONDS", 4.0)
    broker = connect(f"kafka://{server.bootstrap}")
    broker.create_topic("dead")
    publish(broker, "dead", *(b"%d" % n for n in range(10)))
    publisher = broker.publisher()
    publisher.topic("dead").publish(OutboundMessage(b"10"))
    consumer = record_consumer(broker, "dead", "g", start="earliest")
    record = consumer.next_record(60)
    assert record is not None
    browser = broker.inspector()
    browser.bounds("dead")
    server.kill()
    try:
        began = time.monotonic()
        (result,) = publisher.topic("dead").publish_batch([OutboundMessage(b"?")], timeout=2)
        assert (result.status, time.monotonic() - began < 60) == ("unknown", True)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            browser.bounds("dead", timeout=2)
        assert time.monotonic() - began < 60
        began = time.monotonic()
        with pytest.raises(AckFailed) as caught:
            record.ack()
        assert caught.value.retryable
        assert time.monotonic() - began < 60
        began = time.monotonic()
        broker.close(timeout=4)
        assert time.monotonic() - began < 60
    finally:
        server.restart()


def test_a_restart_loses_no_record_and_no_position(server: KafkaServer) -> None:
    with connect(f"kafka://{server.bootstrap}") as broker:
        broker.create_topic("restarted")
        sent = [b"%d" % n for n in range(200)]
        publish(broker, "restarted", *sent[:100])
        with (
            record_consumer(broker, "restarted", "g", start="earliest") as consumer,
            broker.publisher() as publisher,
        ):
            got = consumer.next_batch(50, 60)
            got[-1].ack()
            server.kill()
            restarting = threading.Thread(target=server.restart)
            restarting.start()
            results = publisher.topic("restarted").publish_batch(
                [OutboundMessage(value) for value in sent[100:]], timeout=60
            )
            restarting.join()
            assert {result.status for result in results} == {"confirmed"}
            values = [record.value for record in got]
            deadline = time.monotonic() + 60
            while set(values) != set(sent) and time.monotonic() < deadline:
                values += [record.value for record in consumer.next_batch(200, 0.5)]
            assert set(values) == set(sent)
        described = broker.inspector().describe("restarted", timeout=60)
        assert described.subscriptions[0].position == {0: 50}
        eventually(
            lambda: broker.inspector().describe("restarted").messages == 200, "all are there", within=60
        )
