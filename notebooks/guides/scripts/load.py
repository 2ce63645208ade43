"""Publish the lines of standard input, and say which were not confirmed: python load.py URL TOPIC < lines"""

import sys
from collections.abc import Iterable
from itertools import islice

from brokerkit.core import OutboundMessage, connect


def main(url: str, topic: str, lines: Iterable[bytes] = sys.stdin.buffer) -> int:
    """Publish in batches of 1,000. Return 1 if a line was not confirmed."""
    refused = 0
    waiting = iter(lines)
    with connect(url) as broker:
        target = broker.publisher().topic(topic)
        while batch := [OutboundMessage(line.rstrip(b"\n")) for line in islice(waiting, 1000)]:
            for message, result in zip(batch, target.publish_batch(batch), strict=True):
                if result.status != "confirmed":
                    refused += 1
                    print(f"{result.status}: {message.data!r:.60}: {result.error}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
