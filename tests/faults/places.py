"""The real servers behind their proxies, and topics of numbered messages on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pandas as pd

import brokerkit as bk
from brokerkit.core.vocabulary.errors import AckFailed
from brokerkit.sandbox.proxy import Proxy
from brokerkit.workbench import Session

PAD = "." * 200
_numbers = count(1)


class Place:
    """A server that is reached through a proxy, and directly for checking.

    rows: how many messages a fault strikes in the middle of. topic_options, subscribing: what makes topics
    and subscriptions here. resends: whether the client library sends again by itself what got no answer, to
    a broker that then stores it twice. notices_a_cut: whether a client that is idle notices that its connection
    was reset before it sends on it. away: seconds for which messages stay away that a broken connection took along.
    """

    rows: int
    resends = False
    notices_a_cut = True
    away = 5.0
    topic_options: dict[str, Any] = {}  # noqa: RUF012  # never changed
    subscribing: dict[str, Any] = {}  # noqa: RUF012  # never changed

    def __init__(self, server: Any, proxy: Proxy) -> None:
        self.server = server
        self.proxy = proxy
        self.direct = bk.connect(self.url(None))
        self._standing: str | None = None

    def url(self, port: int | None) -> str:
        """The address through the proxy's `port`, or past it."""
        raise NotImplementedError

    def connect(self) -> Session:
        """A session through the proxy."""
        return bk.connect(self.url(self.proxy.port))

    def close(self) -> None:
        self.direct.close()

    # Topics, all made and looked at past the proxy.

    def new_topic(self) -> str:
        name = f"faults-{next(_numbers)}"
        self.direct.create_topic(name, **self.topic_options)
        return name

    def filled(self) -> str:
        """A new topic with all rows."""
        topic = self.new_topic()
        self.publish(topic)
        return topic

    def standing(self) -> str:
        """The topic with all rows that tests only read."""
        if self._standing is None:
            self._standing = self.filled()
        return self._standing

    def publish(self, topic: str) -> None:
        outcome = self.direct.publish_frame(topic, frame(self.rows), kind="messages", progress=False)
        assert outcome["status"].eq("confirmed").all()

    def subscribe(self, topic: str) -> str | None:
        """A new subscription that has all of a topic, where the system has them."""
        name = f"sub-{next(_numbers)}"
        self.direct.create_subscription(topic, name, start="earliest", **self.subscribing)
        return name

    def target(self) -> str:
        """A new topic of which `stored` can tell what comes."""
        return self.new_topic()

    def stored(self, topic: str) -> list[int]:
        """The numbers in a topic, as it has them."""
        return numbers_of(self.direct.scan(topic, progress=False).to_pandas())

    def work_off(
        self, session: Session, topic: str, subscription: str | None
    ) -> tuple[Counter[int], set[int]]:
        """Work off a subscription.

        Returns: how often each number was acknowledged, and the numbers of which that is not known.
        """
        acknowledged: Counter[int] = Counter()
        doubtful: set[int] = set()
        idle = self.away + 5.0
        with session.batches(topic, subscription=subscription, size=500, window=0.2, idle=idle) as batches:
            for batch in batches:
                numbers = numbers_of(batch.frame)
                try:
                    batch.ack()
                except AckFailed:
                    doubtful.update(numbers)
                    continue
                acknowledged.update(numbers)
                if len(acknowledged.keys() | doubtful) == self.rows:
                    break
        return acknowledged, doubtful

    @property
    def size(self) -> int:
        """At least so many bytes are on the way for all rows."""
        return self.rows * len(PAD)


class Kafka(Place):
    rows = 20_000
    topic_options = {"partitions": 2}  # noqa: RUF012  # never changed

    def url(self, port: int | None) -> str:
        where = f"127.0.0.1:{port}" if port else self.server.bootstrap
        return f"kafka://{where}?session.timeout.ms=6000&heartbeat.interval.ms=1000"


class Nats(Place):
    rows = 12_000
    subscribing = {"ack_wait": 5}  # noqa: RUF012  # never changed

    def url(self, port: int | None) -> str:
        return f"nats://127.0.0.1:{port or self.server.port}"


class Pulsar(Place):
    rows = 12_000
    resends = True
    topic_options = {"partitions": 2}  # noqa: RUF012  # never changed

    def url(self, port: int | None) -> str:
        where = f"pulsar://127.0.0.1:{port}" if port else self.server.url
        return f"{where}?admin={self.server.admin}"


class ServiceBus(Place):
    """Queues, which can be looked at."""

    rows = 1_500
    topic_options = {"lock_seconds": 5.0, "max_delivery_count": 100}  # noqa: RUF012  # never changed

    def url(self, port: int | None) -> str:
        text: str = self.server.connection_string
        return text.replace(str(self.server.port), str(port)) if port else text

    def subscribe(self, topic: str) -> None:
        return None


class PubSub(Place):
    """Without a look that changes nothing: what is stored is taken from a subscription of its own."""

    rows = 3_000
    # gRPC looks at its connections only while a call is pending
    notices_a_cut = False
    away = 10.0
    subscribing = {"ordering": False}  # noqa: RUF012  # never changed

    def url(self, port: int | None) -> str:
        return f"pubsub://faults?emulator=127.0.0.1:{port or self.server.port}"

    def target(self) -> str:
        topic = self.new_topic()
        self.direct.create_subscription(topic, f"{topic}-check", start="earliest", **self.subscribing)
        return topic

    def stored(self, topic: str) -> list[int]:
        found: list[int] = []
        with self.direct.batches(topic, subscription=f"{topic}-check", size=1_000, idle=5.0) as batches:
            for batch in batches:
                found += numbers_of(batch.frame)
                batch.ack()
        return found


def frame(rows: int) -> pd.DataFrame:
    """A frame of numbered messages."""
    return pd.DataFrame({"key": None, "value": [f"{number}:{PAD}" for number in range(rows)]})


def numbers_of(found: pd.DataFrame) -> list[int]:
    """The numbers in a frame of such messages."""
    return [int(value.partition(":")[0]) for value in found["value"]]


def by_partition(found: pd.DataFrame) -> Iterator[list[int]]:
    """The numbers of each partition, in the order of the frame."""
    for _, rows in found.groupby("partition", dropna=False):
        yield numbers_of(rows)
