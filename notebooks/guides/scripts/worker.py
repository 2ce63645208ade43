"""Handle the messages of a subscription in four threads, until Ctrl-C.

Usage: python worker.py URL TOPIC SUBSCRIPTION
"""

import signal
import sys

from brokerkit.core import Cancellation, Message, connect
from brokerkit.core.adapters import receiver


def handle(message: Message) -> None:
    """Settle one message. If this raises, the message is returned, and `receive` raises the error."""
    # one call, since the threads share the output
    sys.stdout.write(f"{(message.data or b'').decode()}\n")
    sys.stdout.flush()
    message.ack()


def main(url: str, topic: str, subscription: str) -> None:
    """Receive until the process is asked to stop; messages that wait for a thread go back to the broker."""
    stop = Cancellation()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.cancel())
    with (
        connect(url) as broker,
        broker.consumer(topic, subscription, model="message", start="earliest") as consumer,
    ):
        receiver(consumer).receive(handle, workers=4, cancellation=stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
