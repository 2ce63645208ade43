"""The process of the emulator; it runs in the environment with Proton.

    python -m tests.brokers.servicebus.emulator --port 5672 --folder FOLDER

One port takes AMQP and HTTP alike, as one connection string is for both.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path

from .admin import Administration
from .amqp import Connection
from .broker import Broker
from .claims import Policies
from .dispatcher import Dispatcher
from .store import open_store
from .web import FirstBytes, HttpConnection


async def serve(port: int, folder: Path, key: str) -> None:
    """Serve until cancelled."""
    broker, policies = Broker(open_store(folder)), Policies(key)
    dispatcher = Dispatcher(broker, policies)
    administration = Administration(broker, policies, dispatcher.forget, dispatcher.turn)

    def accept() -> FirstBytes:
        return FirstBytes(lambda: Connection(dispatcher), lambda: HttpConnection(administration))

    listening = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", port)
    async with listening:
        await dispatcher.keep_time()


def main() -> None:
    parser = argparse.ArgumentParser(description="Azure Service Bus, emulated")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where the messages are kept")
    parser.add_argument("--key", required=True, help="the key of all shared access policies")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(given.port, given.folder, given.key))


if __name__ == "__main__":
    main()
