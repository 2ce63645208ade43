"""The connection to the service: it sends requests and waits for their answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import grpc
from google.api_core.gapic_v1 import routing_header
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from brokerkit.core.contract.error_table import CLOSED
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import ConfigError

from .credentials import application_default, from_file
from .methods import Method
from .names import Kind, path_of, shown
from .options import Options

log = logging.getLogger("brokerkit.pubsub")

Call: TypeAlias = Any
"""A pending request, which is a future of grpc."""

LEAST_SECONDS = 0.05
PAGE_SIZE = 1000

_CHANNEL_OPTIONS: Sequence[tuple[str, Any]] = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.primary_user_agent", "brokerkit"),
)


class PubSubConnection:
    """A connection of two channels, so that long pulls do not take the streams of short requests.

    Attributes:
        project: The id of the project to which names without a path belong.
        emulator: Whether the connection is to an emulator.
        host: The host and port of the service.
        channel: The channel of short requests.
    """

    def __init__(
        self, project: str, host: str, channel: grpc.Channel, pulls: grpc.Channel, *, emulator: bool
    ) -> None:
        self.project = project
        self.emulator = emulator
        self.host = host
        self.channel = channel
        self._pulls = pulls
        self._stubs: dict[tuple[str, bool], Any] = {}
        self._closed = False

    @classmethod
    def open(cls, options: Options, timeout: float) -> PubSubConnection:
        """Find the credentials and the project. Sends no request to the service.

        Raises:
            ConfigError: The project is not known, or a key file cannot be read.
            Unauthorized: There are no credentials.
        """
        if options.emulator:
            project, credentials = options.project, None
        elif options.credentials is not None:
            credentials, project = from_file(options.credentials)
        else:
            credentials, project = application_default(timeout)
        chosen = options.project or project
        if not chosen:
            raise ConfigError("the project is not known: expected pubsub://PROJECT")

        def channel() -> grpc.Channel:
            if credentials is None:
                return grpc.insecure_channel(options.host, options=_CHANNEL_OPTIONS)
            return PublisherGrpcTransport.create_channel(
                options.host, credentials=credentials, options=_CHANNEL_OPTIONS
            )

        return cls(chosen, options.host, channel(), channel(), emulator=bool(options.emulator))

    def path(self, kind: Kind, name: str) -> str:
        """Return the full path of a name. Raises ConfigError."""
        return path_of(self.project, kind, name)

    def shown(self, path: str) -> str:
        """Return a path as users write it."""
        return shown(self.project, path)

    @property
    def closed(self) -> bool:
        """Whether the connection was closed."""
        return self._closed

    def submit(self, method: Method, timeout: float, *, long: bool = False, **fields: Any) -> Call:
        """Send a request without waiting for its answer.

        Args:
            method: The request to send.
            timeout: Seconds after which the request fails.
            long: Whether the request waits at the service until something happens.
            fields: The fields of the request.
        """
        if self._closed:
            raise CLOSED.error("")
        stub = self._stubs.get((method.path, long))
        if stub is None:
            stub = (self._pulls if long else self.channel).unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
            self._stubs[method.path, long] = stub
        request = method.request(**fields)
        where = routing_header.to_grpc_metadata([(method.routed_by, fields[method.routed_by])])
        return stub.future(request, timeout=max(LEAST_SECONDS, timeout), metadata=(where,))

    def call(self, method: Method, timeout: float, **fields: Any) -> Any:
        """Send a request and wait for its answer. Raises the error of grpc."""
        return self.submit(method, timeout, **fields).result()

    def pages(self, method: Method, items: str, timeout: float, **fields: Any) -> Iterator[Any]:
        """Yield all items of a paged list. `timeout` seconds are for all pages together."""
        deadline = Deadline(timeout)
        token = ""
        while True:
            answer = self.call(method, deadline.remaining(), page_size=PAGE_SIZE, page_token=token, **fields)
            yield from getattr(answer, items)
            token = answer.next_page_token
            if not token:
                return

    def close(self) -> None:
        """Cancel the pending requests and close the channels."""
        self._closed = True
        self._pulls.close()
        self.channel.close()
