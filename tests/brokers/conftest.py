"""What the tests of the Service Bus emulator share: entities of their own, and Microsoft's client."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from brokerkit.sandbox.servicebus.server import ServiceBusServer

WAIT = 60.0
"""Seconds within which what is waited for must have come."""
NAP = 0.005


class Bus:
    """Microsoft's client on a server, with entities that only one test uses.

    Senders and receivers are open when they are had, and closed with the bus.
    """

    def __init__(self, server: ServiceBusServer) -> None:
        from azure.servicebus import ServiceBusClient

        self.server = server
        self.client: Any = ServiceBusClient.from_connection_string(server.connection_string, retry_total=0)
        self._opened: list[Any] = []
        self._senders: dict[str, Any] = {}

    def queue(self, **settings: object) -> str:
        """The name of a new queue."""
        name = f"q-{uuid.uuid4().hex[:8]}"
        self.server.create_queue(name, **settings)
        return name

    def topic(self, *subscriptions: str, **settings: object) -> str:
        """The name of a new topic with these subscriptions, which have the settings."""
        name = f"t-{uuid.uuid4().hex[:8]}"
        self.server.create_topic(name)
        for each in subscriptions:
            self.server.create_subscription(name, each, **settings)
        return name

    def sender(self, name: str) -> Any:
        """The sender to a queue; topics take messages in the same way."""
        if name not in self._senders:
            self._senders[name] = self._open(self.client.get_queue_sender(name))
        return self._senders[name]

    def rule(
        self,
        topic: str,
        subscription: str,
        name: str,
        description: dict[str, Any] | None = None,
        *,
        remove: bool = False,
    ) -> None:
        """Add a rule to a subscription, or remove it."""
        body = {"rule-name": name} if remove else {"rule-name": name, "rule-description": description}
        operation = "remove-rule" if remove else "add-rule"
        self.request(f"{topic}/Subscriptions/{subscription}", operation, body)

    def send(self, name: str, *messages: Any) -> None:
        """Send messages or bodies in one batch."""
        from azure.servicebus import ServiceBusMessage

        self.sender(name).send_messages(
            [each if isinstance(each, ServiceBusMessage) else ServiceBusMessage(each) for each in messages]
        )

    def receiver(self, name: str, **options: Any) -> Any:
        """A new receiver of a queue, or of a subscription as "topic/subscription"."""
        topic, _, subscription = name.partition("/")
        if subscription:
            return self._open(self.client.get_subscription_receiver(topic, subscription, **options))
        return self._open(self.client.get_queue_receiver(name, **options))

    def _open(self, closed: Any) -> Any:
        self._opened.append(closed)
        return closed.__enter__()

    def take(self, name: str, count: int = 1, **options: Any) -> list[Any]:
        """Receive and delete `count` messages."""
        return receive(self.receiver(name, receive_mode="receiveanddelete", **options), count)

    def request(self, node: str, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer of an entity's `$management` to an operation.

        Rules have no client of their own over AMQP, so it goes over the link of a session browser.
        """
        from azure.servicebus._common import mgmt_handlers
        from azure.servicebus._session_browser import _SessionBrowser

        client = self.client
        browser = _SessionBrowser(
            client.fully_qualified_namespace, node, client._credential, use_tls=False, retry_total=0
        )
        try:
            return dict(
                browser._mgmt_request_response_with_retry(
                    f"com.microsoft:{operation}".encode(),
                    body,
                    mgmt_handlers.default,
                    keep_alive_associated_link=False,
                )
                or {}
            )
        finally:
            browser.close()

    def close(self) -> None:
        """Close everything that was opened."""
        for each in self._opened:
            each.close()
        self.client.close()


def receive(receiver: Any, count: int = 1) -> list[Any]:
    """`count` messages of a receiver, however many calls they take."""
    got: list[Any] = []
    deadline = time.monotonic() + WAIT
    while len(got) < count and time.monotonic() < deadline:
        got += receiver.receive_messages(count - len(got), max_wait_time=2)
    assert len(got) == count, f"{len(got)} of {count} messages came"
    return got


def nothing(receiver: Any) -> bool:
    """Whether there is no message to be had."""
    return not receiver.receive_messages(1, max_wait_time=0.3)


class ShortNaps:
    """`time` for Microsoft's client, which sleeps 50 ms between two frames and a second when closing.

    With its own, the tests would take minutes.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, NAP))


@pytest.fixture
def short_naps(monkeypatch: pytest.MonkeyPatch) -> ShortNaps:
    """Let Microsoft's client look at its socket more often."""
    naps = ShortNaps()
    for module in ("_servicebus_sender", "_servicebus_receiver", "_session_browser", "_pyamqp.client"):
        monkeypatch.setattr(f"azure.servicebus.{module}.time", naps)
    return naps


@pytest.fixture
def bus(servicebus_server: ServiceBusServer, short_naps: ShortNaps) -> Iterator[Bus]:
    """The client on the server of the run."""
    opened = Bus(servicebus_server)
    yield opened
    opened.close()
