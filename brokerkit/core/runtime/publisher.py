"""The portable half of publishing: publishers and topics for any thread, with outcomes and transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Self

from ..contract.at_exit import close_at_exit
from ..contract.garbage_collection import uncollected
from ..contract.publisher import PublisherDriver
from ..vocabulary.arguments import check_name, check_seconds
from ..vocabulary.cancellation import Deadline
from ..vocabulary.capabilities import Capabilities
from ..vocabulary.errors import BrokerError, Closed, ConfigError, NotSupported, TooLarge, Unavailable
from ..vocabulary.freed import freed
from ..vocabulary.messages import OutboundMessage, new_run
from ..vocabulary.results import PublishResult, PublishStatus
from ..vocabulary.settled_offsets import SettledOffsets
from .closing import Closable
from .driver_thread import DriverThread, Task
from .refusal import refusal
from .sending import Outgoing, Sender

PUBLISH_SECONDS = 30.0
GRACE_SECONDS = 5.0
"""How much longer than its timeout a driver may take to return the outcomes."""


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
            message: The message.
            timeout: Seconds for everything, retries included. None is 30.

        Raises:
            BrokerError: The message was not confirmed.
            TypeError: The message has a value of a wrong type.
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
            messages: The messages.
            timeout: Seconds for everything, retries included. None is 30.

        Returns:
            One outcome per message, in order. A message that fails does not raise.

        Raises:
            TypeError: A message has a value of a wrong type. Nothing is sent then.
        """
        return self._publisher.send([(self._name, message) for message in messages], timeout=timeout)

    def __repr__(self) -> str:
        return f"<topic {self._name!r}>"


class ConnectedPublisher(Closable):
    """A publisher to any topic of a connection, for any thread.

    With a `transactional_id` everything is published inside `transaction()`. Closing the publisher finishes
    what is being published, and aborts an open transaction.

    Only the driver's thread calls `_driver` and writes `_in_transaction`. `_lock` guards `_waiting`, and with
    it `_closed` and `Sender.closing`: what was added before closing began is still sent or fails, and nothing
    is added afterwards. `_lock` is not held while the driver is called or waited for.
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
        self._sender = Sender(driver, translate)
        self._nonce = new_run()
        self._count = count()
        self._lock = threading.RLock()
        self._waiting: list[_Sending] = []
        self._driver_thread = DriverThread(f"publisher to {name}", self._work)
        close_at_exit(self)

    def topic(self, name: str) -> ConnectedTopic:
        """Return a topic to publish to, without asking the broker. Raises ConfigError for a bad name."""
        return ConnectedTopic(self, check_name(name, "topic"))

    def send(self, batch: Sequence[Outgoing], *, timeout: float | None = None) -> list[PublishResult]:
        """Publish (topic, message) pairs, and wait for the outcome of each.

        Args:
            batch: The pairs.
            timeout: Seconds for everything, retries included. None is 30.

        Returns:
            One outcome per pair, in order. A message that fails does not raise.

        Raises:
            Closed: The publisher is closed.
            ConfigError: The publisher is transactional and no transaction has begun.
            TypeError: A message has a value of a wrong type. Nothing is sent then.
        """
        self._driver_thread.check_process()
        self._check_open()
        if self.transactional and not self._in_transaction:
            raise ConfigError(
                "this publisher is transactional: publish inside `with publisher.transaction():`"
            )
        given = check_seconds(timeout, "timeout")
        seconds = PUBLISH_SECONDS if given is None else given
        results, rows, named = uncollected(self._checked, batch)
        if rows:
            outcomes = self._sent(_Sending(named, Deadline(seconds)))
            for row, outcome in zip(rows, outcomes, strict=True):
                results[row] = outcome
        return [result for result in results if result is not None]

    def _checked(
        self, batch: Sequence[tuple[str, OutboundMessage]]
    ) -> tuple[list[PublishResult | None], list[int], list[tuple[str, OutboundMessage]]]:
        """Return the outcomes of messages that are refused, and the rows and messages to send."""
        results: list[PublishResult | None] = [None] * len(batch)
        rows: list[int] = []
        named: list[tuple[str, OutboundMessage]] = []
        for row, outgoing in enumerate(batch):
            refused = self._refusal(outgoing[1])
            if refused is not None:
                results[row] = PublishResult("failed", error=refused)
            else:
                rows.append(row)
                named.append(self._named(outgoing))
        return results, rows, named

    def _check_open(self) -> None:
        """Raise Closed if the publisher is closed."""
        if self._closed:
            raise Closed(f"the publisher to {self.name} is closed")

    def _sent(self, sending: _Sending) -> list[PublishResult]:
        """Send messages, and return an outcome for each, also if the driver's thread gives none in time."""
        with freed(self._lock), self._lock:
            self._check_open()
            self._waiting.append(sending)
        self._driver_thread.wake()
        seconds = sending.deadline.seconds
        try:
            return sending.wait(sending.deadline.remaining() + GRACE_SECONDS)
        except TimeoutError:
            error = Unavailable(f"the broker did not confirm it within {seconds:g} s")
            status: PublishStatus = "failed" if self._withdraw(sending) else "unknown"
            return [PublishResult(status, error=error) for _ in sending.batch]
        except BaseException:
            self._withdraw(sending)
            raise

    def _withdraw(self, sending: _Sending) -> bool:
        """Withdraw messages that were not sent yet. Return false if they are on their way."""
        with freed(self._lock), self._lock:
            if sending not in self._waiting:
                return False
            self._waiting.remove(sending)
            return True

    def _refusal(self, message: OutboundMessage) -> BrokerError | None:
        """Return why the broker cannot store the message as it is, or None."""
        refused = refusal(message, self.capabilities)
        limit = self.capabilities.max_message_bytes
        if refused is not None or limit is None or message.data is None or len(message.data) <= limit:
            return refused
        return TooLarge(f"the payload has {len(message.data):,} bytes; the limit here is {limit:,}")

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
            with freed(self._lock), self._lock:
                sendings, self._waiting = self._waiting, []
            if not sendings:
                return
            deadline = max((each.deadline for each in sendings), key=Deadline.remaining)
            results = self._sender.send(
                [item for each in sendings for item in each.batch], deadline, self.capabilities
            )
            begin = 0
            for each in sendings:
                each.finish(results[begin : begin + len(each.batch)])
                begin += len(each.batch)

    # Transactions.

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun, and is not known to be committed or aborted."""
        return self._in_transaction

    def begin(self) -> None:
        """Begin a transaction.

        Raises:
            ConfigError: A transaction has begun already.
            NotSupported: The publisher has no transactional id.
        """
        self._require_transactional()
        if self._in_transaction:
            raise ConfigError("a transaction has begun already: commit or abort it first")
        self._call(self._driver.begin, PUBLISH_SECONDS, begun=True)

    def commit(self, *, timeout: float | None = None) -> None:
        """Commit the transaction: make everything since `begin` visible together.

        Args:
            timeout: Seconds to wait for the confirmation. None is 30.

        Raises:
            ConfigError: No transaction has begun.
            NotSupported: The publisher has no transactional id.
            BrokerError: The transaction was not confirmed. It may still be open; see `in_transaction`.
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

    def send_positions(
        self, topic: str, subscription: str, settled: Mapping[int | None, SettledOffsets]
    ) -> None:
        """Make the positions of a subscription in a topic part of the open transaction.

        Raises:
            ConfigError: No transaction has begun.
            NotSupported: The publisher has no transactional id, or the system cannot do it.
            BrokerError: They are not part of it: abort it.
        """
        self._require_transactional()
        if not self._in_transaction:
            raise ConfigError("no transaction has begun: call begin(), or use `with ...transaction():`")
        driver = self._driver
        self._call(
            lambda seconds: driver.send_positions(topic, subscription, settled, seconds),
            PUBLISH_SECONDS,
            begun=True,
        )

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

        self._driver_thread.call(asked, timeout=seconds + GRACE_SECONDS)

    def begin_close(self, timeout: float) -> None:
        """Start to finish what is being published, abort an open transaction, and leave."""
        self._driver_thread.check_process()
        with freed(self._lock), self._lock:
            self._closed = True
            # keep the rest of the time for leaving
            self._sender.closing = self._sender.closing or Deadline(0.75 * timeout)
        super().begin_close(timeout)

    def finish_close(self, deadline: Deadline) -> None:
        """Wait until it has closed. Messages that were not sent by the deadline fail."""
        super().finish_close(deadline)
        with freed(self._lock), self._lock:
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
