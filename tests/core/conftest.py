"""A broker of its own for each test, and shorthand to fill and to read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brokerkit.core import Connection, MessageConsumer, OutboundMessage, RecordConsumer, connect
from brokerkit.core.runtime import consumer_thread


class Desk:
    """A connection to a private in-memory broker."""

    def __init__(self) -> None:
        self.connection: Connection = connect("inmem://")
        self.store = self.connection.native
        self.faults = self.store.faults

    def topic(self, name: str = "orders", count: int = 0, **options: object) -> str:
        """A new topic with payloads b"0", b"1" and so on."""
        self.connection.create_topic(name, **options)
        self.publish(name, count)
        return name

    def publish(self, topic: str, count: int, *, first: int = 0, key: bytes | None = None) -> None:
        if count:
            publisher = self.connection.publisher()
            messages = [OutboundMessage(b"%d" % number, key=key) for number in range(first, first + count)]
            assert all(result.ok for result in publisher.topic(topic).publish_batch(messages))
            publisher.close()

    def messages(
        self, topic: str = "orders", name: str = "me", *, ack_deadline: float | None = None, **options: object
    ) -> MessageConsumer:
        """A consumer of a subscription that begins at the earliest message."""
        if (topic, name) not in self.store.subscriptions:
            given = {} if ack_deadline is None else {"ack_deadline": ack_deadline}
            self.connection.create_subscription(topic, name, start="earliest", **given)
        consumer = self.connection.consumer(topic, name, **options)  # type: ignore[arg-type]  # passed on
        assert isinstance(consumer, MessageConsumer)
        return consumer

    def records(self, topic: str = "orders", name: str = "group", **options: object) -> RecordConsumer:
        """A member of a group that begins at the earliest record."""
        if (topic, name) not in self.store.groups:
            self.connection.create_subscription(topic, name, start="earliest", model="record")
        consumer = self.connection.consumer(topic, name, model="record", **options)  # type: ignore[arg-type]  # passed on
        assert isinstance(consumer, RecordConsumer)
        return consumer

    def committed(self, topic: str = "orders", name: str = "group") -> dict[int, int]:
        return dict(self.store.groups[topic, name].committed)

    def leases(self, topic: str = "orders", name: str = "me") -> int:
        """How many messages are delivered and not settled."""
        with self.store.changed:
            return len(self.store.subscriptions[topic, name].leases)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # a wait ends between two fetches
    monkeypatch.setattr(consumer_thread, "FETCH_SLICE", 0.05)
    made = Desk()
    yield made
    made.faults.resume()
    made.faults.start()
    made.connection.close()
