"""The backend of Azure Service Bus, built on azure-servicebus.

The address is ``servicebus://NAMESPACE`` with DefaultAzureCredential (or ``credential=``), or a
connection string (``Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...``).

A topic of brokerkit is a queue, a topic, or a subscription by its path ``TOPIC/Subscriptions/NAME``.
Each queue and subscription has the sub-queues ``.../$deadletterqueue`` and
``.../$transfer/$deadletterqueue``. ``create_topic(name)`` creates a queue: messages stay in it until
they are taken, and can be peeked at. ``create_topic(name, kind="topic")`` creates a topic: its messages
are stored in its subscriptions, and are lost if it has none.

The key of a message is its session id. Entities with sessions keep the order of each key, also with
several consumers; other entities do not promise it. ``reject(reason=...)`` moves a message to the dead-
letter sub-queue. Consumers accept ``session="KEY"``, or ``session=True`` for the sessions that are free
next, which is the default if an entity has sessions. They also accept ``deferred=[NUMBERS]``, or
``deferred=True`` for all deferred messages.

Properties of the service are attributes, see `properties`: publishing with
``$sb.scheduled_enqueue_time`` schedules a message. `native` offers everything else that only Service Bus
has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.contract.backend import Facts
from brokerkit.core.contract.driver import Driver
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.attributes import Pair
from brokerkit.core.vocabulary.capabilities import Capabilities, SetAside

from .options import from_connection_string, read_options

if TYPE_CHECKING:
    from .driver import ServiceBusDriver


def _keeps(pair: Pair) -> bool:
    from .codec import keeps

    return keeps(pair)


NO_RESET = (
    "Service Bus has no position to move: a message that was settled is gone, and one that was not is still "
    "there. Skip messages by taking them, pull(TOPIC, n, subscription=NAME); bring them back by publishing "
    "them again, from a frame or by copy() from another subscription"
)
"""Why a subscription is not moved."""

capabilities = Capabilities(
    models=("message",),
    durability="stored by the service, in three copies; an emulator may keep fewer",
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
    keeps_attribute=_keeps,
    set_aside={
        "scheduled": SetAside({"$sb.state": "scheduled"}, "$sb.scheduled_enqueue_time"),
        "deferred": SetAside({"$sb.state": "deferred"}),
    },
    purges=frozenset({"queue", "messages"}),
    lacks={"reset": NO_RESET},
    side_effects={"peek": "none", "scan": "none", "pull": "acknowledges"},
)


def _driver() -> type[ServiceBusDriver]:
    """Return the class of the driver, with the client library loaded."""
    from .driver import ServiceBusDriver

    return ServiceBusDriver


facts = Facts(
    title="Service Bus",
    example="shop.servicebus.windows.net",
    extra="servicebus",
    load=_driver,
    recognize=from_connection_string,
    secret="connection_string",
)


def open(address: Address, timeout: float) -> Driver:
    """Check the address and prepare the connection. Sends no request to the service."""
    return _driver().open(read_options(address), capabilities)
