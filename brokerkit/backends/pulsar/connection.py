"""One client of the library. Every slow call of it has a timeout."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import pulsar

from brokerkit.core.contract.background import submit
from brokerkit.core.contract.error_table import CLOSED
from brokerkit.core.contract.forked import keep_in_child
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import Unauthorized, Unavailable

from . import process_guard
from .credentials import client_authentication
from .errors import translating
from .handshake import probe
from .log import client_logger, log
from .options import Options

OPERATION_SECONDS = 30
CLOSE_SHARE = 0.7
"""The share of the closing time after which the client is shut down instead."""
SOME_TOPIC = "brokerkit-ping"
"""The topic that a ping looks up; this does not create it."""
READER_PREFIX = "brokerkit-reader"
"""The prefix of the temporary subscriptions of readers."""

T = TypeVar("T")


class PulsarConnection:
    """The client of a connection.

    Attributes:
        client: The client of the library.
        options: The options of the address.
        closed: Whether the connection was closed.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.closed = False
        self._answered = False
        self.client: Any = process_guard.watch_client(
            pulsar.Client(
                options.service_url,
                authentication=client_authentication(options),
                operation_timeout_seconds=OPERATION_SECONDS,
                tls_trust_certs_file_path=options.tls_ca,
                tls_validate_hostname=options.tls and options.tls_check_hostname,
                tls_certificate_file_path=options.tls_certificate,
                tls_private_key_file_path=options.tls_key_file,
                listener_name=options.listener,
                logger=client_logger(),
            )
        )

    @classmethod
    def open(cls, options: Options, timeout: float) -> PulsarConnection:
        """Return a connection once a host answers. Raises Unavailable or Unauthorized."""
        probe(options, timeout)
        return cls(options)

    def submit(self, work: Callable[[], T], name: str) -> Future[T]:
        """Start a call in a thread of its own."""
        if self.closed:
            raise CLOSED.error("")
        return submit(process_guard.counted(work), f"pulsar {name}")

    def call(self, work: Callable[[], T], timeout: float, what: str) -> T:
        """Make a call and return its result, with errors as BrokerErrors.

        After Unavailable it may continue in the background.
        """
        with translating(what):
            return self.submit(work, what).result(timeout)

    def ping(self, timeout: float) -> None:
        """Make one round trip. An account that may not see this topic may have rights in other namespaces."""
        deadline = Deadline(timeout)
        try:
            self.partitions(f"persistent://public/default/{SOME_TOPIC}", timeout)
        except Unauthorized as error:
            if not isinstance(error.__cause__, pulsar.AuthorizationError):
                raise
            log.info("%s", error)
        except Unavailable:
            # this says more than a timeout does
            probe(self.options, max(0.1, deadline.remaining()), known=self._answered)
            raise
        self._answered = True

    def partitions(self, full: str, timeout: float) -> list[str]:
        """Return the names under which the partitions of a topic are read. Creates nothing."""
        return self.call(lambda: list(self.client.get_topic_partitions(full)), timeout, f"looking for {full}")

    def open_reader(self, part: str, begin: Any, *, inclusive: bool, prefetch: int) -> Any:
        """Return a reader of the library, which acknowledges nothing. Blocks until it is attached.

        Args:
            part: The name of a topic or partition.
            begin: The library's id of the first message, or of the one before it.
            inclusive: Whether the message of that id is read.
            prefetch: How many messages the library holds ready.
        """
        return keep_in_child(
            self.client.create_reader(
                part,
                begin,
                start_message_id_inclusive=inclusive,
                receiver_queue_size=prefetch,
                subscription_role_prefix=READER_PREFIX,
            )
        )

    def close(self, timeout: float) -> None:
        """Close the client and everything it opened. Calls that hang are cut off."""
        if self.closed:
            return
        self.closed = True
        closing = submit(process_guard.counted(self.client.close), "pulsar close")
        try:
            with contextlib.suppress(Exception):
                closing.result(CLOSE_SHARE * timeout)
        finally:
            if not closing.done():
                # this ends the call above and every other pending call
                self.client.shutdown()
            process_guard.unwatch_client(self.client)


def leave(consumer: Any) -> None:
    """Close a consumer or reader. Acknowledgements are sent first, and the subscription stays."""
    # it was closed with its client, or its topic was deleted
    with contextlib.suppress(pulsar.PulsarException, ValueError):
        consumer.close()
