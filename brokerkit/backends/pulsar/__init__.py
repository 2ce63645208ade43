"""The backend of Apache Pulsar, built on pulsar-client (C++) and, if given, the brokers' REST endpoint.

The address is ``pulsar://HOST:6650[/TENANT/NAMESPACE]``, or ``pulsar+ssl://`` on port 6651.
``admin=http://HOST:8080`` adds what only the REST endpoint offers: lists of topics and subscriptions,
backlogs, schemas, and creating and deleting topics. Everything else works without it, but a missing
topic or subscription cannot be told from an existing one, and using it creates it unless the broker is
configured not to. See `options.OPTIONS`.

There are no offsets: a message's position is its `id`, ``start="LEDGER:ENTRY:PARTITION:BATCH"``. A
negative position such as ``start=-100`` counts messages, and reads them for that; other integers are
refused. A message that its producer cut into chunks lies where its last chunk is, and belongs to the
slice that holds it. The REST endpoint tells where its first chunks are. Without it, the 100 entries
before a slice are searched, and `UnreadableWarning` says if that is not enough. The numbers of messages
in `describe` and in plans count entries: a batch of a publisher counts as one.

A message's event time and ordering key are the attributes ``$pulsar.event_time`` (milliseconds since
1970) and ``$pulsar.ordering_key``. Publishing such attributes sets them again; see `fields`. The
attribute ``$pulsar.schema`` names the schema that it was written with, by topic and version. Publishing it
gives the message that schema, which the topic gets if it allows it; pairs and some simple types cannot be
set, and the outcome says so. Keys that
Java writes as bytes are base64 for every other client. On a topic whose schema is KEY_VALUE with
SEPARATED encoding, which the REST endpoint tells, they are read as the original bytes. Elsewhere they
cannot be told from text and are shown as base64 (``base64.b64decode(key)`` returns the original). A key
that is not UTF-8 cannot be published from Python, and is refused.

If the broker deduplicates the topic, which the REST endpoint tells, a message that the library sends
again after a lost connection is stored once. Otherwise it may be stored twice: its outcome is
`confirmed` with an error that says so, and `Capabilities.idempotent_publish` is false for this reason.
`batching` is not used on deduplicated topics, since batches of several keys would be mistaken for
repeats.

`key_shared` keeps the order of each key, also with several consumers, and so do `failover` and
`exclusive`; `shared` does not promise it.

The option ``subscription_type`` names one of the four types of subscriptions: `shared` (the default) and
`key_shared` for messages, `failover` (the default) and `exclusive` for records, and also for messages.
On the last two, returning one message redelivers all that are not acknowledged, and deliveries are not
counted. A message that was returned is redelivered after ``nack_delay`` (1 s). The client library
collects acknowledgements for a tenth of a second before it sends them, so a process that is killed right
after `ack()` may receive those messages again. Closing sends them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.contract.backend import Facts
from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities

from .configurations import from_client_conf
from .fields import SCHEMA, keeps
from .options import DEFAULT_PORTS, read_options

if TYPE_CHECKING:
    from .driver import PulsarDriver

PURGE_WHERE = (
    "Pulsar removes no single messages: acknowledge them for a subscription (pull, batches), or copy() what "
    "is to stay to another topic and delete this one"
)
"""Why single messages are not removed."""
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
    duplicate_attributes=False,
    keeps_attribute=keeps,
    references=frozenset({SCHEMA}),
    schemas="pulsar",
    purges=frozenset({"backlog", "everything"}),
    lacks={"purge_where": PURGE_WHERE},
    by_model={"record": {"nack": "seek back", "delivery_count": False}},
)


def _driver() -> type[PulsarDriver]:
    """Return the class of the driver, with the client library loaded."""
    from .driver import PulsarDriver

    return PulsarDriver


facts = Facts(
    title="Pulsar",
    example="localhost:6650",
    extra="pulsar",
    default_ports=DEFAULT_PORTS,
    load=_driver,
    configurations={"pulsar-client": from_client_conf},
)


def open(address: Address, timeout: float) -> Driver:
    """Check the options and connect. Raises ConfigError, Unauthorized or Unavailable."""
    return _driver().open(read_options(address), capabilities, timeout)
