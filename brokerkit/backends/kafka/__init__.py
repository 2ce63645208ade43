"""Apache Kafka and what speaks its protocol, through confluent-kafka (librdkafka).

``kafka://HOST:9092`` (several hosts with commas). Every property of librdkafka is an option by its own
name, in the URL, as a keyword or in ``librdkafka={...}``; user and password of the URL are those of
SASL (see `options.properties_of`). `REFUSED` lists the properties that would break a promise.

A subscription is a consumer group. It exists in a topic when it has committed a position there.
"""

from __future__ import annotations

from brokerkit.core.address import Address
from brokerkit.core.capabilities import Capabilities, Gap
from brokerkit.core.driver import Driver

from .driver import KafkaDriver
from .options import properties_of

_ONE_BY_ONE = "a consumer group acknowledges a position per partition, not single messages"

capabilities = Capabilities(
    models=("record",),
    ack="confirmed per partition",
    nack="seek back",
    slices="repeatable",
    time_index=True,
    transactions=True,
    idempotent_publish=True,
    partitions=True,
    null_value=True,
    attribute_types=frozenset({"bytes", "string", "null"}),
    attributes_read_as="bytes",
    duplicate_attributes=True,
    gaps={
        30: Gap("never", _ONE_BY_ONE),
        31: Gap("never", _ONE_BY_ONE + ": the next record does not wait for the acknowledgement"),
        32: Gap("never", "records have no deadline; a partition stays with its consumer while that lives"),
        33: Gap("never", _ONE_BY_ONE + ", and its acknowledgement has no deadline"),
        34: Gap("never", "deliveries of a record are not counted"),
        35: Gap("never", _ONE_BY_ONE + ", so handlers of messages have nothing to settle"),
        36: Gap("never", _ONE_BY_ONE + ", so handlers of messages have nothing to settle"),
        38: Gap("never", "a record that is not acknowledged is no loss: a later one acknowledges it too"),
    },
)


def open(address: Address, timeout: float) -> Driver:
    """Check the options and connect. Raises ConfigError, Unauthorized or Unavailable."""
    return KafkaDriver(properties_of(address), capabilities)
