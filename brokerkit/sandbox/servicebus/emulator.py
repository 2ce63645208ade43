"""The process of the emulator, which runs in the environment with Proton.

::

    python -m brokerkit.sandbox.servicebus.emulator --port 5672 --folder FOLDER

One port accepts both AMQP and HTTP, since one connection string is for both.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import ssl
from pathlib import Path

from .admin import Administration
from .amqp import Connection
from .broker import Broker
from .claims import Policies
from .dispatcher import Dispatcher
from .store import open_store
from .web import FirstBytes, HttpConnection

HOST = "127.0.0.1"
TLS_PORT = 5671
"""The only port on which clients use AMQP over TLS."""


async def serve(port: int, folder: Path, key: str, tls: list[str] | None, admin_port: int | None) -> None:
    """Serve until cancelled.

    Args:
        port: The port of AMQP and HTTP.
        folder: The folder of the messages.
        key: The key of the shared access policies.
        tls: An address, the files of a certificate and of its private key.
        admin_port: A separate port for the administration, as in Microsoft's emulator; None for the port
            of AMQP.
    """
    broker, policies = Broker(open_store(folder)), Policies(key)
    dispatcher = Dispatcher(broker, policies)
    administration = Administration(broker, policies, dispatcher.forget, dispatcher.turn)

    def serve_http() -> HttpConnection:
        return HttpConnection(administration)

    def accept() -> FirstBytes:
        return FirstBytes(lambda: Connection(dispatcher), serve_http if admin_port is None else None)

    loop = asyncio.get_running_loop()
    if admin_port is not None:
        await loop.create_server(serve_http, HOST, admin_port)
    await loop.create_server(accept, HOST, port)
    if tls is not None:
        address, certificate, private_key = tls
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, private_key)
        await loop.create_server(accept, address, TLS_PORT, ssl=context)
    await dispatcher.keep_time()


def main() -> None:
    """Serve as the command line says, until the process is ended."""
    parser = argparse.ArgumentParser(description="Azure Service Bus, emulated")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where the messages are kept")
    parser.add_argument("--key", required=True, help="the key of all shared access policies")
    parser.add_argument("--admin-port", type=int, help="where the administration is, if not on --port")
    parser.add_argument("--tls", nargs=3, metavar=("ADDRESS", "CERTIFICATE", "KEY"))
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(given.port, given.folder, given.key, given.tls, given.admin_port))


if __name__ == "__main__":
    main()
