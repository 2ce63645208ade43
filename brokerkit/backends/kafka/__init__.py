"""Apache Kafka and servers that speak its protocol, through confluent-kafka (librdkafka).

The address is ``kafka://HOST:9092``; separate several hosts with commas. Every librdkafka property is an
option under its own name: in the URL, as a keyword, or in ``librdkafka={...}``. The user and password of the
URL are used for SASL (see `options.read_options`). `options.REFUSED` lists the properties that cannot be
set, because they would break a promise of this package.

A subscription is a consumer group, which yields records. It exists in a topic once it has committed a
position there. With ``model="message"`` (``share=True`` on a session) it is a share group of Kafka 4.2 or
later (see `share_groups`). Its messages are settled one by one and their deliveries are counted. The broker
delivers a message again if it is not settled within ``share.record.lock.duration.ms`` (30 s by default).

A consumer group keeps the order of each partition. A share group keeps it only with one consumer at a time;
several consumers receive messages with the same key in parallel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.contract.backend import Facts
from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities, any_attribute

from .configurations import from_kcat, from_properties
from .options import DEFAULT_PORT, read_options, read_reader, tls_option

if TYPE_CHECKING:
    from .driver import KafkaDriver

SHARE_RESET = (
    "confluent-kafka has no request that moves a share group: Kafka's own bin/kafka-share-groups.sh "
    "--reset-offsets does it; or create another share group, which begins at the earliest message"
)
"""Why a share group is not moved."""
PURGE_WHERE = (
    "Kafka removes no single records: purge(TOPIC, before=...) removes those before an offset or a time of "
    "each partition; on a compacted topic, publishing null with a key removes that key; or copy() what is to "
    "stay to another topic"
)
"""Why single records are not removed."""
NO_MOVE = (
    "a log keeps its records, so that none is moved away: publish_frame copies them, and redrive remembers "
    "which dead letters were sent again"
)
"""Why records are not moved."""

capabilities = Capabilities(
    models=("record", "message"),
    durability=(
        "in the memory of all in-sync replicas (acks=all), at least min.insync.replicas of them; each broker "
        "writes to its disk when its operating system does, unless flush.messages or flush.ms say otherwise"
    ),
    ack="confirmed per partition",
    nack="seek back",
    slices="repeatable",
    time_index=True,
    transactions=True,
    idempotent_publish=True,
    partitions=True,
    publish_partition=True,
    publish_time="milliseconds",
    null_value=True,
    attribute_types=frozenset({"bytes", "string", "null"}),
    attributes_read_as="bytes",
    duplicate_attributes=True,
    keeps_attribute=any_attribute,
    unseen=(
        "a marker of a transaction (control record), a record of one that was aborted, or one that "
        "compaction removed; the client hands none of them over"
    ),
    purges=frozenset({"log"}),
    lacks={"purge_where": PURGE_WHERE, "move": NO_MOVE},
    by_model={
        "message": {
            "lacks": {"reset": SHARE_RESET, "purge_where": PURGE_WHERE, "move": NO_MOVE},
            "nack": "immediate",
            "reject": True,
            "delivery_count": True,
            "lock_extension": False,
            "more_while_held": False,
        },
    },
)


def _driver() -> type[KafkaDriver]:
    """Return the class of the driver, with the client library loaded."""
    from .driver import KafkaDriver

    return KafkaDriver


facts = Facts(
    title="Kafka",
    example="localhost:9092",
    extra="kafka",
    default_ports={"kafka": DEFAULT_PORT},
    load=_driver,
    configurations={"kafka-properties": from_properties, "kcat": from_kcat},
    tls_option=tls_option,
)


def open(address: Address, timeout: float) -> Driver:
    """Check the options of an address and return a driver for it.

    Raises:
        ConfigError: An option is unknown, malformed or not allowed.
        Unauthorized: The broker refused the credentials.
        Unavailable: The broker cannot be reached.
    """
    return _driver().open(read_options(address), capabilities, read_reader(address))
