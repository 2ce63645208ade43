"""The backend of Google Cloud Pub/Sub, built on the requests of google-cloud-pubsub.

The address is ``pubsub://PROJECT``. Credentials are the application-default credentials, or those in
``?credentials=service-account.json``. An emulator needs none: name it with ``emulator=HOST:PORT`` or
with the environment variable PUBSUB_EMULATOR_HOST. A topic or subscription is named by its id, or by its
full path if it is in another project.

A new subscription is ordered unless the options say otherwise: messages with the same key arrive in
order. A message that is returned is redelivered before those behind it; on an emulator this takes
a second. Messages published before the subscription existed reach it only if the topic retains them
(``create_topic(..., retention=86400)``). `native` offers snapshots, seek and everything else that only
Pub/Sub has: ``native.subscriber.seek(request={...})``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.contract.backend import Facts
from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities, TextPattern

from .limits import MAX_REQUEST_BYTES, MAX_REQUEST_MESSAGES
from .options import read_options

if TYPE_CHECKING:
    from .driver import PubSubDriver

_CHARACTER = r"[^\ud800-\udfff]"

PURGE_WHERE = (
    "Pub/Sub removes no single messages: take them, pull(TOPIC, n, subscription=NAME), or iterate over "
    "batches() and acknowledge those only that are to go"
)
"""Why single messages are not removed."""
capabilities = Capabilities(
    models=("message",),
    durability=(
        "stored by the service on several disks in at least two zones; an emulator keeps it in memory only"
    ),
    ack="sent",
    nack="immediate",
    nack_delay=True,
    slices="never",
    keys="text",
    empty_key=False,
    null_value=False,
    attribute_types=frozenset({"string"}),
    duplicate_attributes=False,
    # the limits are 256 and 1,024 bytes, and a character has up to four
    keeps_attribute=TextPattern(
        names=f"(?!goog){_CHARACTER}{{1,64}}",
        values=rf"{_CHARACTER}{{0,256}}|[\0-\u07ff]{{0,512}}|[\0-\x7f]{{0,1024}}",
    ),
    schemas="pubsub",
    max_batch=MAX_REQUEST_MESSAGES,
    max_message_bytes=MAX_REQUEST_BYTES,
    purges=frozenset({"backlog"}),
    lacks={"purge_where": PURGE_WHERE},
    side_effects={"peek": "not offered", "scan": "not offered", "pull": "acknowledges"},
)


def _driver() -> type[PubSubDriver]:
    """Return the class of the driver, with the client library loaded."""
    from .driver import PubSubDriver

    return PubSubDriver


facts = Facts(title="Pub/Sub", example="my-project", extra="pubsub", load=_driver)


def open(address: Address, timeout: float) -> Driver:
    """Find the credentials and prepare the connection, within `timeout` seconds."""
    return _driver().open(read_options(address), capabilities, timeout)
