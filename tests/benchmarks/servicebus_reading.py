"""Reading a Service Bus queue of our emulator, beside the client's own loop that keeps nothing."""

from __future__ import annotations

from azure.servicebus import ServiceBusClient

import brokerkit as bk
from brokerkit.sandbox import catalogue

from .messages import payloads
from .results import Found, Goal
from .ways import Way, compared

PEEKED = 250
"""How many messages Service Bus gives at most for one request."""


def run(rows: int, rounds: int) -> list[Found]:
    with catalogue.start("servicebus") as server, bk.connect(server.address) as session:
        session.create_topic("orders")
        session.publish_batch("orders", payloads(rows), timeout=120)

        def by_hand() -> int:
            with (
                ServiceBusClient.from_connection_string(server.address) as client,
                client.get_queue_receiver("orders") as receiver,
            ):
                seen, place = 0, 1
                while messages := receiver.peek_messages(PEEKED, sequence_number=place):
                    seen += len(messages)
                    place = messages[-1].sequence_number + 1
            return seen

        def ours() -> int:
            return session.scan("orders", progress=False).to_arrow().num_rows

        hand, arrow = f"peek_messages({PEEKED}), thrown away", "scan().to_arrow()"
        goals = [
            Goal("Service Bus to Arrow: 0.9 of the client's loop that throws away", arrow, hand, speed=0.9)
        ]
        title = "Service Bus (emulator of brokerkit) to Arrow"
        return [compared(title, [Way(hand, by_hand), Way(arrow, ours)], rows, rounds, goals)]
