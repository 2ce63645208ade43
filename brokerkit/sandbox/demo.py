"""A small shop as example data: orders, payments and clicks, a subscription that lags, and dead letters.

Every system has the topics `orders`, `payments` and `clicks`. The subscription `billing` of `orders` has
acknowledged a third of it. Orders that could not be billed are dead letters. On Service Bus they are in
the sub-queue of the subscription, elsewhere in the topic `orders-dead-letters` with the reason in
attributes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from brokerkit.core import AlreadyExists, Connection, MessageConsumer, OutboundMessage, connect

ORDERS = 600
CLICKS = 1_500
BILLED = 200
REJECTED = 12
DELIVERY_SECONDS = 20.0
CUSTOMERS = ("ada", "bruno", "chidi", "dora", "emil", "fatou", "gita", "hugo")
BOOKS = (
    ("Dune", 14.5),
    ("Emma", 7.95),
    ("Kim", 6.5),
    ("Walden", 8.75),
    ("Ulysses", 16.25),
    ("Ficciones", 9.9),
)
PAGES = ("home", "search", "book", "basket", "checkout")
REASONS = (
    ("CardDeclined", "the bank refused the card"),
    ("AddressUnknown", "no house of this number"),
    ("PriceMismatch", "the basket was priced yesterday"),
)
DEAD_LETTERS = "orders-dead-letters"


def fill(address: str) -> None:
    """Fill the server at an address with the shop. A server with a topic `orders` is left alone."""
    with connect(address) as broker:
        queues = broker.address.scheme == "servicebus"
        try:
            broker.create_topic("orders", **({"kind": "topic"} if queues else _partitions(broker, 3)))
        except AlreadyExists:
            return
        broker.create_topic("payments", **_partitions(broker, 2))
        broker.create_topic("clicks", **_partitions(broker, 2))
        # a topic of Service Bus or Pub/Sub keeps nothing for subscriptions that are created later
        broker.create_subscription("orders", "billing", start="latest" if queues else "earliest")
        for topic, messages in _shop(datetime.now(UTC)).items():
            broker.publisher().topic(topic).publish_batch(messages)
        _bill(broker)
        if queues:
            _reject(broker)
        else:
            broker.create_topic(DEAD_LETTERS)
            broker.publisher().topic(DEAD_LETTERS).publish_batch(list(_dead_letters()))


def _partitions(broker: Connection, count: int) -> dict[str, Any]:
    return {"partitions": count} if broker.capabilities.partitions else {}


def _shop(now: datetime) -> dict[str, list[OutboundMessage]]:
    chance = random.Random(20_260_131)
    orders, payments = [], []
    for number in range(1, ORDERS + 1):
        customer, (book, price) = chance.choice(CUSTOMERS), chance.choice(BOOKS)
        count = chance.choice((1, 1, 1, 2, 3))
        placed = now - timedelta(seconds=12 * (ORDERS - number))
        order = {
            "order": number,
            "customer": customer,
            "items": [{"book": book, "count": count, "price": price}],
            "total": round(count * price, 2),
            "placed": placed.isoformat(timespec="seconds"),
        }
        orders.append(_message(order, customer, source="web" if number % 5 else "app"))
        if chance.random() < 0.9:
            payment = {"order": number, "paid": order["total"], "by": chance.choice(("card", "card", "bill"))}
            payments.append(_message(payment, customer, source="bank"))
    clicks = []
    for number in range(CLICKS):
        customer = chance.choice(CUSTOMERS)
        click = {"customer": customer, "page": chance.choice(PAGES), "millis": chance.randrange(20, 900)}
        clicks.append(_message(click, customer, source="web", visit=str(number // 7)))
    return {"orders": orders, "payments": payments, "clicks": clicks}


def _message(value: dict[str, Any], key: str, **attributes: str) -> OutboundMessage:
    return OutboundMessage(json.dumps(value), key, attributes)


def _bill(broker: Connection) -> None:
    """Acknowledge the first orders, so that the subscription lags behind the rest."""
    with broker.consumer("orders", "billing") as consumer:
        for held in consumer.fetch_many(BILLED, DELIVERY_SECONDS, idle=2.0):
            held.ack()


def _reject(broker: Connection) -> None:
    consumer = broker.consumer("orders", "billing")
    assert isinstance(consumer, MessageConsumer)
    with consumer:
        for number in range(REJECTED):
            message = consumer.next_message(DELIVERY_SECONDS)
            if message is None:
                return
            message.reject(reason=REASONS[number % len(REASONS)][0])


def _dead_letters() -> Iterator[OutboundMessage]:
    orders: Sequence[OutboundMessage] = _shop(datetime.now(UTC))["orders"]
    for number, order in enumerate(orders[:: ORDERS // REJECTED]):
        reason, description = REASONS[number % len(REASONS)]
        attributes = [
            *order.attributes,
            ("dead-letter-reason", reason),
            ("dead-letter-cause", description),
            ("dead-letter-topic", "orders"),
        ]
        yield OutboundMessage(order.data, order.key, attributes)
