"""Look up topics: their names and partitions."""

from __future__ import annotations

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, NotFound, NotSupported

from .connection import PulsarConnection
from .log import log
from .names import full_name, partition_name, split_partition
from .rest import NEEDED, RestEndpoint

GONE_SECONDS = 2.0
"""How long to ask whether a topic still exists."""


class Topics:
    """The topics of a connection.

    Attributes:
        rest: The REST endpoint, or None.
    """

    def __init__(self, connection: PulsarConnection, rest: RestEndpoint | None) -> None:
        self.connection = connection
        self.rest = rest

    def full(self, topic: str) -> str:
        """Return the full name of a topic. Raises ConfigError."""
        return full_name(topic, self.connection.options.namespace)

    def partitions(self, full: str, timeout: float) -> list[int | None]:
        """Return the partitions of a topic, or [None] if it has none. Raises NotFound.

        Without the REST endpoint, a missing topic cannot be told from one without partitions.
        """
        if self.rest is None:
            names = self.connection.partitions(full, timeout)
            return [None] if names == [full] else [split_partition(name)[1] for name in names]
        try:
            found = self.rest.partitions(full, timeout)
        except NotFound as error:
            raise no_topic(full) from error.__cause__
        return list(range(found)) if found else [None]

    def parts(self, full: str, timeout: float) -> dict[int | None, str]:
        """Return the name of each partition. Raises NotFound."""
        return {number: partition_name(full, number) for number in self.partitions(full, timeout)}

    def gone(self, topic: str, deadline: Deadline) -> NotFound | None:
        """Return the error if a topic no longer exists; None if it exists or the broker does not tell."""
        try:
            self.partitions(self.full(topic), min(GONE_SECONDS, deadline.remaining()))
        except NotFound as error:
            return error
        except BrokerError as error:
            log.info("%s", error)
        return None

    def required_rest(self) -> RestEndpoint:
        """Return the REST endpoint. Raises NotSupported without one."""
        if self.rest is None:
            raise NotSupported(NEEDED)
        return self.rest


def no_topic(full: str) -> NotFound:
    """Return the NotFound for a missing topic."""
    return NotFound(f"there is no topic {full!r}; create_topic({full!r}) creates it")
