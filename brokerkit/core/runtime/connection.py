"""An open connection to one broker: the core without a notebook."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from ..contract.at_exit import close_at_exit
from ..contract.driver import (
    Backend,
    ConsumerRequest,
    Driver,
    MessageDriver,
    RecordDriver,
    SubscriptionRequest,
    translated,
)
from ..vocabulary.address import Address, resolve
from ..vocabulary.arguments import check_name, check_seconds
from ..vocabulary.cancellation import Deadline
from ..vocabulary.capabilities import Capabilities, Model
from ..vocabulary.errors import BrokerError, Closed, ConfigError, NotSupported
from ..vocabulary.positions import Earliest, Position, parse
from . import registry
from .closing import Closable
from .driver_thread import DriverThread
from .inspector import ConnectedInspector
from .message_consumer import MessageConsumer
from .publisher import ConnectedPublisher
from .record_consumer import RecordConsumer

CONNECT_SECONDS = 10.0
ADMIN_SECONDS = 30.0

T = TypeVar("T")


def connect(target: str | None = None, *, timeout: float = CONNECT_SECONDS, **options: Any) -> Connection:
    """Open a connection: one round trip to the broker.

    target: a URL such as ``kafka://localhost:9092``, an Azure connection string, a saved name, or
    None for the environment variable BROKERKIT_URL. options: override the URL's query.
    Raises ConfigError, Unauthorized or Unavailable.
    """
    return Connection(resolve(target, options), timeout=timeout)


class Connection(Closable):
    """One broker. It owns every publisher, browser and consumer that it made, and closes them.

    capabilities: what the system can do. native: the client library's own object. read_only: whether
    everything that would change the broker is refused, with NotSupported.
    """

    def __init__(self, address: Address, *, timeout: float = CONNECT_SECONDS) -> None:
        self.address = address
        self.name = str(address)
        self.read_only = address.marks.read_only
        self._secrets = address.secrets
        backend = registry.backend(address.scheme)
        self._lock = threading.RLock()
        self._asking_for_browser = threading.Lock()
        self._browser: ConnectedInspector | None = None
        self._children: weakref.WeakSet[Closable] = weakref.WeakSet()
        self._driver: Driver | None = None
        self._owner = DriverThread(f"connection to {self.name}")
        opened: list[Driver] = []
        try:
            self._ask(lambda: opened.append(_open(backend, address, timeout)), timeout + 1.0)
        except BaseException:
            # what is still being opened is closed when it comes
            self._owner.end(lambda: _close_all(opened))
            raise
        (self._driver,) = opened
        self.capabilities: Capabilities = self._driver.capabilities
        close_at_exit(self)

    def translate(self, error: BaseException) -> BrokerError:
        """Any exception of the driver as one of our tree, without secrets."""
        return self._secrets.clear(error if isinstance(error, BrokerError) else self._translated(error))

    def _translated(self, error: BaseException) -> BrokerError:
        if self._driver is not None:
            # a translation that fails must neither hide the error nor end a thread
            with contextlib.suppress(Exception):
                return translated(self._driver, error)
        made = BrokerError(f"{type(error).__name__}: {error}")
        made.__cause__ = error
        return made

    def _ask(self, question: Callable[[], T], timeout: float) -> T:
        def asked() -> tuple[T | None, BrokerError | None]:
            try:
                return question(), None
            except Exception as error:
                return None, self.translate(error)

        # raised here, where no unmasked exception becomes its context
        answer, problem = self._owner.call(asked, timeout=timeout)
        if problem is not None:
            raise problem
        return answer  # type: ignore[return-value]  # the question's own

    @property
    def driver(self) -> Driver:
        self._owner.check_process()
        if self._closed or self._driver is None:
            raise Closed(f"the connection to {self.name} is closed")
        return self._driver

    @property
    def native(self) -> Any:
        """The client library's own object, for what only this system has."""
        self.refuse_if_read_only("the client library's own object can change the broker")
        return self.driver.native

    def refuse_if_read_only(self, why: str) -> None:
        """Raise Closed if it is closed, and NotSupported if it is read-only."""
        self._owner.check_process()
        if self._closed:
            raise Closed(f"the connection to {self.name} is closed")
        if self.read_only:
            raise NotSupported(f"this session is read-only (read_only=True): {why}")

    def ping(self, timeout: float = CONNECT_SECONDS) -> None:
        """One round trip to the broker."""
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
        """A consumer of one subscription, not attached yet.

        model: `message` or `record`, where the system has both; else its only one.
        start: where a subscription that does not exist begins; without it a missing one is NotFound.
        hold: seconds for which messages are kept ours; None: until they are settled.
        batch_size: about how many messages are wanted at once, for systems that take them by the batch.
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
        """Where a subscription is to begin; negative offsets count messages where they can be read."""
        position = parse(start)
        return (
            self.inspector().begin_of(topic, position)
            if self.capabilities.slices == "repeatable"
            else position
        )

    def _adopt(self, child: Closable) -> None:
        with self._lock:
            if not self._closed:
                self._children.add(child)
                return
        child.close()
        raise Closed(f"the connection to {self.name} is closed")

    def model_for(self, model: Model | None) -> Model:
        """What a consumer yields that is asked to be of a model; None asks for the system's first.

        Raises NotSupported for a model that the system has not, ConfigError for what is none.
        """
        models = self.capabilities.models
        if model is None:
            return models[0]
        if model not in ("message", "record"):
            raise ConfigError(f'model must be "message" or "record", not {model!r}')
        if model not in models:
            raise NotSupported(
                f"{self.address.scheme} has no {model} model; the nearest is model={models[0]!r}"
            )
        return model

    def publisher(self, *, transactional_id: str | None = None) -> ConnectedPublisher:
        """A publisher, to be closed by you or with the connection.

        transactional_id: names a transactional publisher across restarts, where the system has them.
        """
        self.refuse_if_read_only("it publishes nothing")
        driver = self.driver
        if transactional_id is not None and not self.capabilities.transactions:
            raise NotSupported(
                f"{self.address.scheme} has no transactions; publish_batch reports each message's outcome"
            )
        if transactional_id is not None:
            check_name(transactional_id, "transaction's")
        made = self._ask(lambda: driver.publisher(transactional_id=transactional_id), ADMIN_SECONDS)
        publisher = ConnectedPublisher(
            made,
            name=self.name,
            capabilities=self.capabilities,
            translate=self.translate,
            transactional=transactional_id is not None,
        )
        self._adopt(publisher)
        return publisher

    def inspector(self) -> ConnectedInspector:
        """The connection's browser, made on first use."""
        driver = self.driver
        with self._asking_for_browser:
            if self._browser is None:
                browser = ConnectedInspector(
                    self._ask(driver.inspector, ADMIN_SECONDS),
                    lambda: self._ask(driver.reader, ADMIN_SECONDS),
                    name=self.name,
                    translate=self.translate,
                )
                self._adopt(browser)
                self._browser = browser
            return self._browser

    def create_topic(self, topic: str, *, timeout: float = ADMIN_SECONDS, **options: Any) -> None:
        """Create a topic; options such as ``partitions=3`` are the backend's. Raises AlreadyExists."""
        self.refuse_if_read_only("it creates nothing")
        driver = self.driver
        check_name(topic, "topic")
        self._ask(lambda: driver.create_topic(topic, options=options, timeout=timeout), timeout + 1.0)

    def delete_topic(self, topic: str, *, timeout: float = ADMIN_SECONDS) -> None:
        """Delete a topic with all its messages. NotFound if it is not there."""
        self.refuse_if_read_only("it deletes nothing")
        driver = self.driver
        check_name(topic, "topic")
        self._ask(lambda: driver.delete_topic(topic, timeout=timeout), timeout + 1.0)

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
        """Create a subscription (group, durable consumer) that begins at `start`.

        model: what its consumers yield, where the system has both; else its only one.
        """
        self.refuse_if_read_only("it creates nothing")
        driver = self.driver
        check_name(topic, "topic")
        check_name(subscription, "subscription")
        chosen = self.model_for(model)
        begin = self._begin(topic, Earliest() if start is None else start)
        request = SubscriptionRequest(topic, subscription, chosen, begin, options)
        self._ask(lambda: driver.create_subscription(request, timeout=timeout), timeout + 1.0)

    def begin_close(self, timeout: float) -> None:
        """Have all consumers, publishers and the browser close, then the client."""
        with self._lock:
            self._closed = True
            children = [*self._children]
        for child in children:
            child.begin_close(timeout)
        super().begin_close(timeout)

    def finish_close(self, deadline: Deadline) -> None:
        """Wait until all have closed; a warning for each that does not in time."""
        super().finish_close(deadline)
        with self._lock:
            children = [*self._children]
        for child in children:
            child.finish_close(deadline)

    def _leave(self, timeout: float) -> None:
        deadline = Deadline(0.75 * timeout)
        with self._lock:
            children = [*self._children]
        for child in children:
            child.wait_closed(deadline)
        if self._driver is not None:
            self._driver.close(max(0.25 * timeout, deadline.remaining()))


def _open(backend: Backend, address: Address, timeout: float) -> Driver:
    driver = backend.open(address, timeout)
    try:
        driver.ping(timeout)
    except BaseException:
        driver.close(1.0)
        raise
    return driver


def _close_all(drivers: list[Driver]) -> None:
    for driver in drivers:
        driver.close(1.0)
