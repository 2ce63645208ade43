"""A JetStream subject to a frame, on the real server."""

from __future__ import annotations

import asyncio

import nats
import pandas as pd

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer

from .messages import payloads
from .results import Found, Goal
from .ways import Way, compared

BATCH = 1_000


def run(rows: int, rounds: int) -> list[Found]:
    with NatsServer() as server, bk.connect(server.url) as session:
        session.create_topic("orders.new")
        values = payloads(rows)
        for at in range(0, rows, 20_000):
            session.publish_batch("orders.new", values[at : at + 20_000], timeout=120)

        def naive() -> int:
            return len(pd.DataFrame(asyncio.run(dicts(server.url, rows))))

        def ours() -> int:
            return len(session.scan("orders.new", progress=False).to_pandas())

        by_hand, frame = "fetch(1000), a dict per message, ack", "scan().to_pandas()"
        goals = [Goal("JetStream to a frame: 8 x a naive fetch(1000)", frame, by_hand, speed=8.0)]
        return [
            compared("JetStream to a frame", [Way(by_hand, naive), Way(frame, ours)], rows, rounds, goals)
        ]


async def dicts(url: str, rows: int) -> list[dict]:
    """What a person writes by hand: fetch, a dict per message, ack."""
    client = await nats.connect(url)
    try:
        subscription = await client.jetstream().pull_subscribe("orders.new")
        found: list[dict] = []
        while len(found) < rows:
            for message in await subscription.fetch(BATCH, timeout=5):
                about = message.metadata
                found.append(
                    {
                        "subject": message.subject,
                        "sequence": about.sequence.stream,
                        "value": message.data.decode(),
                        "headers": message.headers,
                        "timestamp": about.timestamp,
                    }
                )
                await message.ack()
        return found
    finally:
        await client.close()
