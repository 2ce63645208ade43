"""The connection to the service: which requests go where, and how they end."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import grpc
from google.api_core.gapic_v1 import routing_header
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import Closed, ConfigError

from .credentials import application_default, from_file
from .methods import Method
from .names import Kind, path_of, shown
from .options import Options

log = logging.getLogger("brokerkit.pubsub")

Call: TypeAlias = Any
"""A request under way: a future of grpc."""

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
    """Two channels to the service: long pulls must not take the streams of short requests.

    project: the id of the project in which names without a path are. emulator: whether an emulator
    stands for the service.
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
        """Find the credentials and the project. Asks the service nothing."""
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
        """The full path of a name. Raises ConfigError."""
        return path_of(self.project, kind, name)

    def shown(self, path: str) -> str:
        """A path as users write it."""
        return shown(self.project, path)

    @property
    def closed(self) -> bool:
        return self._closed

    def begin(self, method: Method, timeout: float, *, long: bool = False, **fields: Any) -> Call:
        """Send a request and do not wait. long: it waits at the service for something to happen."""
        if self._closed:
            raise Closed("the connection was closed; connect anew")
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
        return self.begin(method, timeout, **fields).result()

    def pages(self, method: Method, items: str, timeout: float, **fields: Any) -> Iterator[Any]:
        """All items of a list that comes in pages, within `timeout` seconds for all of them."""
        deadline = Deadline(timeout)
        token = ""
        while True:
            answer = self.call(method, deadline.remaining(), page_size=PAGE_SIZE, page_token=token, **fields)
            yield from getattr(answer, items)
            token = answer.next_page_token
            if not token:
                return

    def close(self) -> None:
        """Break off what is under way and close the channels."""
        self._closed = True
        self._pulls.close()
        self.channel.close()
