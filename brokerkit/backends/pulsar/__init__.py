"""Apache Pulsar, through pulsar-client (C++) and, where its URL is given, the brokers' REST endpoint.

``pulsar://HOST:6650[/TENANT/NAMESPACE]``, or ``pulsar+ssl://`` on port 6651; ``admin=http://HOST:8080``
adds what only the REST endpoint knows: which topics and subscriptions there are, backlogs, schemas, creating
and deleting topics. Without it all else works, but a missing topic or subscription cannot be told from
one that is there, and using it creates it unless the broker is configured not to. See `options.KNOWN`.

There are no offsets: a message's position is its `id`, ``start="LEDGER:ENTRY:PARTITION:BATCH"``. A negative
position such as ``start=-100`` counts messages, which it reads for that; other integers are refused. A
message that its producer cut into chunks is where its last chunk is, and belongs to the slice that has that.
Where its first chunks lie is asked of the REST endpoint; without it the 100 entries before a slice are
looked through, and `UnreadableWarning` says where that is not enough. The numbers of messages in
`describe` and in plans are of entries: a batch of a publisher counts as one.

A message's event time and ordering key are the attributes ``$pulsar.event_time`` (milliseconds since 1970)
and ``$pulsar.ordering_key``, and are set again where such attributes are published; see `fields`. Keys that
Java writes as bytes are base64 for every other client. On a topic whose schema is KEY_VALUE with SEPARATED
encoding (which the REST endpoint tells) they are read as the bytes that they were; elsewhere nothing tells
them from a text, and they are shown as their base64 (``base64.b64decode(key)`` is what was sent). A key
that is not UTF-8 cannot be published from Python, and is refused.

Where the broker deduplicates the topic (the REST endpoint says so), a message that the library sends once
more after a lost connection is stored once. Elsewhere it may be stored twice: its outcome is `confirmed`
with an error that says so (`Capabilities.idempotent_publish` is false for that). `batching` is left out on
topics that are deduplicated, since batches of several keys would be taken for repeats.

The order of each key is kept by `key_shared`, also with several consumers, and by `failover` and `exclusive`;
`shared` does not promise it.

The four types of subscriptions are the option ``subscription_type``: `shared` (the default) and
`key_shared` for messages, `failover` (the default) and `exclusive` for records, and for messages too. On
those two giving back one message brings all again that are not acknowledged, and deliveries are not
counted. A message that was given back comes again after ``nack_delay`` (1 s). The client library
collects acknowledgements for a tenth of a second before it sends them: a process that is killed right
after `ack()` may see those messages again. Closing sends them.
"""

from __future__ import annotations

from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities, Gap

from .driver import PulsarDriver
from .fields import can_be_set
from .options import read_options

capabilities = Capabilities(
    models=("message", "record"),
    durability=(
        "written by as many bookies as the namespace's ack quorum says; on their disks where "
        "journalSyncData is on (the default), and nowhere for non-persistent topics; where the broker does "
        "not deduplicate the topic, one that was under way when the connection was lost may be stored twice, "
        "and its outcome says so"
    ),
    ack="sent",
    nack="after a delay",
    delivery_count=True,
    slices="repeatable",
    time_index=True,
    partitions=True,
    keys="text",
    empty_key=False,
    null_value=True,
    attribute_types=frozenset({"string"}),
    any_text=True,
    duplicate_attributes=False,
    is_own_attribute=can_be_set,
    by_model={"record": {"nack": "seek back", "delivery_count": False}},
    gaps={
        5: Gap("never", "attributes are a map: all come back unchanged, but not in their order"),
        13: Gap("never", "a partition key is text, and an empty one is none"),
        31: Gap("never", "the broker hands out the next message of a key before the one before is settled"),
        43: Gap("never", "the client library does not tell a consumer that another one took over"),
        68: Gap("never", "the client library has no transactions"),
        72: Gap("never", "a single message cannot be deleted: offsets that lie between messages are no gaps"),
    },
)


def open(address: Address, timeout: float) -> Driver:
    """Check the options and connect. Raises ConfigError, Unauthorized or Unavailable."""
    return PulsarDriver.open(read_options(address), capabilities, timeout)
