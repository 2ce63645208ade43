"""The portable half of publishing: checks, batches, order within a key, retries, outcomes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Self

from ..contract.at_exit import close_at_exit
from ..contract.driver import PublisherDriver
from ..vocabulary.arguments import check_name, check_seconds, unencodable
from ..vocabulary.attributes import type_name
from ..vocabulary.cancellation import Deadline
from ..vocabulary.capabilities import Capabilities, TimeUnit
from ..vocabulary.errors import BrokerError, Closed, ConfigError, NotSupported, TooLarge, Unavailable
from ..vocabulary.messages import OutboundMessage, new_run
from ..vocabulary.results import PublishResult, PublishStatus
from .closing import Closable
from .driver_thread import DriverThread, Task
from .repeating import after, known_rows

PUBLISH_SECONDS = 30.0
ANSWER_SECONDS = 5.0
"""How much longer than its timeout a driver may take to return the outcomes."""
CHUNK_MESSAGES = 5_000
CHUNK_BYTES = 16_000_000
WINDOW_SECONDS = 2.0
"""How long to ask for the window within which a topic remembers a `dedup_id`."""
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 1.0

Outgoing = tuple[str, OutboundMessage]


def refusal(message: OutboundMessage, capabilities: Capabilities) -> BrokerError | None:
    """Return why this system cannot store the message as it is, or None.

    Raises:
        TypeError: it is not an `OutboundMessage`, or an attribute has a type that the system cannot carry.
    """
    if not isinstance(message, OutboundMessage):
        raise TypeError(f"expected an OutboundMessage, not {type(message).__name__}")
    if message.data is None and not capabilities.null_value:
        return ConfigError("this system has no null payload: publish b'' or leave the message out")
    if message.key is not None:
        if message.key == b"" and not capabilities.empty_key:
            return ConfigError("this system cannot tell an empty key from none: use key=None or a longer key")
        if capabilities.keys == "text" and not _is_text(message.key):
            return ConfigError("a key of this system must be UTF-8 text: encode it, for example as base64")
    if message.partition is not None and not capabilities.publish_partition:
        return NotSupported(
            f"this system chooses the partition itself and does not take partition={message.partition}: "
            "leave it out"
        )
    if message.publish_time is not None:
        refused = _time_refusal(message.publish_time, capabilities.publish_time)
        if refused is not None:
            return refused
    if message.attributes:
        return _attribute_refusal(message, capabilities)
    return None


def _time_refusal(moment: datetime, unit: TimeUnit | None) -> BrokerError | None:
    """Return why this system cannot keep a `publish_time`, or None."""
    if unit is None:
        return NotSupported(
            "this system stamps messages itself and does not take publish_time=: leave it out, or put the "
            "time into an attribute"
        )
    if unit == "milliseconds" and moment.microsecond % 1000:
        return ConfigError(
            f"publish_time {moment.isoformat()} has microseconds, and this system keeps milliseconds: round "
            "it, for example with t.replace(microsecond=t.microsecond // 1000 * 1000)"
        )
    return None


def _is_text(value: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _attribute_refusal(message: OutboundMessage, capabilities: Capabilities) -> BrokerError | None:
    """Return why this system cannot keep the attributes of a message, or None."""
    names = set()
    for name, value in message.attributes:
        kind = type_name(value)
        if kind not in capabilities.attribute_types:
            raise TypeError(
                f"attribute {name!r} is {type(value).__name__}, which this system does not carry: "
                f"expected {' or '.join(sorted(capabilities.attribute_types))}; encode it yourself"
            )
        wrong = unencodable(name) or (unencodable(value) if type(value) is str else None)
        if wrong is not None:
            return ConfigError(f"attribute {name!a:.60} has {wrong}: send bytes instead, or repair the text")
        if name in names and not capabilities.duplicate_attributes:
            return ConfigError(f"attribute {name!r} is there twice, and this system keeps only one")
        names.add(name)
    return None


class ConnectedTopic:
    """A topic to publish to. Making one does not ask the broker; the first publish does.

    Any thread may use it.
    """

    def __init__(self, publisher: ConnectedPublisher, name: str) -> None:
        self._publisher = publisher
        self._name = name

    @property
    def name(self) -> str:
        """The name of the topic."""
        return self._name

    def publish(self, message: OutboundMessage, *, timeout: float | None = None) -> PublishResult:
        """Publish one message, and wait until the broker confirmed it.

        Args:
            message: the message.
            timeout: seconds for everything, retries included. None is 30.

        Raises:
            BrokerError: the message was not confirmed.
            TypeError: the message has a value of a wrong type.
        """
        (result,) = self.publish_batch([message], timeout=timeout)
        if result.error is not None:
            raise result.error
        return result

    def publish_batch(
        self, messages: Sequence[OutboundMessage], *, timeout: float | None = None
    ) -> list[PublishResult]:
        """Publish messages, in order within each key, and wait for the outcome of each.

        Args:
            messages: the messages.
            timeout: seconds for everything, retries included. None is 30.

        Returns:
            One outcome per message, in order. A message that fails does not raise.

        Raises:
            TypeError: a message has a value of a wrong type. Nothing is sent then.
        """
        return self._publisher.send([(self._name, message) for message in messages], timeout=timeout)

    def __repr__(self) -> str:
        return f"<topic {self._name!r}>"


class ConnectedPublisher(Closable):
    """A publisher to any topic of a connection, for any thread.

    With a `transactional_id` everything is published inside `transaction()`. Closing the publisher finishes
    what is being published, and aborts an open transaction.

    Only the driver's thread calls `_driver` and writes `_in_transaction`. `_lock` guards `_waiting`, and with
    it `_closed` and `_closing`: what was added before closing began is still sent or fails, and nothing is
    added afterwards. `_lock` is not held while the driver is called or waited for.
    """

    _if_abandoned = "; messages still being published may or may not be stored"

    def __init__(
        self,
        driver: PublisherDriver,
        *,
        name: str,
        capabilities: Capabilities,
        translate: Callable[[BaseException], BrokerError],
        transactional: bool = False,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.transactional = transactional
        self._driver = driver
        self._translate = translate
        self._in_transaction = False
        self._closing: Deadline | None = None
        self._nonce = new_run()
        self._count = count()
        self._lock = threading.Lock()
        self._waiting: list[_Sending] = []
        self._owner = DriverThread(f"publisher to {name}", self._work)
        close_at_exit(self)

    def topic(self, name: str) -> ConnectedTopic:
        """Return a topic to publish to, without asking the broker. Raises ConfigError for a bad name."""
        return ConnectedTopic(self, check_name(name, "topic"))

    def send(self, batch: Sequence[Outgoing], *, timeout: float | None = None) -> list[PublishResult]:
        """Publish (topic, message) pairs, and wait for the outcome of each.

        Args:
            batch: the pairs.
            timeout: seconds for everything, retries included. None is 30.

        Returns:
            One outcome per pair, in order. A message that fails does not raise.

        Raises:
            Closed: the publisher is closed.
            ConfigError: the publisher is transactional and no transaction has begun.
            TypeError: a message has a value of a wrong type. Nothing is sent then.
        """
        self._owner.check_process()
        self._check_open()
        if self.transactional and not self._in_transaction:
            raise ConfigError(
                "this publisher is transactional: publish inside `with publisher.transaction():`"
            )
        given = check_seconds(timeout, "timeout")
        seconds = PUBLISH_SECONDS if given is None else given
        results: list[PublishResult | None] = [None] * len(batch)
        rows = []
        for row, (_, message) in enumerate(batch):
            refused = refusal(message, self.capabilities)
            if refused is None and self._above_limit(message):
                refused = TooLarge(
                    f"the payload has {len(message.data or b''):,} bytes; "
                    f"the limit here is {self.capabilities.max_message_bytes:,}"
                )
            if refused is not None:
                results[row] = PublishResult("failed", error=refused)
            else:
                rows.append(row)
        if rows:
            outcomes = self._sent(_Sending([self._named(batch[row]) for row in rows], Deadline(seconds)))
            for row, outcome in zip(rows, outcomes, strict=True):
                results[row] = outcome
        return [result for result in results if result is not None]

    def _check_open(self) -> None:
        """Raise Closed if the publisher is closed."""
        if self._closed:
            raise Closed(f"the publisher to {self.name} is closed")

    def _sent(self, sending: _Sending) -> list[PublishResult]:
        """Send messages, and return an outcome for each, also if the driver's thread gives none in time."""
        with self._lock:
            self._check_open()
            self._waiting.append(sending)
        self._owner.nudge()
        seconds = sending.deadline.seconds
        try:
            return sending.wait(sending.deadline.remaining() + ANSWER_SECONDS)
        except TimeoutError:
            error = Unavailable(f"the broker did not confirm it within {seconds:g} s")
            status: PublishStatus = "failed" if self._withdraw(sending) else "unknown"
            return [PublishResult(status, error=error) for _ in sending.batch]
        except BaseException:
            self._withdraw(sending)
            raise

    def _withdraw(self, sending: _Sending) -> bool:
        """Withdraw messages that were not sent yet. Return false if they are on their way."""
        with self._lock:
            if sending not in self._waiting:
                return False
            self._waiting.remove(sending)
            return True

    def _above_limit(self, message: OutboundMessage) -> bool:
        """Tell whether the payload is above the limit of the broker."""
        limit = self.capabilities.max_message_bytes
        return limit is not None and message.data is not None and len(message.data) > limit

    def _named(self, outgoing: Outgoing) -> Outgoing:
        """Return the message with a `dedup_id`, where the system uses them."""
        if not self.capabilities.dedup_ids:
            return outgoing
        topic, message = outgoing
        return topic, message.named(f"{self._nonce}-{next(self._count)}")

    # The driver's thread.

    def _work(self) -> float:
        """Send what waits, and sleep until woken."""
        self._drain()
        return float("inf")

    def _drain(self) -> None:
        """Send the messages of all waiting callers, together."""
        while True:
            with self._lock:
                sendings, self._waiting = self._waiting, []
            if not sendings:
                return
            deadline = max((each.deadline for each in sendings), key=Deadline.remaining)
            results = self._send([item for each in sendings for item in each.batch], deadline)
            begin = 0
            for each in sendings:
                each.finish(results[begin : begin + len(each.batch)])
                begin += len(each.batch)

    def _send(self, batch: Sequence[Outgoing], deadline: Deadline) -> list[PublishResult]:
        """Send messages in chunks. Return the outcomes."""
        results: list[PublishResult] = []
        for chunk in _chunks(batch, self.capabilities.max_batch):
            results.extend(self._send_chunk(chunk, deadline))
        return results

    def _send_chunk(self, chunk: Sequence[Outgoing], deadline: Deadline) -> list[PublishResult]:
        """Send one chunk, and send again what is worth it until the deadline. Return the outcomes."""
        since = time.monotonic()
        results = self._attempt(chunk, deadline)
        pause = FIRST_RETRY_SECONDS
        while rows := self._to_retry(chunk, results):
            if self._left(deadline) <= pause:
                break
            time.sleep(pause)
            pause = min(2 * pause, LAST_RETRY_SECONDS)
            rows, later = known_rows(
                chunk,
                results,
                rows,
                lambda: time.monotonic() - since,
                lambda topic: self._window(topic, deadline),
            )
            if not rows and not later:
                break
            again = self._attempt([chunk[row] for row in rows], deadline) if rows else []
            for row, result in zip(rows, again, strict=True):
                results[row] = after(results[row], result)
        return results

    def _window(self, topic: str, deadline: Deadline) -> float | None:
        """Return for how many seconds a topic remembers a `dedup_id`. None if that is not known now."""
        try:
            return self._driver.known_again(topic, max(0.1, min(WINDOW_SECONDS, self._left(deadline))))
        except Exception as error:
            # a topic that cannot be asked is not asked again
            return None if self._translate(error).retryable else 0.0

    def _left(self, deadline: Deadline) -> float:
        """Return the seconds left, which closing may shorten."""
        closing = self._closing
        left = deadline.remaining()
        return left if closing is None else min(left, closing.remaining())

    def _attempt(self, chunk: Sequence[Outgoing], deadline: Deadline) -> list[PublishResult]:
        """Send messages once. Return an outcome for each, also if the driver raises."""
        try:
            results = self._driver.send(chunk, max(0.1, self._left(deadline)))
            if len(results) != len(chunk):
                raise BrokerError(f"the driver gave {len(results)} outcomes for {len(chunk)} messages")
        except BaseException as error:
            problem = self._translate(error)
            return [PublishResult("unknown", error=problem) for _ in chunk]
        return [
            result if result.error is None else replace(result, error=self._translate(result.error))
            for result in results
        ]

    def _to_retry(self, chunk: Sequence[Outgoing], results: Sequence[PublishResult]) -> list[int]:
        """Return the rows worth another attempt.

        They have a retryable error, were surely not stored (or have a `dedup_id`), and no later message of
        their key or partition was stored, so that another attempt cannot change the order.
        """
        if all(result.ok for result in results):
            return []
        overtaken: set[tuple[str, bytes | int | None]] = set()
        rows = []
        for row in range(len(chunk) - 1, -1, -1):
            (topic, message), result = chunk[row], results[row]
            # with a partition given, the key does not matter: there is no order between partitions
            ordered = topic, message.key if message.partition is None else message.partition
            if result.ok:
                if ordered[1] is not None:
                    overtaken.add(ordered)
                continue
            error = result.error
            safe = result.status == "failed" or self.capabilities.dedup_ids
            if error is not None and error.retryable and safe and ordered not in overtaken:
                rows.append(row)
        return rows[::-1]

    # Transactions.

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun, and is not known to be committed or aborted."""
        return self._in_transaction

    def begin(self) -> None:
        """Begin a transaction.

        Raises:
            ConfigError: a transaction has begun already.
            NotSupported: the publisher has no transactional id.
        """
        self._require_transactional()
        if self._in_transaction:
            raise ConfigError("a transaction has begun already: commit or abort it first")
        self._call(self._driver.begin, PUBLISH_SECONDS, begun=True)

    def commit(self, *, timeout: float | None = None) -> None:
        """Commit the transaction: make everything since `begin` visible together.

        Args:
            timeout: seconds to wait for the confirmation. None is 30.

        Raises:
            ConfigError: no transaction has begun.
            NotSupported: the publisher has no transactional id.
            BrokerError: the transaction was not confirmed. It may still be open; see `in_transaction`.
        """
        self._end(self._driver.commit, timeout)

    def abort(self, *, timeout: float | None = None) -> None:
        """Abort the transaction: nothing since `begin` becomes visible.

        Takes the same `timeout` as `commit`, and raises the same errors.
        """
        self._end(self._driver.abort, timeout)

    def _end(self, how: Callable[[float], None], timeout: float | None) -> None:
        """End the open transaction with `how`."""
        self._require_transactional()
        if not self._in_transaction:
            raise ConfigError("no transaction has begun: call begin(), or use `with ...transaction():`")
        seconds = check_seconds(timeout, "timeout")
        self._call(how, PUBLISH_SECONDS if seconds is None else seconds, begun=False)

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """Return a context manager that commits when the block ends normally, and aborts when it raises."""
        self.begin()
        try:
            yield self
        except BaseException as error:
            self._abort_after(error)
            raise
        try:
            self.commit()
        except BrokerError as error:
            if self._in_transaction:
                self._abort_after(error)
            raise

    def _abort_after(self, error: BaseException) -> None:
        """Abort after an error, and add a note to it if that fails too."""
        try:
            self.abort()
        except BrokerError as failure:
            error.add_note(f"aborting the transaction failed too: {failure}")

    def _require_transactional(self) -> None:
        """Raise NotSupported if the publisher has no transactional id."""
        if not self.transactional:
            raise NotSupported(
                "this publisher has no transactions: "
                + (
                    "open it with publisher(transactional_id=...)"
                    if self.capabilities.transactions
                    else "the system does not offer them; publish_batch reports each message's outcome"
                )
            )

    def _call(self, work: Callable[[float], None], seconds: float, *, begun: bool) -> None:
        """Make a call about transactions on the driver's thread, and wait for it."""

        def asked() -> None:
            try:
                work(seconds)
            except Exception as error:
                problem = self._translate(error)
                raise problem from problem.__cause__
            # set on this thread, so that it is right even if the caller was interrupted
            self._in_transaction = begun

        self._owner.call(asked, timeout=seconds + ANSWER_SECONDS)

    def begin_close(self, timeout: float) -> None:
        """Start to finish what is being published, abort an open transaction, and leave."""
        self._owner.check_process()
        with self._lock:
            self._closed = True
            # keep the rest of the time for leaving
            self._closing = self._closing or Deadline(0.75 * timeout)
        super().begin_close(timeout)

    def finish_close(self, deadline: Deadline) -> None:
        """Wait until it has closed. Messages that were not sent by the deadline fail."""
        super().finish_close(deadline)
        with self._lock:
            left, self._waiting = self._waiting, []
        for sending in left:
            sending.fail(Closed(f"the publisher to {self.name} was closed before this was sent"))

    def _leave(self, timeout: float) -> None:
        deadline = Deadline(timeout)
        try:
            self._drain()
            if self._in_transaction:
                self._driver.abort(max(0.1, deadline.remaining()))
        finally:
            self._driver.close(max(0.1, deadline.remaining()))


class _Sending(Task[list[PublishResult]]):
    """The messages of one caller on their way.

    The driver's thread calls `finish` or closing calls `fail`; the caller waits.
    """

    def __init__(self, batch: Sequence[Outgoing], deadline: Deadline) -> None:
        super().__init__(lambda: [])
        self.batch = batch
        self.deadline = deadline

    def finish(self, results: list[PublishResult]) -> None:
        """Set the outcomes."""
        self._work = lambda: results
        self.run()


def _chunks(batch: Sequence[Outgoing], max_batch: int | None) -> Iterator[Sequence[Outgoing]]:
    """Split a batch by the number of messages and by their bytes."""
    most = min(CHUNK_MESSAGES, max_batch or CHUNK_MESSAGES)
    begin, size = 0, 0
    for row, (_, message) in enumerate(batch):
        length = len(message.data or b"")
        if row > begin and (row - begin >= most or size + length > CHUNK_BYTES):
            yield batch[begin:row]
            begin, size = row, 0
        size += length
    if begin < len(batch):
        yield batch[begin:]
