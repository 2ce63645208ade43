"""A TCP proxy before a server of the tests, with faults that can begin at any byte and end at any moment.

::

    with Proxy(server.port) as proxy:
        ...  # connect to 127.0.0.1, proxy.port
        proxy.after(100_000, proxy.cut)

Faults begin at a number of forwarded bytes rather than at a time, so that they strike in the middle of a
transfer on a slow machine too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from enum import Enum
from types import TracebackType
from typing import Any, Self

from .process import free_ports

CHUNK = 65_536
CALL_SECONDS = 10.0
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: closing then sends RST instead of FIN."""


class Way(Enum):
    """A direction of the traffic."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


BOTH = (Way.TO_SERVER, Way.TO_CLIENT)


class _Flow:
    """One direction of all connections: how its bytes pass now, and which faults are to begin.

    Attributes:
        open: An event that is cleared while nothing passes.
        dropping: Whether bytes are dropped.
        pace: The (bytes, seconds) of a trickle.
        passed: The number of forwarded bytes.
        due: Pairs of (passed, action). An action is called once so many bytes were forwarded.
    """

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.dropping = False
        self.pace: tuple[int, float] | None = None
        self.passed = 0
        self.due: list[tuple[int, Callable[[_Connection], None]]] = []

    def until_due(self) -> int:
        """Return how many bytes may pass before the next action."""
        return min((at for at, _ in self.due), default=self.passed + CHUNK) - self.passed


class _Connection:
    """A client's connection, and the one to the server on its behalf."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.sockets = {Way.TO_CLIENT: client, Way.TO_SERVER: server}
        self.tasks: set[asyncio.Task[None]] = set()
        self.damaged = False
        self.ended = False

    def reset(self) -> None:
        """Break both ends with RST."""
        for each in self.sockets.values():
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close()

    def close(self) -> None:
        """End both directions. May be called from inside one of them or from outside."""
        self.ended = True
        for task in self.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        # the loop releases a socket when its task has ended: close only then
        asyncio.get_running_loop().call_soon(self._close)

    def _close(self) -> None:
        for each in self.sockets.values():
            each.close()


class Proxy:
    """A proxy that forwards connections to a port of the loopback interface.

    Faults may be called from any thread. They apply to every connection, open or new, and last until
    `mend` unless they have a duration. Their argument `ways` names the directions that they affect.

    Args:
        target: The server's port.
        port: The port where clients connect; a free one by default.
    """

    def __init__(self, target: int, *, port: int | None = None) -> None:
        self.target = target
        self.port = port or free_ports(1)[0]
        self._connections: set[_Connection] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._flows: dict[Way, _Flow] = self._run(self._begin())

    # Faults.

    def cut(self) -> None:
        """Break all connections with RST, and return once they are broken. New connections are accepted."""
        self._call(self._cut)
        # the loop closes their sockets after the call, and before the next one
        self._call(lambda: None)

    def half_open(self, seconds: float | None = None, *, ways: tuple[Way, ...] = BOTH) -> None:
        """Drop all bytes but keep the sockets. New connections are accepted, and receive nothing.

        The connections that lost bytes break when it is over, since they are of no use.
        """
        self._call(lambda: self._half_open(seconds, ways))

    def stall(self, seconds: float | None = None, *, ways: tuple[Way, ...] = BOTH) -> None:
        """Let no byte pass for some seconds, without dropping any. New connections wait as well."""
        self._call(lambda: self._stall(seconds, ways))

    def trickle(
        self, size: int, interval: float, *, seconds: float | None = None, ways: tuple[Way, ...] = BOTH
    ) -> None:
        """Let `size` bytes pass every `interval` seconds on each connection."""
        self._call(lambda: self._trickle(size, interval, seconds, ways))

    def refuse(self, seconds: float | None = None) -> None:
        """Accept no new connection for some seconds; the port is closed meanwhile."""
        self._call(lambda: self._refuse(seconds))

    def reset(self, after: int = 0, *, way: Way = Way.TO_CLIENT) -> None:
        """Break with RST the one connection on which byte number `after`, counted from now, passes."""
        self._call(lambda: self._due(after, way, _Connection.reset))

    def after(self, passed: int, action: Callable[[], Any], *, way: Way = Way.TO_CLIENT) -> None:
        """Call a fault as soon as `passed` more bytes have passed on all connections together."""
        self._call(lambda: self._due(passed, way, lambda _: action()))

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call a fault after some seconds, unless `mend` is called before."""
        self._call(lambda: self._later(seconds, action))

    def mend(self) -> None:
        """End all faults, including those that have not begun. Stalled bytes continue."""
        self._call(self._mend)

    # What the proxy counts.

    def passed(self, way: Way = Way.TO_CLIENT) -> int:
        """Return the bytes forwarded so far on all connections."""
        return self._flows[way].passed

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    # The rest runs in the loop's thread.

    def _call(self, action: Callable[[], None]) -> None:
        """Run an action in the loop's thread, and wait for it unless this is that thread."""
        if threading.current_thread() is self._thread:
            action()
            return
        done: Future[None] = Future()

        def act() -> None:
            try:
                action()
                done.set_result(None)
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(act)
        done.result(CALL_SECONDS)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)

    async def _begin(self) -> dict[Way, _Flow]:
        self._listen()
        return {way: _Flow() for way in Way}

    def _listen(self) -> None:
        if self._listener is None:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            listener.listen(128)
            listener.setblocking(False)
            self._listener = listener
            self._accepting = self._loop.create_task(self._accept(listener))

    def _unlisten(self) -> None:
        if self._listener is not None:
            assert self._accepting is not None
            self._loop.remove_reader(self._listener)
            self._accepting.cancel()
            self._listener.close()
            self._listener = None

    async def _accept(self, listener: socket.socket) -> None:
        serving = set()
        while True:
            client, _ = await self._loop.sock_accept(listener)
            task = self._loop.create_task(self._serve(client))
            serving.add(task)
            task.add_done_callback(serving.discard)

    async def _serve(self, client: socket.socket) -> None:
        server = socket.socket()
        for each in (client, server):
            each.setblocking(False)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(client, server)
        try:
            await self._loop.sock_connect(server, ("127.0.0.1", self.target))
        except OSError:
            connection.reset()
            return
        self._connections.add(connection)
        connection.tasks = {self._loop.create_task(self._forward(connection, way)) for way in Way}
        await asyncio.wait(connection.tasks)
        self._connections.discard(connection)
        connection.close()

    async def _forward(self, connection: _Connection, way: Way) -> None:
        """Forward one direction until its end. A broken connection breaks on its other side, too."""
        source = connection.sockets[Way.TO_CLIENT if way is Way.TO_SERVER else Way.TO_SERVER]
        sink = connection.sockets[way]
        try:
            while data := await self._loop.sock_recv(source, CHUNK):
                await self._pass_on(connection, way, data)
                if connection.ended:
                    return
            await self._flows[way].open.wait()
            if self._flows[way].dropping:
                connection.damaged = True
                await asyncio.Event().wait()  # until `mend` resets it: the end stays unnoticed too
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            connection.reset()

    async def _pass_on(self, connection: _Connection, way: Way, data: bytes) -> None:
        flow, sink = self._flows[way], connection.sockets[way]
        while data:
            await flow.open.wait()
            if flow.dropping:
                connection.damaged = True
                return
            size = min(len(data), flow.until_due(), flow.pace[0] if flow.pace else CHUNK)
            piece, data = data[:size], data[size:]
            await self._loop.sock_sendall(sink, piece)
            flow.passed += size
            for due in [each for each in flow.due if each[0] <= flow.passed]:
                flow.due.remove(due)
                due[1](connection)
            if connection.ended:
                return
            if flow.pace:
                await asyncio.sleep(flow.pace[1])

    def _due(self, after: int, way: Way, action: Callable[[_Connection], None]) -> None:
        flow = self._flows[way]
        flow.due.append((flow.passed + max(after, 1), action))

    def _cut(self) -> None:
        for each in list(self._connections):
            each.reset()

    def _later(self, seconds: float | None, action: Callable[[], None]) -> None:
        if seconds is not None:
            self._timers.append(self._loop.call_later(seconds, action))

    def _half_open(self, seconds: float | None, ways: tuple[Way, ...]) -> None:
        for way in ways:
            self._flows[way].dropping = True
        self._later(seconds, self._break_damaged)

    def _break_damaged(self) -> None:
        """End `half_open`, and break the connections that lost bytes by it."""
        for flow in self._flows.values():
            flow.dropping = False
        for each in list(self._connections):
            if each.damaged:
                each.reset()

    def _stall(self, seconds: float | None, ways: tuple[Way, ...]) -> None:
        for way in ways:
            self._flows[way].open.clear()
            self._later(seconds, self._flows[way].open.set)

    def _trickle(self, size: int, interval: float, seconds: float | None, ways: tuple[Way, ...]) -> None:
        for way in ways:
            self._flows[way].pace = (size, interval)
        self._later(seconds, self._hurry)

    def _hurry(self) -> None:
        """End `trickle`."""
        for flow in self._flows.values():
            flow.pace = None

    def _refuse(self, seconds: float | None) -> None:
        self._unlisten()
        self._later(seconds, self._listen)

    def _mend(self) -> None:
        # these belong to faults that are over, and must not end the next ones
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for flow in self._flows.values():
            flow.due.clear()
            flow.open.set()
        self._hurry()
        self._break_damaged()
        self._listen()

    # Ending it.

    def close(self) -> None:
        """Break open connections, and end. Closing twice is allowed."""
        if self._thread.is_alive():
            self._call(self._unlisten)
            self._call(self._cut)
            self._run(self._leave())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CALL_SECONDS)
            self._loop.close()

    async def _leave(self) -> None:
        """Wait until everything that runs here has ended."""
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
