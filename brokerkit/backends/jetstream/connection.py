"""A connection of nats-py, and requests to the JetStream API over it. It is used on the event loop only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.js import errors as js_errors

from brokerkit.core.vocabulary.errors import BrokerError, NotFound, NotSupported, Unauthorized, Unavailable
from brokerkit.core.vocabulary.secrets import revealed

from . import tls
from .client_internals import DirectClient
from .errors import NO_JETSTREAM
from .login import check_login
from .options import RECONNECT_SECONDS, Options
from .permission_errors import Refusals

log = logging.getLogger("brokerkit.jetstream")

PENDING_BYTES = 8 * 1024 * 1024
DEFAULT_INBOX = "_INBOX"
REPEAT_SECONDS = 2.0
"""How long to wait for an answer before a request that changes nothing is made again: what was on its way
to a server of a cluster that is gone is lost."""


_LOOKS = re.compile(r"(INFO|STREAM\.(INFO|NAMES|LIST|MSG\.GET)|CONSUMER\.(INFO|NAMES|LIST))(\.|$)")
"""The requests that change nothing."""


class ConnectionLost(Unavailable):
    """The connection was lost before an answer arrived."""


class JetStreamConnection:
    """A connection to a NATS server.

    Attributes:
        options: The checked options.
        client: The client of nats-py.
        epoch: The number of reconnects. It tells whether a request was sent over an earlier connection.
        refusals: Reports of the server that something is not permitted.
        inbox_prefix: The prefix of subjects for replies.
        api_prefix: The prefix of subjects of the JetStream API.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.client = DirectClient()
        self.epoch = 0
        self._connected = asyncio.Event()
        self._last_error: BaseException | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._opened = False
        self._closing = False
        self.refusals = Refusals()
        self.inbox_prefix = str(options.client.get("inbox_prefix", DEFAULT_INBOX))
        prefix = f"$JS.{options.domain}.API" if options.domain else "$JS.API"
        self.api_prefix = prefix

    async def connect(self, timeout: float) -> None:
        """Connect to a server. Afterwards, a lost connection is re-established without limit.

        Raises:
            ConfigError: The options for logging in are wrong.
            Unauthorized: The server refused the credentials.
            Unavailable: No server can be reached.
        """
        check_login(self.options.client)
        await self._look(timeout)
        refused = asyncio.get_running_loop().create_future()
        without_tls = 0

        async def on_error(error: Exception) -> None:
            nonlocal without_tls
            self._note(error)
            without_tls += tls.is_tls(error)
            hopeless = _is_refusal(error) or without_tls >= len(self.options.hosts)
            if hopeless and not refused.done():
                refused.set_result(error)

        connecting = asyncio.ensure_future(
            self.client.connect(
                servers=list(self.options.servers),
                error_cb=on_error,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_reconnected,
                closed_cb=self._on_closed,
                connect_timeout=max(1, min(5, int(timeout))),
                reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]  # a float works and is declared int
                max_reconnect_attempts=-1,
                ping_interval=20,
                pending_size=PENDING_BYTES,
                **revealed(self.options.client),
            )
        )
        try:
            await asyncio.wait({connecting, refused}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                raise self._connect_problem(refused.result() if refused.done() else None, timeout)
            await self._connect_result(connecting)
        except BaseException:
            self._closing = True
            connecting.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await connecting
            await self.client.close()
            raise
        self._opened = True
        self._connected.set()

    async def _look(self, timeout: float) -> None:
        """Raise Unavailable at once if no server listens at any of the addresses."""
        problems = []
        for host in self.options.hosts:
            name, _, port = host.rpartition(":")
            try:
                _, writer = await asyncio.wait_for(
                    asyncio.open_connection(name.strip("[]"), int(port)), timeout
                )
            except (OSError, TimeoutError) as error:
                problems.append((host, error))
                continue
            writer.close()
            return
        where = ", ".join(host for host, _ in problems)
        cause = problems[0][1]
        reason = "no answer" if isinstance(cause, TimeoutError) else (cause.strerror or str(cause))
        raise Unavailable(
            f"no NATS server can be reached at {where} ({reason}); is it running, and is the address right?"
        ) from cause

    async def _connect_result(self, connecting: asyncio.Future[None]) -> None:
        try:
            await connecting
        except Exception as error:
            raise self._connect_problem(error, None) from error

    def _connect_problem(self, error: BaseException | None, timeout: float | None) -> BrokerError:
        where = ", ".join(self.options.hosts)
        cause = error or self._last_error
        made: BrokerError
        if cause is not None and _is_refusal(cause):
            made = Unauthorized(
                f"the NATS server at {where} refused the credentials; give user and password, token=, "
                "nkeys_seed= or user_credentials="
            )
        elif cause is not None and tls.is_tls(cause):
            made = tls.problem(cause, where)
        else:
            said = f": {cause}" if cause is not None else ""
            within = f" within {timeout:g} s" if timeout is not None else ""
            made = Unavailable(f"the NATS server at {where} could not be connected{within}{said}")
        made.__cause__ = cause
        return made

    def _note(self, error: BaseException) -> None:
        self._last_error = error
        # what hinders the first connection is raised
        known = self.refusals.note(error) or not self._opened
        level = logging.INFO if known else logging.WARNING
        if not self._closing:
            log.log(level, "NATS client: %s", str(error) or type(error).__name__)

    async def _on_disconnected(self) -> None:
        self._connected.clear()
        for lost in self._waiting:
            if not lost.done():
                lost.set_result(None)
        if not self._closing:
            log.warning("disconnected from NATS at %s; reconnecting", ", ".join(self.options.hosts))

    async def _on_reconnected(self) -> None:
        self.epoch += 1
        self._connected.set()
        log.info("reconnected to NATS")

    async def _on_closed(self) -> None:
        self._connected.clear()
        if not self._closing:
            log.error("the connection to NATS was closed: %s", self._last_error)

    @property
    def connected(self) -> bool:
        return bool(self.client.is_connected)

    async def wait_connected(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for a connection, and return whether there is one."""
        if self.client.is_closed:
            raise nats_errors.ConnectionClosedError
        if self.client.is_connected:
            return True
        try:
            await asyncio.wait_for(self._connected.wait(), timeout)
        except TimeoutError:
            return False
        return True

    async def request(
        self, subject: str, payload: Mapping[str, Any] | None, timeout: float, *, raw: bytes | None = None
    ) -> dict[str, Any]:
        """Make a request to the JetStream API and return the answer.

        A request that changes nothing is repeated if the connection is lost, and if no answer comes.

        Args:
            subject: The subject without the prefix of the API.
            payload: The request, sent as JSON.
            timeout: How long to wait, in seconds.
            raw: The request as bytes, sent instead of `payload`.

        Raises:
            nats.js.errors.APIError: The API refused the request.
            ConnectionLost: The connection was lost before the answer to a request that may change something.
            Unauthorized: The user is not permitted to make the request.
            Unavailable: There was no connection or no answer in time.
        """
        body = raw if raw is not None else (b"" if payload is None else json.dumps(payload).encode())
        deadline = time.monotonic() + timeout
        reply: Msg | None = None
        while reply is None:
            if not await self.wait_connected(max(0.0, deadline - time.monotonic())):
                raise Unavailable(
                    f"not connected to NATS at {', '.join(self.options.hosts)}; reconnecting"
                ) from nats_errors.ConnectionReconnectingError()
            try:
                reply = await self._reply(
                    f"{self.api_prefix}.{subject}",
                    body,
                    deadline - time.monotonic(),
                    repeat=REPEAT_SECONDS if _LOOKS.match(subject) else None,
                )
            except nats_errors.TimeoutError as error:
                raise Unavailable("the NATS server did not answer in time") from error
            except ConnectionLost:
                if not _LOOKS.match(subject):
                    raise
        answer: dict[str, Any] = json.loads(reply.data)
        problem = answer.get("error")
        if problem:
            known = {name: problem.get(name) for name in ("code", "err_code", "description")}
            js_errors.APIError.from_error(known)
        return answer

    async def _reply(self, subject: str, body: bytes, timeout: float, *, repeat: float | None = None) -> Msg:
        """Make a request, and again every `repeat` seconds, and return the first reply.

        A reply is sent only to the connection that made the request, not to a later one.

        Raises:
            Unauthorized: The server says that the request is not permitted; raised at once.
            ConnectionLost: The connection was lost; raised at once.
        """
        deadline = time.monotonic() + timeout
        asking: list[asyncio.Future[Any]] = []

        def ask() -> None:
            left = max(0.05, deadline - time.monotonic())
            asking.append(asyncio.ensure_future(self.client.request(subject, body, timeout=left)))

        ask()
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(lost)
        try:
            with self.refusals.of_request(subject, self.inbox_prefix) as refused:
                events: set[asyncio.Future[Any]] = {refused, lost}
                while not (
                    await asyncio.wait(
                        events.union(asking), timeout=repeat, return_when=asyncio.FIRST_COMPLETED
                    )
                )[0]:
                    ask()
            if refused.done():
                raise refused.result()
            answered = next((each for each in asking if each.done()), None)
            if answered is None:
                raise ConnectionLost(
                    "the connection to NATS was lost before it answered; the request may have taken effect"
                )
            reply: Msg = answered.result()
            return reply
        finally:
            self._waiting.discard(lost)
            for each in asking:
                if not each.cancel():
                    # looked at, so that it is not reported as forgotten
                    each.exception()

    async def pages(
        self, subject: str, key: str, timeout: float, body: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Any]:
        """Yield all entries of a paged list of the API.

        Args:
            subject: The subject of the request.
            key: The name of the list in the answer.
            timeout: How long to wait for each page, in seconds.
            body: Further fields of the request.
        """
        offset = 0
        while True:
            answer = await self.request(subject, {**(body or {}), "offset": offset}, timeout)
            entries = answer.get(key) or []
            for entry in entries:
                yield entry
            offset += len(entries)
            if not entries or offset >= answer.get("total", 0):
                return

    async def account(self, timeout: float) -> dict[str, Any]:
        """Return JetStream's information about the account.

        Raises:
            NotSupported: The server or the account has no JetStream.
        """
        try:
            return await self.request("INFO", None, timeout)
        except nats_errors.NoRespondersError as error:
            raise NotSupported(NO_JETSTREAM) from error

    async def stream_info(
        self, stream: str, timeout: float, *, subjects: str | None = None, offset: int = 0
    ) -> dict[str, Any]:
        """Return a stream's configuration and state.

        Args:
            stream: The name of the stream.
            timeout: How long to wait, in seconds.
            subjects: Include the number of messages of each subject that matches this filter.
            offset: The number of subjects to skip.

        Raises:
            NotFound: There is no such stream.
        """
        body = None if subjects is None else {"subjects_filter": subjects, "offset": offset}
        try:
            return await self.request(f"STREAM.INFO.{stream}", body, timeout)
        except js_errors.NotFoundError as error:
            raise NotFound(
                f"there is no stream {stream!r}; topics() lists those that exist, "
                f"create_topic(SUBJECT, stream={stream!r}) creates it"
            ) from error

    async def consumer_info(self, stream: str, consumer: str, timeout: float) -> dict[str, Any] | None:
        """Return a consumer's configuration and state, or None if there is no such consumer."""
        try:
            return await self.request(f"CONSUMER.INFO.{stream}.{consumer}", None, timeout)
        except js_errors.NotFoundError:
            return None

    async def close(self) -> None:
        self._closing = True
        await self.client.close()


def _is_refusal(error: BaseException) -> bool:
    said = str(error).lower()
    return (
        isinstance(error, nats_errors.AuthorizationError)
        or "authorization" in said
        or "authentication" in said
    )


async def open_connection(options: Options, timeout: float) -> JetStreamConnection:
    """Connect to a server and make sure that JetStream answers.

    See `JetStreamConnection.connect` and `JetStreamConnection.account` for the errors raised.
    """
    connection = JetStreamConnection(options)
    await connection.connect(timeout)
    try:
        await connection.account(timeout)
    except BaseException:
        await connection.close()
        raise
    return connection
