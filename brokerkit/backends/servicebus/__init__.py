"""Azure Service Bus, through azure-servicebus.

``servicebus://NAMESPACE`` with DefaultAzureCredential (or ``credential=``), or a connection string
(``Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...``).

A topic of brokerkit is a queue, a topic, or a subscription by its path ``TOPIC/Subscriptions/NAME``; each
queue and subscription has the sub-queues ``.../$deadletterqueue`` and ``.../$transfer/$deadletterqueue``.
``create_topic(name)`` makes a queue: what is published stays until somebody takes it, and can be looked
at. ``create_topic(name, kind="topic")`` makes a topic, whose messages are in its subscriptions, and
nowhere as long as it has none.

The key of a message is its session id. Entities with sessions keep the order of each key, also with several
consumers; others do not promise it. ``reject(reason=...)`` puts a message into the dead-letter
sub-queue. Consumers take ``session="KEY"`` (or True: those that are free next, the default where an entity
has sessions) and ``deferred=[NUMBERS]`` (or True: all). Properties of the service are attributes, see
`properties`: publishing with ``$sb.scheduled_enqueue_time`` schedules a message. Everything else that only
Service Bus has is offered by `native`.
"""

from __future__ import annotations

from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.capabilities import Capabilities, Gap, no_records

from .driver import ServiceBusDriver
from .options import read_options
from .outbound import can_be_set

capabilities = Capabilities(
    models=("message",),
    durability="stored by the service, in three copies; an emulator may keep less",
    ack="confirmed",
    nack="immediate",
    reject=True,
    delivery_count=True,
    subscription_required=False,
    slices="while it lasts",
    time_index=True,
    keys="text",
    empty_key=False,
    null_value=True,
    attribute_types=frozenset({"string", "bytes", "null", "bool", "int", "float", "timestamp", "uuid"}),
    duplicate_attributes=False,
    is_own_attribute=can_be_set,
    side_effects={"peek": "none", "scan": "none", "pull": "acknowledges"},
    gaps={
        13: Gap("never", "a session id is text, and an empty one is none"),
        63: Gap("never", "a topic keeps nothing for subscriptions that are made later"),
        **no_records("messages are settled one by one: there is no position to commit"),
        68: Gap("never", "the client library does not offer the transactions of Service Bus"),
    },
)


def open(address: Address, timeout: float) -> Driver:
    """Check the address and prepare the connection. Asks the service nothing."""
    return ServiceBusDriver.open(read_options(address), capabilities)
