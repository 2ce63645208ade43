"""The backend ``sqlite``: a message broker in an SQLite file."""

from __future__ import annotations

from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities, any_attribute
from brokerkit.core.vocabulary.errors import ConfigError

from .connection import Database, create_file
from .driver import SqliteDriver
from .errors import ERRORS
from .options import CONNECTION_OPTIONS

capabilities = Capabilities(
    models=("message",),
    ack="confirmed",
    nack="immediate",
    nack_delay=True,
    delivery_count=True,
    slices="repeatable",
    time_index=True,
    idempotent_publish=True,
    publish_time="microseconds",
    null_value=True,
    attribute_types=frozenset({"string", "bytes"}),
    duplicate_attributes=True,
    keeps_attribute=any_attribute,
    max_message_bytes=16_000_000,
    durability="written to the file and synced to the disk",
)


def open(address: Address, timeout: float) -> Driver:
    """Open the file. It is created only with ``create=true``."""
    options = CONNECTION_OPTIONS.read(address.options)
    if address.hosts or address.user is not None or not address.path:
        raise ConfigError("a file is named by sqlite:///PATH, or sqlite:////PATH if the path is absolute")
    database = Database(address.path)
    with ERRORS.translating(f"opening {address.path}"):
        if options["create"]:
            create_file(database.path, timeout)
        database.check(timeout)
    return SqliteDriver(database, capabilities)
