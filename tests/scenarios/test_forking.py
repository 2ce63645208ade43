"""A fork with everything open: the child is told and ends in order, on every system."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.pubsub import PstestServer
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.sandbox.servicebus.server import ServiceBusServer

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]

ROOT = Path(__file__).parents[2]
END_SECONDS = 90


def _the_child_ends_in_order(url: str, *subscription: str) -> None:
    with bk.connect(url) as session:
        session.create_topic("forked")
        for name in subscription:
            session.create_subscription("forked", name, start="earliest")
        session.publish_batch("forked", ["one", "two"])
        ended = subprocess.run(
            [
                sys.executable,
                "-X",
                "faulthandler",
                "-m",
                "tests.scenarios.forked_child",
                url,
                "forked",
                *subscription,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=END_SECONDS,
        )
    assert ended.stdout.splitlines() == ["the child ended with 0"], ended.stderr[-3000:]
    assert ended.returncode == 0, ended.stderr[-3000:]


def test_a_forked_child_ends_in_order_on_kafka(kafka_server: KafkaServer) -> None:
    _the_child_ends_in_order(f"kafka://{kafka_server.bootstrap}", "mine")


def test_a_forked_child_ends_in_order_on_nats(nats_server: NatsServer) -> None:
    _the_child_ends_in_order(nats_server.url, "mine")


def test_a_forked_child_ends_in_order_on_pulsar(pulsar_server: PulsarServer) -> None:
    _the_child_ends_in_order(pulsar_server.address, "mine")


def test_a_forked_child_ends_in_order_on_pubsub(pstest_server: PstestServer) -> None:
    _the_child_ends_in_order(pstest_server.address, "mine")


def test_a_forked_child_ends_in_order_on_service_bus(servicebus_server: ServiceBusServer) -> None:
    _the_child_ends_in_order(servicebus_server.address)
