"""Look up topics: their partitions and their schemas."""

from __future__ import annotations

from brokerkit.core.vocabulary.errors import NotFound, NotSupported, Unauthorized

from .connection import PulsarConnection
from .names import full_name, partition_name, split_partition
from .rest import NEEDED, RestEndpoint

KEY_VALUE, SEPARATED = "KEY_VALUE", "SEPARATED"
"""The schema type, and its encoding, with which the key of a message is bytes."""


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

    def key_bytes(self, full: str, timeout: float) -> bool:
        """Return whether the schema of a topic says that keys are bytes;

        False if the schema cannot be read.
        """
        if self.rest is None:
            return False
        try:
            schema = self.rest.schema(full, timeout)
        except Unauthorized:
            return False
        if schema is None or schema.get("type") != KEY_VALUE:
            return False
        return (schema.get("properties") or {}).get("kv.encoding.type") == SEPARATED

    def required_rest(self) -> RestEndpoint:
        """Return the REST endpoint. Raises NotSupported without one."""
        if self.rest is None:
            raise NotSupported(NEEDED)
        return self.rest


def no_topic(full: str) -> NotFound:
    """Return the NotFound for a missing topic."""
    return NotFound(f"there is no topic {full!r}; create_topic({full!r}) creates it")
