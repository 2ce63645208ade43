"""Taking the messages of a Pub/Sub subscription, beside the client's own loop that keeps nothing."""

from __future__ import annotations

import uuid

import grpc
from google.cloud import pubsub_v1
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

import brokerkit as bk
from brokerkit.sandbox import catalogue

from .messages import payloads
from .results import Found, Goal
from .ways import Way, compared

PULLED = 1_000


def run(rows: int, rounds: int) -> list[Found]:
    with catalogue.start_system("pubsub") as server, bk.connect(server.address) as session:
        values = payloads(rows)
        client = pubsub_v1.SubscriberClient(
            transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(server.host))
        )

        def filled() -> tuple[str, str]:
            """Make a topic with a subscription: what is taken is gone."""
            topic = f"orders-{uuid.uuid4().hex[:8]}"
            session.create_topic(topic)
            session.create_subscription(topic, f"{topic}-me")
            session.publish_batch(topic, values, timeout=120)
            return topic, f"{topic}-me"

        places = {way: iter([filled() for _ in range(rounds + 1)]) for way in ("hand", "ours")}

        def by_hand() -> int:
            path = client.subscription_path("sandbox", next(places["hand"])[1])
            seen = 0
            while seen < rows:
                found = client.pull(subscription=path, max_messages=PULLED).received_messages
                if found:
                    client.acknowledge(subscription=path, ack_ids=[each.ack_id for each in found])
                seen += len(found)
            return seen

        def ours() -> int:
            topic, name = next(places["ours"])
            return len(session.pull(topic, rows, subscription=name, timeout=300, idle=30))

        hand, pull = f"pull({PULLED}) and acknowledge, thrown away", "pull() to a frame"
        goals = [Goal("Pub/Sub to a frame: 0.9 of the client's loop that throws away", pull, hand, speed=0.9)]
        title = f"Pub/Sub ({server.name}) to a frame, acknowledged"
        try:
            return [compared(title, [Way(hand, by_hand), Way(pull, ours)], rows, rounds, goals)]
        finally:
            client.close()
