"""An open connection to one broker: the core without a notebook."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, Self, TypeVar

from . import registry
from .address import Address, resolve
from .browser import ConnectedBrowser
from .cancellation import Deadline
from .capabilities import Capabilities, Model
from .driver import Backend, ConsumerRequest, Driver, MessageDriver, RecordDriver, translated
from .errors import BrokerError, Closed, ConfigError, NotSupported
from .message_consumer import MessageConsumer
from .owner import Owner, close_at_exit
from .positions import Earliest, parse
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


class Connection:
    """One broker. It owns every publisher, browser and consumer that it made, and closes them.

    capabilities: what the system can do. native: the client library's own object.
    """

    def __init__(self, address: Address, *, timeout: float = CONNECT_SECONDS) -> None:
        self.address = address
        self.name = str(address)
        self._secrets = address.secrets
        backend = registry.backend(address.scheme)
        self._closed = False
        self._lock = threading.Lock()
        self._browser: ConnectedBrowser | None = None
        self._children: weakref.WeakSet[Any] = weakref.WeakSet()
        self._driver: Driver | None = None
        self._owner = Owner(f"connection to {self.name}")
        try:
            self._driver = self._ask(lambda: _open(backend, address, timeout), timeout + 1.0)
        except BaseException:
            self._owner.end(lambda: None)
            raise
        self.capabilities: Capabilities = self._driver.capabilities
        close_at_exit(self)

    def translate(self, error: BaseException) -> BrokerError:
        """Any exception of the driver as one of our tree, without secrets."""
        if self._driver is None:
            return self._masked(error) if isinstance(error, BrokerError) else BrokerError(str(error))
        return self._masked(translated(self._driver, error))

    def _masked(self, error: BrokerError) -> BrokerError:
        error.args = tuple(self._secrets.mask(a) if isinstance(a, str) else a for a in error.args)
        return error

    def _ask(self, question: Callable[[], T], timeout: float) -> T:
        def asked() -> T:
            try:
                return question()
            except BrokerError as error:
                raise self._masked(error) from error.__cause__
            except Exception as error:
                if self._driver is None:
                    raise
                raise self.translate(error) from error

        return self._owner.call(asked, timeout=timeout)

    @property
    def driver(self) -> Driver:
        self._owner.check_process()
        if self._closed or self._driver is None:
            raise Closed(f"the connection to {self.name} is closed")
        return self._driver

    @property
    def native(self) -> Any:
        """The client library's own object, for what only this system has."""
        return self.driver.native

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
        hold: float = 600.0,
        connect_timeout: float = 15.0,
        **options: Any,
    ) -> MessageConsumer | RecordConsumer:
        """A consumer of one subscription, not attached yet.

        model: `message` or `record`, where the system has both; else its only one.
        start: where a subscription that does not exist begins; without it a missing one is NotFound.
        hold: seconds for which messages are kept ours.
        """
        driver = self.driver
        _check_name(topic, "topic")
        if subscription is not None:
            _check_name(subscription, "subscription")
        elif self.capabilities.subscription_required:
            raise ConfigError("this system needs subscription= (a group, consumer or subscription name)")
        request = ConsumerRequest(
            topic, subscription, self._model(model), None if start is None else parse(start), options
        )
        made = self._ask(lambda: driver.consumer(request), connect_timeout)
        shared: dict[str, Any] = {
            "name": topic if subscription is None else f"{topic!r} as {subscription!r}",
            "capabilities": self.capabilities,
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
        self._children.add(consumer)
        return consumer

    def _model(self, model: Model | None) -> Model:
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
        driver = self.driver
        if transactional_id is not None and not self.capabilities.transactions:
            raise NotSupported(
                f"{self.address.scheme} has no transactions; publish_batch reports each message's outcome"
            )
        made = self._ask(lambda: driver.publisher(transactional_id=transactional_id), ADMIN_SECONDS)
        publisher = ConnectedPublisher(
            made,
            name=self.name,
            capabilities=self.capabilities,
            translate=self.translate,
            transactional=transactional_id is not None,
        )
        self._children.add(publisher)
        return publisher

    def browser(self) -> ConnectedBrowser:
        """The connection's browser, made on first use."""
        driver = self.driver
        with self._lock:
            if self._browser is None:
                made = self._ask(driver.browser, ADMIN_SECONDS)
                self._browser = ConnectedBrowser(
                    made, driver.reader, name=self.name, translate=self.translate
                )
            return self._browser

    def create_topic(self, topic: str, *, timeout: float = ADMIN_SECONDS, **options: Any) -> None:
        """Create a topic; options such as ``partitions=3`` are the backend's. Raises AlreadyExists."""
        driver = self.driver
        _check_name(topic, "topic")
        self._ask(lambda: driver.create_topic(topic, options=options, timeout=timeout), timeout + 1.0)

    def delete_topic(self, topic: str, *, timeout: float = ADMIN_SECONDS) -> None:
        """Delete a topic with all its messages. NotFound if it is not there."""
        driver = self.driver
        _check_name(topic, "topic")
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
        """Create a subscription (group, durable consumer) that begins at `start`."""
        driver = self.driver
        _check_name(topic, "topic")
        _check_name(subscription, "subscription")
        position = parse(start, default=Earliest())
        chosen = self._model(model)
        self._ask(
            lambda: driver.create_subscription(
                topic, subscription, start=position, model=chosen, options=options, timeout=timeout
            ),
            timeout + 1.0,
        )

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self, timeout: float = 4.0) -> None:
        """Close all consumers, publishers and the browser, then the client. Twice is fine."""
        self._owner.check_process()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            children = [*self._children]
            if self._browser is not None:
                children.append(self._browser)
        deadline = Deadline(timeout)
        closing = [
            threading.Thread(target=child.close, args=(max(0.2, deadline.remaining() - 0.3),), daemon=True)
            for child in children
        ]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(max(0.0, deadline.remaining()))
        driver = self._driver
        if driver is not None:
            left = max(0.5, deadline.remaining())
            self._owner.stop(lambda: driver.close(left), left)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<connection to {self.name}{', closed' if self._closed else ''}>"


def _open(backend: Backend, address: Address, timeout: float) -> Driver:
    driver = backend.open(address, timeout)
    try:
        driver.ping(timeout)
    except BaseException:
        driver.close(1.0)
        raise
    return driver


def _check_name(name: object, what: str) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"a {what} name must be a text that is not empty, not {name!r}")
