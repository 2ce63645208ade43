"""Harnesses: how a backend tells the conformance suite about its system and server."""

from __future__ import annotations

import uuid
from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from brokerkit.core import Connection, NotSupported, OutboundMessage, connect
from brokerkit.core.vocabulary.capabilities import Model


@dataclass(frozen=True)
class Gap:
    """A behaviour of the suite that a system does not show.

    Attributes:
        kind: ``"never"`` if it cannot, ``"not yet"`` if it should. The declaration fails once it does.
        reason: Why not.
    """

    kind: Literal["never", "not yet"]
    reason: str


class Harness(ABC):
    """A system under test, used by all tests of a class and by several threads at once.

    Set `name` and `url`. Everything else has a default that suits a system whose topics are made
    with `Connection.create_topic`. Tests read from `Capabilities` what to expect.

    Attributes:
        name: Its name in the table of results.
        url: The URL for `connect`, in any process.
        model: The model of consumers where the system has both. None for its first.
        options: Options for every `connect`.
        gaps: The behaviours that the system does not show, by name. Those of a model that the system does
            not have need no declaration.
        in_process: Whether the broker lives in this process, so that another process at `url` finds an
            empty one.
        translates: Whether errors come from a client library, so that each has a ``__cause__``.
        lock_seconds: How long a lock lasts with `lock_options`.
        lock_options: Options of `create_subscription` that make locks expire after `lock_seconds`.
            Shorter locks make the suite faster.
        ordered_options: Options of `create_subscription` with which the next message of a key waits
            until the one before is acknowledged.
        quiet_seconds: How long to wait to see that no more messages come.
        moved_options: Options of `create_subscription` with which a reset can go to the beginning.
        moves_back: Whether the server survives a reset to the beginning.
        ack_flush_seconds: For so long before a crash the server may forget acknowledgements that it
            confirmed, because it writes them to disk later.
        too_large: A payload size above the limit of the broker, where `Capabilities` does not say it.

    Behaviours 27, 65 and 67 need `kill` and `restart`; 20 and 58 need `pause` and `resume`.
    """

    name: str
    url: str
    model: Model | None = None
    options: Mapping[str, Any] = {}
    gaps: Mapping[str, Gap] = {}
    in_process = False
    translates = True
    lock_seconds = 1.0
    lock_options: Mapping[str, Any] = {}
    ordered_options: Mapping[str, Any] = {}
    quiet_seconds = 0.5
    moved_options: Mapping[str, Any] = {}
    moves_back = True
    ack_flush_seconds = 0.0
    too_large = 20_000_000

    def connect(self) -> Connection:
        """Return a new connection, which the caller closes."""
        return connect(self.url, **self.options)

    def topic_name(self) -> str:
        """Return a name that no topic has."""
        return f"conformance-{uuid.uuid4().hex[:12]}"

    def make_topic(self, connection: Connection, partitions: int = 1) -> str:
        """Create an empty topic and return its name. `partitions` is used where the system has them."""
        name = self.topic_name()
        if connection.capabilities.partitions:
            connection.create_topic(name, partitions=partitions)
        else:
            connection.create_topic(name)
        return name

    def make_gap(self, connection: Connection, topic: str) -> None:
        """Leave positions in a topic at which there is no message. The default aborts a transaction.

        Raises:
            NotSupported: The system has no such gaps.
        """
        with connection.publisher(transactional_id=f"gap-{uuid.uuid4().hex[:8]}") as publisher:
            publisher.begin()
            publisher.topic(topic).publish_batch([OutboundMessage(b"aborted", key=b"k")])
            publisher.abort()

    def kill(self) -> None:
        """End the server as a crash does (SIGKILL)."""
        raise NotSupported(f"the harness of {self.name} cannot kill its server")

    def restart(self) -> None:
        """Start the killed server again with its data, and return when it answers."""
        raise NotSupported(f"the harness of {self.name} cannot restart its server")

    def pause(self) -> None:
        """Make the server keep its connections but answer nothing (SIGSTOP)."""
        raise NotSupported(f"the harness of {self.name} cannot pause its server")

    def resume(self) -> None:
        """Undo `pause` (SIGCONT)."""
        raise NotSupported(f"the harness of {self.name} cannot resume its server")

    def __repr__(self) -> str:
        return f"<harness of {self.name}>"
