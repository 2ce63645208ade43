"""The emulator for trials by hand: it prints its connection string and serves until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from .server import ServiceBusServer, available


def main() -> None:
    """Run the emulator with the entities given on the command line."""
    parser = argparse.ArgumentParser(prog="python -m brokerkit.sandbox.servicebus", description=__doc__)
    parser.add_argument("--port", type=int, default=5672)
    parser.add_argument("--folder", type=Path, help="where the messages are kept between runs")
    parser.add_argument("--queue", action="append", default=[], metavar="NAME")
    parser.add_argument("--session-queue", action="append", default=[], metavar="NAME")
    parser.add_argument("--topic", action="append", default=[], metavar="NAME:SUBSCRIPTION,...")
    given = parser.parse_args()
    if (enable := available()) is not None:
        parser.exit(1, f"the emulator {enable}\n")
    if given.folder is not None:
        given.folder = given.folder.resolve()
    with ServiceBusServer(port=given.port, data=given.folder) as server:
        for name in given.queue:
            server.create_queue(name)
        for name in given.session_queue:
            server.create_queue(name, RequiresSession=True)
        for topic, _, subscriptions in (each.partition(":") for each in given.topic):
            server.create_topic(topic)
            for name in filter(None, subscriptions.split(",")):
                server.create_subscription(topic, name)
        print(server.connection_string, flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("ended")


if __name__ == "__main__":
    main()
