"""Connecting by TLS, as the service wants it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from brokerkit.core import OutboundMessage, Unavailable, connect
from brokerkit.sandbox.servicebus.server import ServiceBusServer
from tests.brokers.certificates import Authority

from .conftest import new_queue, publish
from .test_consumer import consumer_of, one

pytestmark = pytest.mark.broker


def test_a_namespace_by_tls_with_an_authority_of_its_own(
    servicebus_server: ServiceBusServer, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ours")
    other = Authority(tmp_path / "theirs", "another authority")
    with ServiceBusServer(authority=authority) as server:
        url = server.tls_connection_string
        # the service's administration has port 443, which only root may take
        admin = f"{urlsplit(url.partition('=')[2].partition(';')[0]).hostname}:5671"
        with connect(url, ca=str(authority.ca), admin=admin, timeout=10) as broker:
            queue = new_queue(broker)
            publish(broker, queue, OutboundMessage(b"x", key="k", attributes={"n": 1}))
            assert [info.name for info in broker.inspector().topics() if not info.internal] == [queue]
            with consumer_of(broker, queue) as consumer:
                message = one(consumer)
                assert (message.data, message.key) == (b"x", b"k")
                message.ack()
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED|certificate") as raised:
            connect(url, ca=str(other.ca), admin=admin, timeout=10)
        # another try with the same certificates ends in the same way
        assert not raised.value.retryable


def test_tls_to_a_port_that_has_none_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]
        plain.settimeout(5)
        text = f"Endpoint=sb://127.0.0.1:{port}/;SharedAccessKeyName=a;SharedAccessKey=b"

        def answer() -> None:
            with plain.accept()[0] as caller:
                caller.recv(1000)
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Unavailable, match="SSL"):
            connect(text, timeout=5)
        thread.join(60)
