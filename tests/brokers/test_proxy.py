"""The proxy of the tests does to a plain TCP connection what its faults say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from brokerkit.sandbox.proxy import Proxy, Way
from brokerkit.testing.waiting import eventually

SOON = 10.0
A_WHILE = 0.3


class Echo:
    """A server that sends back what it gets."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65_536):
                    connection.sendall(data)
            except ConnectionError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    echo = Echo()
    with Proxy(echo.port) as made:
        yield made
    echo.close()


class Client:
    """A plain connection to the proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self.socket = socket.create_connection(("127.0.0.1", proxy.port), timeout=SOON)

    def ask(self, data: bytes) -> bytes:
        self.socket.sendall(data)
        return self.hear(len(data))

    def hear(self, size: int) -> bytes:
        """So many bytes, or those before the end."""
        heard = b""
        while len(heard) < size and (data := self.socket.recv(size - len(heard))):
            heard += data
        return heard

    def hears_nothing(self) -> bool:
        self.socket.settimeout(A_WHILE)
        try:
            return not self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(SOON)


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Client]:
    made = Client(proxy)
    yield made
    made.socket.close()


def test_without_a_fault_all_bytes_pass_both_ways(proxy: Proxy, client: Client) -> None:
    data = bytes(range(256)) * 10_000
    thread = threading.Thread(target=client.socket.sendall, args=(data,))
    thread.start()
    assert client.hear(len(data)) == data
    thread.join()
    eventually(lambda: proxy.passed(Way.TO_CLIENT) == len(data), "all is counted")
    assert proxy.passed(Way.TO_SERVER) == len(data)


def test_the_end_of_one_side_reaches_the_other(proxy: Proxy, client: Client) -> None:
    client.socket.sendall(b"last")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.hear(100) == b"last"
    eventually(lambda: proxy.connections == 0, "the connection is gone")


def test_a_cut_breaks_what_is_open_and_takes_new_ones(proxy: Proxy, client: Client) -> None:
    client.ask(b"before")
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.socket.recv(1)
    assert Client(proxy).ask(b"after") == b"after"


def test_all_that_was_open_is_broken_when_a_cut_returns(proxy: Proxy) -> None:
    for _ in range(20):
        clients = [Client(proxy) for _ in range(5)]
        for each in clients:
            each.ask(b"before")
        proxy.cut()
        for each in clients:
            each.socket.setblocking(False)
            with pytest.raises(ConnectionResetError):
                each.socket.recv(1)
            each.socket.close()


@pytest.mark.extended
def test_half_open_connections_hear_nothing_and_end_with_the_fault(proxy: Proxy, client: Client) -> None:
    client.ask(b"before")
    proxy.half_open()
    client.socket.sendall(b"into the void")
    assert client.hears_nothing()
    newcomer = Client(proxy)
    newcomer.socket.sendall(b"into the void, too")
    assert newcomer.hears_nothing()
    proxy.mend()
    for each in (client, newcomer):
        with pytest.raises(ConnectionResetError):
            each.socket.recv(1)
    assert Client(proxy).ask(b"after") == b"after"


@pytest.mark.extended
def test_half_open_one_way_lets_the_other_pass(proxy: Proxy, client: Client) -> None:
    client.ask(b"before")
    proxy.half_open(ways=(Way.TO_CLIENT,))
    client.socket.sendall(b"heard")
    eventually(lambda: proxy.passed(Way.TO_SERVER) == len(b"beforeheard"), "it came to the server")
    assert client.hears_nothing()


@pytest.mark.extended
def test_a_stall_loses_nothing(proxy: Proxy, client: Client) -> None:
    client.ask(b"before")
    begin = time.monotonic()
    proxy.stall(2 * A_WHILE)
    assert client.ask(b"later") == b"later"
    assert time.monotonic() - begin >= 2 * A_WHILE


@pytest.mark.extended
def test_mending_ends_a_stall_and_its_clock_does_not_end_the_next(proxy: Proxy, client: Client) -> None:
    proxy.stall(A_WHILE)
    proxy.mend()
    assert client.ask(b"at once") == b"at once"
    proxy.stall()
    client.socket.sendall(b"never")
    assert client.hears_nothing()
    assert client.hears_nothing()


@pytest.mark.extended
def test_a_trickle_brings_all_slowly(proxy: Proxy, client: Client) -> None:
    proxy.trickle(10, 0.02, ways=(Way.TO_CLIENT,))
    begin = time.monotonic()
    assert client.ask(b"x" * 200) == b"x" * 200
    assert time.monotonic() - begin >= 19 * 0.02


def test_a_reset_strikes_at_its_byte_and_only_one_connection(proxy: Proxy, client: Client) -> None:
    other = Client(proxy)
    other.ask(b"12345")
    proxy.reset(after=3)
    client.socket.sendall(b"abcdef")
    with pytest.raises(ConnectionResetError):
        # what came before may be thrown away by the reset
        while client.socket.recv(1):
            pass
    eventually(lambda: proxy.passed(Way.TO_CLIENT) == len(b"12345abc"), "the bytes before it have passed")
    assert other.ask(b"still") == b"still"


@pytest.mark.extended
def test_refused_connections_are_taken_again_after_a_while(proxy: Proxy, client: Client) -> None:
    client.ask(b"before")
    proxy.refuse(A_WHILE)
    with pytest.raises(ConnectionRefusedError):
        Client(proxy)
    assert client.ask(b"the old one lives") == b"the old one lives"

    def taken() -> Client | None:
        try:
            return Client(proxy)
        except ConnectionRefusedError:
            return None

    assert eventually(taken, "new ones are taken").ask(b"after") == b"after"


@pytest.mark.extended
def test_a_fault_begins_at_a_number_of_bytes(proxy: Proxy, client: Client) -> None:
    client.ask(b"x" * 100)
    proxy.after(50, proxy.stall)
    client.socket.sendall(b"y" * 80)
    assert client.hear(50) == b"y" * 50
    assert client.hears_nothing()
    proxy.mend()
    assert client.hear(30) == b"y" * 30


def test_a_server_that_is_down_is_a_broken_connection(proxy: Proxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as down:
        proxy.target = down.getsockname()[1]
    # the reset may come before the client's own connect has returned
    with pytest.raises(ConnectionResetError):
        Client(proxy).socket.recv(1)
