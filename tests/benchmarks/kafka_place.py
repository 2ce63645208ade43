"""The Kafka that is measured: a real one that is started for it, or a cluster of one's own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import brokerkit as bk
from brokerkit import OutboundMessage
from brokerkit.backends.kafka.options import read_options
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.secrets import revealed
from brokerkit.sandbox.kafka import KafkaServer

from .messages import payloads

PARTITIONS = 8
PREFIX = "brokerkit-benchmark-"
URL = "BROKERKIT_BENCHMARK_URL"
"""Environment variable of the processes that are started: the address, which may have a password."""
CHUNK = 50_000
HEADER = "trace"


class KafkaPlace:
    """A cluster, and topics on it that are removed again.

    Attributes:
        url: Its address.
        session: A session on it.
    """

    def __init__(self, url: str, session: bk.Session, prefix: str) -> None:
        self.url = url
        self.session = session
        self._prefix = prefix

    @property
    def bootstrap(self) -> str:
        """The servers, without credentials."""
        return str(client_settings(self.url)["bootstrap.servers"])

    @contextmanager
    def topic(self, what: str) -> Iterator[str]:
        """Create a topic, and delete it at the end."""
        name = f"{self._prefix}{what}-{uuid.uuid4().hex[:8]}"
        self.session.create_topic(name, partitions=PARTITIONS)
        try:
            yield name
        finally:
            self.session.delete_topic(name, confirm=name)

    @contextmanager
    def filled(self, what: str, rows: int) -> Iterator[str]:
        """Create a topic with JSON payloads of about 200 bytes, keys and one header each."""
        with self.topic(what) as name:
            for at in range(0, rows, CHUNK):
                numbers = range(at, min(at + CHUNK, rows))
                values = payloads(len(numbers), first=at)
                messages = [
                    OutboundMessage(value, key=b"key-%d" % number, attributes=[(HEADER, b"%016x" % number)])
                    for number, value in zip(numbers, values, strict=True)
                ]
                self.session.publish_batch(name, messages, timeout=300)
            yield name


@contextmanager
def kafka_place(against: str | None, prefix: str = PREFIX) -> Iterator[KafkaPlace]:
    """Use a cluster of one's own, or start a server."""
    if against is not None:
        with _connected(against, prefix) as place:
            yield place
        return
    with KafkaServer() as server, _connected(f"kafka://{server.bootstrap}", prefix) as place:
        yield place


@contextmanager
def _connected(url: str, prefix: str) -> Iterator[KafkaPlace]:
    os.environ[URL] = url
    try:
        with bk.connect(url) as session:
            yield KafkaPlace(url, session, prefix)
    finally:
        del os.environ[URL]


def client_settings(url: str) -> dict[str, Any]:
    """Return the settings with which the client library reaches the cluster by hand."""
    return dict(revealed(read_options(Address.parse(url))))
