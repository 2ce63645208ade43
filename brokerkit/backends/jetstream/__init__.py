"""NATS JetStream, through nats-py.

The address is ``nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT][,HOST2]``. A topic is a subject (``orders.eu``) or
a wildcard (``orders.*``, ``orders.>``), which is looked up in the stream that stores it; ``stream:NAME`` is a
whole stream. A subscription is a durable pull consumer with explicit acknowledgement. The id and the offset
of a message are its sequence number in the stream. Keys are sent in the header ``Brokerkit-Key`` (see
`headers`).

A single consumer receives messages in the order of the stream, and a message that it gives back before later
ones that it has not received yet. What a consumer returns when it is closed, the next one receives in the
order of the stream. Several consumers of one subscription keep the order only if it was created with
``max_ack_pending=1``, so that one message is in flight at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.contract.backend import Facts
from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities, SetAside, TextPattern

from .configurations import from_context

if TYPE_CHECKING:
    from .driver import JetStreamDriver

capabilities = Capabilities(
    models=("message",),
    durability=(
        "written by a majority of the stream's replicas, or handed to the operating system of its one "
        "server; on the disk at the latest after the server's sync_interval (2 min unless configured; "
        "`describe` asks for it where monitor=http://HOST:8222 is given), and never for streams in memory"
    ),
    ack="confirmed",
    nack="immediate",
    nack_delay=True,
    reject=True,
    delivery_count=True,
    slices="repeatable",
    time_index=True,
    idempotent_publish=True,
    dedup_ids=True,
    keys="bytes",
    empty_key=True,
    null_value=False,
    attribute_types=frozenset({"string"}),
    duplicate_attributes=True,
    set_aside={"scheduled": SetAside("Nats-Schedule", "Nats-Schedule")},
    unseen="a message that was deleted, or of another subject",
    purges=frozenset({"log", "messages"}),
    lacks={},
    keeps_attribute=TextPattern(
        names=r"Nats-Msg-Id|(?!(?i:nats-|brokerkit-))[A-Za-z0-9_.\-]{1,200}",
        values=r"(?!\s)[^\ud800-\udfff\x00-\x1f\x7f-\x9f\u2028\u2029]{0,1000}(?<!\s)",
    ),
    max_message_bytes=1024 * 1024,
)


def _driver() -> type[JetStreamDriver]:
    """Return the class of the driver, with the client library loaded."""
    from .driver import JetStreamDriver

    return JetStreamDriver


facts = Facts(
    title="NATS",
    example="localhost:4222",
    extra="nats",
    default_ports={"nats": 4222, "jetstream": 4222},
    load=_driver,
    configurations={"nats-context": from_context},
)


def open(address: Address, timeout: float) -> Driver:
    """Connect to a server within `timeout` seconds, and make sure that it has JetStream.

    Raises:
        ConfigError: An option is unknown or wrong.
        NotSupported: The server or the account has no JetStream.
        Unauthorized: The server refused the credentials.
        Unavailable: The server cannot be reached.
    """
    from .options import read_options

    return _driver().open(read_options(address), capabilities, timeout)
