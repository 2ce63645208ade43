"""A JetStream subject to a frame, on the real server."""

from __future__ import annotations

import asyncio

import nats
import pandas as pd

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer

from .messages import payloads
from .pairs import Way, compared

BATCH = 1_000


def run(rows: int) -> list[str]:
    with NatsServer() as server, bk.connect(server.url) as session:
        session.create_topic("orders.new")
        values = payloads(rows)
        for at in range(0, rows, 20_000):
            session.publish_batch("orders.new", values[at : at + 20_000], timeout=120)

        def naive() -> int:
            return len(pd.DataFrame(asyncio.run(dicts(server.url, rows))))

        def ours() -> int:
            return len(session.scan("orders.new", progress=False).to_pandas())

        ways = [Way("fetch(1000), a dict per message, ack", naive), Way("scan().to_pandas()", ours, 8.0)]
        return [compared("JetStream to a frame", ways, rows, rounds=3)]


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
