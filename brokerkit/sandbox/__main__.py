"""``python -m brokerkit.sandbox nats``: run a local broker until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import time

from brokerkit.core.errors import BrokerError

from . import KINDS, start


def main(arguments: list[str] | None = None) -> int:
    """Run one in the foreground and print its URL."""
    parser = argparse.ArgumentParser(
        prog="python -m brokerkit.sandbox", description="Run a local broker until Ctrl-C."
    )
    parser.add_argument("kind", choices=KINDS)
    kind = parser.parse_args(arguments).kind
    try:
        sandbox = start(kind)
    except BrokerError as error:
        print(error, file=sys.stderr)
        return 1
    with sandbox:
        try:
            print(sandbox.url, flush=True)
            while sandbox.running:
                time.sleep(0.5)
        except KeyboardInterrupt:
            return 0
    print("the server ended by itself", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
