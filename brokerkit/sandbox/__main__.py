"""``python -m brokerkit.sandbox kafka``: run a local server until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import time

from brokerkit.core.vocabulary.errors import BrokerError

from . import SYSTEMS, start, startable
from .catalogue import REGISTRY


def main(arguments: list[str] | None = None) -> int:
    """Run a server in the foreground and print its address.

    Without a system, list those that can be started.
    """
    parser = argparse.ArgumentParser(
        prog="python -m brokerkit.sandbox", description="Run a local server until Ctrl-C."
    )
    parser.add_argument("system", nargs="?", choices=[*SYSTEMS, REGISTRY])
    parser.add_argument("--data", help="a folder to keep its data in between runs")
    parser.add_argument("--demo", action="store_true", help="fill it with a small shop")
    given = parser.parse_args(arguments)
    if given.system is None:
        for system, lack in startable():
            print(f"{system:12}{lack or 'ready'}")
        return 0
    try:
        server = start(given.system, data=given.data, demo=given.demo)
    except BrokerError as error:
        print(error, file=sys.stderr)
        return 1
    with server:
        try:
            print(server.address, flush=True)
            while server.running:
                time.sleep(0.5)
        except KeyboardInterrupt:
            return 0
    print("the server ended by itself", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
