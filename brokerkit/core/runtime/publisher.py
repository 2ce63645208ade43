"""The portable half of publishing: publishers for any thread, with outcomes and transactions."""

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
from ..vocabulary.errors import BrokerError, Closed, ConfigError, NotSupported, Unavailable
from ..vocabulary.freed import freed
from ..vocabulary.messages import OutboundMessage, new_run
from ..vocabulary.outbound_rows import TopicRows
from ..vocabulary.outcomes import Outcomes
from ..vocabulary.results import PublishInterrupted, PublishResult, PublishStatus
from ..vocabulary.settled_offsets import SettledOffsets
from .closing import Closable
from .driver_thread import DriverThread
from .publishing_topic import ConnectedTopic
from .refusal import refusal, rows_refused, size_refusal
from .sending import Outgoing, Sender, Sending, most_messages

PUBLISH_SECONDS = 30.0
ARRIVING_SECONDS = 0.2
"""How long an interrupt waits for the outcomes of what is on its way."""
NOT_BEGUN = "not sent: it was interrupted before that"
ON_ITS_WAY = "interrupted while it was being published"
GRACE_SECONDS = 5.0
"""How much longer than its timeout a driver may take to return the outcomes."""


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
        self._waiting: list[Sending] = []
        self._driver_thread = DriverThread(f"publisher to {name}", self._work)
        close_at_exit(self)

    def topic(self, name: str) -> ConnectedTopic:
        """Return a topic to publish to, without asking the broker. Raises ConfigError for a bad name."""
        return ConnectedTopic(self, check_name(name, "topic"))

    @property
    def most_messages(self) -> int:
        """How many messages are sent at once."""
        return most_messages(self._driver, self.capabilities)

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
        seconds = self._ready(timeout)
        results, rows, named = uncollected(self._checked, batch)
        if len(rows) == len(batch):
            return [*self._sent(Sending(named, Deadline(seconds)))]
        return self._with_refused(named, rows, results, seconds)

    def send_rows(self, batch: TopicRows, *, timeout: float | None = None) -> Sequence[PublishResult]:
        """Publish rows like `send`. A row that cannot be sent fails alone."""
        seconds = self._ready(timeout)
        limit = self.capabilities.max_message_bytes
        refused = uncollected(rows_refused, batch.rows, self.capabilities, limit)
        if not refused:
            return self._sent(Sending(batch, Deadline(seconds)))
        rows = [row for row in range(len(batch)) if row not in refused]
        named = TopicRows(batch.topic, batch.rows.take(rows))
        results: list[PublishResult | None] = [None] * len(batch)
        for row, error in refused.items():
            results[row] = PublishResult("failed", error=error)
        return self._with_refused(named, rows, results, seconds)

    def _ready(self, timeout: float | None) -> float:
        """Return the seconds that publishing may take, if it may begin now."""
        self._driver_thread.check_process()
        self._check_open()
        if self.transactional and not self._in_transaction:
            raise ConfigError(
                "this publisher is transactional: publish inside `with publisher.transaction():`"
            )
        given = check_seconds(timeout, "timeout")
        return PUBLISH_SECONDS if given is None else given

    def _with_refused(
        self,
        named: Sequence[Outgoing],
        rows: Sequence[int],
        results: list[PublishResult | None],
        seconds: float,
    ) -> list[PublishResult]:
        """Send these rows, and return their outcomes among those of the others."""

        def filled(outcomes: Sequence[PublishResult]) -> list[PublishResult]:
            for row, outcome in zip(rows, outcomes, strict=True):
                results[row] = outcome
            return [result for result in results if result is not None]

        if not rows:
            return filled([])
        try:
            return filled(self._sent(Sending(named, Deadline(seconds))))
        except PublishInterrupted as interrupt:
            interrupt.results = filled(interrupt.results)
            raise
        except KeyboardInterrupt as interrupt:
            doubtful = PublishResult("unknown", error=BrokerError(ON_ITS_WAY))
            raise PublishInterrupted(filled([doubtful] * len(rows))) from interrupt

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

    def _sent(self, sending: Sending) -> Sequence[PublishResult]:
        """Send messages, and return an outcome for each, also if the driver's thread gives none in time."""
        if not sending.batch:
            return []
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
        except KeyboardInterrupt as interrupt:
            results = self._after_interrupt(sending)
            if results is None:
                raise
            raise PublishInterrupted(results) from interrupt
        except BaseException:
            self._withdraw(sending)
            raise

    def _after_interrupt(self, sending: Sending) -> Sequence[PublishResult] | None:
        """Return the outcomes if they are known soon; None if messages are still on their way then."""
        if self._withdraw(sending):
            unsent = PublishResult("failed", error=BrokerError(NOT_BEGUN, retryable=True))
            return Outcomes([None] * len(sending.batch), dict.fromkeys(range(len(sending.batch)), unsent))
        try:
            return sending.wait(ARRIVING_SECONDS)
        except TimeoutError:
            return None

    def _withdraw(self, sending: Sending) -> bool:
        """Withdraw messages that were not sent yet. Return false if they are on their way."""
        with freed(self._lock), self._lock:
            if sending not in self._waiting:
                return False
            self._waiting.remove(sending)
            return True

    def _refusal(self, message: OutboundMessage) -> BrokerError | None:
        """Return why the broker cannot store the message as it is, or None."""
        return refusal(message, self.capabilities) or size_refusal(
            message.data, self.capabilities.max_message_bytes
        )

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
            together = (
                sendings[0].batch
                if len(sendings) == 1
                else [item for each in sendings for item in each.batch]
            )
            results = self._sender.send(together, deadline, self.capabilities)
            if len(sendings) == 1:
                sendings[0].finish(results)
                continue
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
