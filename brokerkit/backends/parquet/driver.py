"""The driver: a connection to the data sets in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerkit.core.contract.consumer import ConsumerDriver, ConsumerRequest
from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.contract.driver import Driver
from brokerkit.core.contract.inspector import InspectorDriver, ReaderDriver
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import BrokerError, NotSupported

from . import NO_SUBSCRIPTIONS, READ_ONLY
from .connection import ParquetConnection
from .errors import translate, translating
from .inspector import ParquetInspector
from .options import folder_of
from .reader import ParquetReader


class ParquetDriver(Driver):
    """A connection to captured data sets."""

    def __init__(self, connection: ParquetConnection, capabilities: Capabilities) -> None:
        self._connection = connection
        self.capabilities = capabilities

    @classmethod
    def open(cls, address: Address, capabilities: Capabilities) -> ParquetDriver:
        """Return a driver of the folder of an address.

        Its capabilities are those of what was captured. Raises ConfigError if there is no data set.
        """
        connection = ParquetConnection(folder_of(address))
        with translating():
            found = [each.manifest for each in connection.data_sets().values()]
        as_bytes = any(each.attributes_read_as == "bytes" for each in found)
        return cls(
            connection,
            capabilities.but(
                partitions=any(one.partition is not None for each in found for one in each.partitions),
                attributes_read_as="bytes" if as_bytes else "string",
            ),
        )

    def ping(self, timeout: float) -> None:
        self._connection.data_sets()

    def translate(self, error: BaseException) -> BrokerError:
        return translate(error)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        raise NotSupported(NO_SUBSCRIPTIONS)

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        raise NotSupported(READ_ONLY)

    def inspector(self) -> InspectorDriver:
        return ParquetInspector(self._connection)

    def reader(self) -> ReaderDriver:
        return ParquetReader(self._connection)

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        raise NotSupported(READ_ONLY)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        raise NotSupported(READ_ONLY)

    def subscriptions(self) -> SubscriptionsDriver:
        raise NotSupported(NO_SUBSCRIPTIONS)

    def dead_letters(self) -> DeadLettersDriver:
        raise NotSupported(NO_SUBSCRIPTIONS)

    def purging(self) -> PurgingDriver:
        raise NotSupported(READ_ONLY)

    @property
    def native(self) -> Path:
        return self._connection.folder
