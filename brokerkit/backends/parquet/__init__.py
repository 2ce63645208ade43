"""Data sets that `Session.capture` wrote, served as a broker that can only be read.

``parquet:///path`` is a data set, or a folder with several. `Connection.native` is the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import get_args

from brokerkit.core.contract.backend import Facts
from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities, Verb, any_attribute

READ_ONLY = (
    "a captured data set can only be read: s.restore(path, topic) of another session publishes it to a broker"
)
NO_SUBSCRIPTIONS = "a captured data set has no subscriptions: peek, scan, browse and tail read it without any"
LACKS: Mapping[Verb, str] = {
    verb: READ_ONLY if verb in ("purge", "purge_where") else NO_SUBSCRIPTIONS for verb in get_args(Verb)
}

capabilities = Capabilities(
    models=("record",),
    ack="sent",
    nack="seek back",
    slices="repeatable",
    time_index=True,
    partitions=True,
    create_topic=False,
    create_subscription=False,
    null_value=True,
    attribute_types=frozenset({"bytes", "string", "null", "bool", "int", "float", "timestamp", "uuid"}),
    duplicate_attributes=True,
    keeps_attribute=any_attribute,
    durability="nothing is published to a captured data set",
    side_effects={"peek": "none", "scan": "none", "pull": "not offered"},
    lacks=LACKS,
)
facts = Facts(load=lambda: import_module("pyarrow.parquet"))


def open(address: Address, timeout: float) -> Driver:
    """Open the folder that the path names.

    Raises:
        ConfigError: The address has options, or there is no data set in the folder.
    """
    from .driver import ParquetDriver

    return ParquetDriver.open(address, capabilities)
