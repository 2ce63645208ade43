"""An open connection to one broker, for programs without a notebook."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from ..contract.at_exit import close_at_exit
from ..contract.consumer import ConsumerRequest, MessageDriver, RecordDriver, SubscriptionRequest
from ..contract.driver import Driver
from ..contract.error_table import translated
from ..vocabulary.address import Address
from ..vocabulary.arguments import check_name, check_seconds
from ..vocabulary.cancellation import Deadline
from ..vocabulary.capabilities import Capabilities, Model
from ..vocabulary.errors import BrokerError, Closed, ConfigError, NotSupported
from ..vocabulary.freed import freed
from ..vocabulary.positions import Earliest, Position, parse
from . import registry
from .closing import Closable
from .driver_thread import DriverThread
from .message_consumer import MessageConsumer
from .parts import ADMIN_SECONDS, ConnectionParts
from .publisher import ConnectedPublisher
from .record_consumer import RecordConsumer
from .subscribing import Subscribing

CONNECT_SECONDS = 10.0

T = TypeVar("T")


def connect(target: str | None = None, *, timeout: float = CONNECT_SECONDS, **options: Any) -> Connection:
    """Open a connection, with one round trip to the broker.

    Args:
        target: A URL such as ``kafka://localhost:9092``, an Azure connection string, the name of a saved
            connection, or None for the environment variable BROKERKIT_URL.
        timeout: Seconds to wait for the broker.
        options: Options of the backend. They override the query of the URL.

    Raises:
        ConfigError: The target or an option cannot be used.
        Unauthorized: The broker refused the credentials.
        Unavailable: The broker did not answer.
    """
    return Connection(registry.address_of(target, options), timeout=timeout)


class Connection(ConnectionParts):
    """An open connection to one broker. Closing it closes the publishers, consumers and inspector it made.

    Any thread may use it. Only the driver's thread calls `_driver`, except for `Driver.translate` and
    `Driver.native`. `_driver` is set once, before the connection can be used. `_lock` guards `_children`, and
    with it `_closed`: what is made while the connection closes is closed either by it or by `_adopt`.
    `_making` is taken before `_lock`, and held while a part such as the inspector is made.

    Attributes:
        address: Where the broker is.
        name: The address as text, without secrets.
        capabilities: What the system can do.
        read_only: Whether everything that would change the broker is refused, with NotSupported.
    """

    def __init__(self, address: Address, *, timeout: float = CONNECT_SECONDS) -> None:
        self.address = address
        self.name = str(address)
        self.read_only = address.marks.read_only
        self._secrets = address.secrets
        backend = registry.backend(address.scheme)
        self._lock = threading.RLock()
        super().__init__()
        self._children: weakref.WeakSet[Closable] = weakref.WeakSet()
        self._driver: Driver | None = None
        self._driver_thread = DriverThread(f"connection to {self.name}")
        opened: list[Driver] = []
        try:
            self._ask(lambda: opened.append(registry.open_driver(backend, address, timeout)), timeout + 1.0)
        except BaseException:
            # a driver that is still being opened is closed when it comes
            self._driver_thread.shutdown(lambda: _close_all(opened))
            raise
        (self._driver,) = opened
        self.capabilities: Capabilities = self._driver.capabilities
        close_at_exit(self)

    def translate(self, error: BaseException) -> BrokerError:
        """Return any exception of the driver as a `BrokerError` without secrets. Raises nothing."""
        return self._secrets.clear(error if isinstance(error, BrokerError) else self._translated(error))

    def _translated(self, error: BaseException) -> BrokerError:
        """Return an exception as a `BrokerError`, also before there is a driver."""
        if self._driver is not None:
            # a translation that fails must not hide the error or end a thread
            with contextlib.suppress(Exception):
                return translated(error, self._driver.translate)
        made = BrokerError(f"{type(error).__name__}: {error}")
        made.__cause__ = error
        return made

    def _ask(self, question: Callable[[], T], timeout: float) -> T:
        """Make a call on the driver's thread, and wait for it. Raise its error without secrets."""

        def asked() -> tuple[T | None, BrokerError | None]:
            try:
                return question(), None
            except Exception as error:
                return None, self.translate(error)

        # raised on this thread, so that no unmasked exception becomes its context
        answer, problem = self._driver_thread.call(asked, timeout=timeout)
        if problem is not None:
            raise problem
        return answer  # type: ignore[return-value]  # the question's own

    @property
    def driver(self) -> Driver:
        """The driver underneath. Raises Closed if the connection is closed."""
        self._driver_thread.check_process()
        if self._closed or self._driver is None:
            raise Closed(f"the connection to {self.name} was closed; connect again")
        return self._driver

    @property
    def native(self) -> Any:
        """The client library's own object, for what only this system has.

        Raises:
            NotSupported: The connection is read-only.
        """
        self.refuse_if_read_only("the client library's own object can change the broker")
        return self.driver.native

    def refuse_if_read_only(self, why: str) -> None:
        """Raise NotSupported, with the reason `why`, if no change is allowed, and Closed if closed."""
        self._driver_thread.check_process()
        if self._closed:
            raise Closed(f"the connection to {self.name} was closed; connect again")
        refused = self.address.marks.refusal()
        if refused is not None:
            raise NotSupported(f"{refused}: {why}")

    def ping(self, timeout: float = CONNECT_SECONDS) -> None:
        """Make one round trip to the broker."""
        driver = self.driver
        self._ask(lambda: driver.ping(timeout), timeout + 1.0)

    def consumer(
        self,
        topic: str,
        subscription: str | None = None,
        *,
        model: Model | None = None,
        start: Any = None,
        hold: float | None = 600.0,
        connect_timeout: float | None = 15.0,
        batch_size: int | None = None,
        **options: Any,
    ) -> MessageConsumer | RecordConsumer:
        """Return a consumer of one subscription that is not attached yet.

        Args:
            topic: The topic to read.
            subscription: The name of the subscription (group, durable consumer), where the system has one.
            model: ``"message"`` or ``"record"``. None for the first that the system has.
            start: Where a subscription begins that does not exist yet; see `Consumer.earlier` for a time.
                None if it must exist.
            hold: Seconds for which messages stay reserved after they were received. None for no limit.
            connect_timeout: Seconds that attaching may take. None for no limit.
            batch_size: About how many messages are wanted at once, for systems that send them in batches.
            options: Options of the backend.

        Raises:
            ConfigError: A name, position or option cannot be used, or `subscription` is missing.
            NotSupported: The connection is read-only, or the system does not have this model.
        """
        self.refuse_if_read_only("consuming takes messages from others: use peek or scan")
        driver = self.driver
        check_seconds(hold, "hold")
        check_seconds(connect_timeout, "connect_timeout")
        check_name(topic, "topic")
        chosen = self.model_for(model)
        capabilities = self.capabilities.of(chosen)
        if subscription is not None:
            check_name(subscription, "subscription")
        elif capabilities.subscription_required:
            raise ConfigError("this system needs subscription= (a group, consumer or subscription name)")
        begin = None if start is None else self._begin(topic, start)
        request = ConsumerRequest(topic, subscription, chosen, begin, options, batch_size)
        made = self._ask(lambda: driver.consumer(request), ADMIN_SECONDS)
        shared: dict[str, Any] = {
            "subscribing": Subscribing(made, request, self.capabilities.models[0], self.translate),
            "name": topic if subscription is None else f"{topic!r} as {subscription!r}",
            "capabilities": capabilities,
            "translate": self.translate,
            "hold": hold,
            "connect_timeout": connect_timeout,
        }
        consumer: MessageConsumer | RecordConsumer
        if isinstance(made, RecordDriver):
            consumer = RecordConsumer(made, **shared)
        else:
            assert isinstance(made, MessageDriver)
            consumer = MessageConsumer(made, **shared)
        self._adopt(consumer)
        return consumer

    def _begin(self, topic: str, start: Any) -> Position:
        """Return where a subscription begins. Negative offsets count messages where these can be read."""
        position = parse(start)
        return (
            self.inspector().begin_of(topic, position)
            if self.capabilities.slices == "repeatable"
            else position
        )

    def _adopt(self, child: Closable) -> None:
        """Close `child` with the connection. If that is closed, close `child` now and raise Closed."""
        with freed(self._lock), self._lock:
            if not self._closed:
                self._children.add(child)
                return
        child.close()
        raise Closed(f"the connection to {self.name} was closed; connect again")

    def model_for(self, model: Model | None) -> Model:
        """Return the model of a consumer. None asks for the first that the system has.

        Raises:
            ConfigError: It is not the name of a model.
            NotSupported: The system does not have this model.
        """
        return self.capabilities.chosen(model, self.address.scheme)

    def publisher(self, *, transactional_id: str | None = None) -> ConnectedPublisher:
        """Return a publisher. The caller closes it, or it is closed with the connection.

        Args:
            transactional_id: Names a transactional publisher across restarts, where the system has
                transactions.

        Raises:
            NotSupported: The connection is read-only, or the system has no transactions.
        """
        self.refuse_if_read_only("it publishes nothing")
        driver = self.driver
        if transactional_id is not None:
            if not self.capabilities.transactions:
                raise NotSupported(
                    f"{self.address.scheme} has no transactions; publish_batch reports each message's outcome"
                )
            check_name(transactional_id, "transaction's")
        publisher = ConnectedPublisher(
            self._ask(lambda: driver.publisher(transactional_id=transactional_id), ADMIN_SECONDS),
            name=self.name,
            capabilities=self.capabilities,
            translate=self.translate,
            transactional=transactional_id is not None,
        )
        self._adopt(publisher)
        return publisher

    def create_topic(self, topic: str, *, timeout: float = ADMIN_SECONDS, **options: Any) -> None:
        """Create a topic.

        Args:
            topic: The name of the topic.
            timeout: Seconds to wait for the broker.
            options: Options of the backend, such as ``partitions=3``.

        Raises:
            AlreadyExists: There is a topic of that name.
            ConfigError: The name or an option cannot be used.
            NotSupported: The connection is read-only, or the system cannot do it.
        """
        self.refuse_if_read_only("it creates nothing")
        driver, name = self.driver, check_name(topic, "topic")
        self._ask(lambda: driver.create_topic(name, options=options, timeout=timeout), timeout + 1.0)

    def delete_topic(self, topic: str, *, timeout: float = ADMIN_SECONDS) -> None:
        """Delete a topic with all its messages.

        Raises:
            NotFound: The topic does not exist.
            NotSupported: The connection is read-only, or the system cannot do it.
        """
        self.refuse_if_read_only("it deletes nothing")
        driver, name = self.driver, check_name(topic, "topic")
        self._ask(lambda: driver.delete_topic(name, timeout=timeout), timeout + 1.0)

    def create_subscription(
        self,
        topic: str,
        subscription: str,
        *,
        start: Any = "latest",
        model: Model | None = None,
        timeout: float = ADMIN_SECONDS,
        **options: Any,
    ) -> None:
        """Create a subscription (group, durable consumer).

        Args:
            topic: The topic that it reads.
            subscription: Its name.
            start: Where it begins.
            model: ``"message"`` or ``"record"``, for its consumers. None for the first that the system has.
            timeout: Seconds to wait for the broker.
            options: Options of the backend.

        Raises:
            AlreadyExists: There is a subscription of that name.
            ConfigError: A name, position or option cannot be used.
            NotFound: The topic does not exist.
            NotSupported: The connection is read-only, or the system cannot do it.
        """
        self.refuse_if_read_only("it creates nothing")
        driver = self.driver
        check_name(topic, "topic")
        check_name(subscription, "subscription")
        chosen = self.model_for(model)
        begin = self._begin(topic, Earliest() if start is None else start)
        request = SubscriptionRequest(topic, subscription, chosen, begin, options)
        self._ask(lambda: driver.create_subscription(request, timeout=timeout), timeout + 1.0)
        if self.capabilities.slices == "repeatable":
            self.inspector().note_if_after_the_end(topic, begin)

    def begin_close(self, timeout: float) -> None:
        """Start to close all consumers, publishers and the inspector, and then the client."""
        with freed(self._lock), self._lock:
            self._closed = True
        for child in self._made():
            child.begin_close(timeout)
        super().begin_close(timeout)

    def _made(self) -> list[Closable]:
        with freed(self._lock), self._lock:
            return [*self._children]

    def finish_close(self, deadline: Deadline) -> None:
        """Wait until all have closed. Warn about each that has not when the deadline passed."""
        super().finish_close(deadline)
        for child in self._made():
            child.finish_close(deadline)

    def _leave(self, timeout: float) -> None:
        deadline = Deadline(0.75 * timeout)
        for child in self._made():
            child.wait_closed(deadline)
        if self._driver is not None:
            self._driver.close(max(0.25 * timeout, deadline.remaining()))


def _close_all(drivers: list[Driver]) -> None:
    """Close drivers that were opened too late."""
    for driver in drivers:
        driver.close(1.0)
