"""Connecting to the real broker, and topics coming and going."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka.admin import ConfigResource, ResourceType

from brokerkit.backends.kafka.connection import KafkaConnection
from brokerkit.core import (
    AlreadyExists,
    ConfigError,
    Connection,
    NotFound,
    Unauthorized,
    Unavailable,
    connect,
)
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.sandbox.kafka import KafkaServer

pytestmark = pytest.mark.broker


def test_the_right_password_opens_the_door(kafka_server: KafkaServer) -> None:
    url = f"kafka://{kafka_server.user}:{kafka_server.password}@{kafka_server.sasl_bootstrap}"
    with connect(url) as broker:
        assert broker.inspector().topics() is not None
        assert kafka_server.password not in repr(broker)


def test_a_wrong_password_is_unauthorized_at_once_and_not_shown(
    kafka_server: KafkaServer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    with caplog.at_level(logging.DEBUG), pytest.raises(Unauthorized) as caught:
        connect(f"kafka://{kafka_server.user}:not-the-word@{kafka_server.sasl_bootstrap}", timeout=90)
    assert time.monotonic() - began < 60
    assert kafka_server.sasl_bootstrap in str(caught.value)
    said = str(caught.value) + repr(caught.value.__cause__) + caplog.text + "".join(capfd.readouterr())
    assert "not-the-word" not in said


def test_a_port_that_wants_credentials_is_not_merely_unreachable(kafka_server: KafkaServer) -> None:
    with pytest.raises(Unavailable, match=r"security\.protocol"):
        connect(f"kafka://{kafka_server.sasl_bootstrap}", timeout=3)


def test_tls_to_a_port_without_it_is_told(kafka_server: KafkaServer) -> None:
    with pytest.raises(Unavailable, match=r"TLS.*security\.protocol") as caught:
        connect(f"kafka://{kafka_server.bootstrap}", timeout=2, **{"security.protocol": "SSL"})
    assert not caught.value.retryable


def test_the_log_goes_to_the_logger_and_not_to_stderr(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "brokerkit.kafka"), pytest.raises(Unavailable):
        connect("kafka://127.0.0.1:1", timeout=1)
    assert "rdkafka" not in capfd.readouterr().err
    assert [record for record in caplog.records if record.name == "brokerkit.kafka"]


def test_a_topic_is_created_once_with_its_configuration(
    broker: Connection, make_topic: Callable[..., str]
) -> None:
    topic = make_topic(3, **{"cleanup.policy": "compact"})
    described = broker.inspector().describe(topic)
    assert [bounds.partition for bounds in described.partitions] == [0, 1, 2]
    assert described.details["cleanup.policy"] == "compact"
    with pytest.raises(AlreadyExists, match=topic):
        broker.create_topic(topic)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bad name!", {}),
        ("fine", {"partitions": 0}),
        ("fine", {"partitions": "three"}),
        ("fine", {"shards": 3}),
        ("fine", {"config": {"no.such.setting": 1}}),
        ("fine", {"config": "compact"}),
        ("fine", {"replication_factor": 99}),
    ],
)
def test_a_topic_that_cannot_be_is_a_config_error(
    broker: Connection, name: str, options: dict[str, object]
) -> None:
    with pytest.raises(ConfigError):
        broker.create_topic(name, **options)
    assert name not in {info.name for info in broker.inspector().topics()}


def test_a_deleted_topic_is_gone_when_the_call_returns(
    broker: Connection, make_topic: Callable[..., str]
) -> None:
    topic = make_topic()
    broker.delete_topic(topic)
    with pytest.raises(NotFound):
        broker.inspector().bounds(topic)
    with pytest.raises(NotFound):
        broker.delete_topic(topic)


def test_a_broker_alone_is_asked_once_for_a_topic_that_is_not_there(kafka_server: KafkaServer) -> None:
    connection = KafkaConnection({"bootstrap.servers": kafka_server.bootstrap})
    asked: list[float] = []

    def question(seconds: float) -> Future[Any]:
        asked.append(seconds)
        resource = ConfigResource(ResourceType.TOPIC, "not-there")
        return connection.client.describe_configs([resource], request_timeout=seconds)[resource]

    with pytest.raises(NotFound):
        connection.call_again(question, Deadline(30), "asking")
    assert len(asked) == 1
