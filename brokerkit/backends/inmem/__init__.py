"""A small but real broker in this process, for tests and experiments and as the reference backend.

``inmem://`` is a new private broker; ``inmem://NAME`` is a broker that is shared within this process. It
serves both models: subscriptions with ack deadlines (``message``) and groups with committed offsets
(``record``). `Connection.native` is the `Store`, whose attribute `faults` causes failures on purpose.
"""

from __future__ import annotations

from brokerkit.core.contract.driver import Driver
from brokerkit.core.contract.options import NO_OPTIONS
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities, any_attribute

from .driver import InmemDriver
from .store import DURABILITY, MAX_MESSAGE_BYTES
from .store import shared_store as shared_store

capabilities = Capabilities(
    models=("message", "record"),
    durability=DURABILITY,
    ack="confirmed",
    nack="immediate",
    nack_delay=True,
    reject=True,
    delivery_count=True,
    slices="repeatable",
    time_index=True,
    transactions=True,
    idempotent_publish=True,
    partitions=True,
    dedup_ids=True,
    publish_partition=True,
    publish_time="microseconds",
    null_value=True,
    attribute_types=frozenset({"bytes", "string", "null", "bool", "int", "float", "timestamp", "uuid"}),
    duplicate_attributes=True,
    keeps_attribute=any_attribute,
    max_message_bytes=MAX_MESSAGE_BYTES,
    unseen="messages that were removed",
    purges=frozenset({"log", "messages"}),
    lacks={},
    by_model={
        "record": {
            "ack": "confirmed per partition",
            "nack": "seek back",
            "nack_delay": False,
            "reject": False,
            "delivery_count": False,
        },
    },
)


def open(address: Address, timeout: float) -> Driver:
    """Connect to the shared broker that the host part names, or to a new private one if there is none.

    Raises:
        ConfigError: The address has options.
    """
    NO_OPTIONS.read(address.options)
    return InmemDriver.open(",".join(address.hosts), capabilities)
