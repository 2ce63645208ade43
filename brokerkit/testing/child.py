"""The program that the suite runs in a child process: ``python -m brokerkit.testing.child TASK JSON``.

It reports by lines of JSON on its standard output. Each has the time of the monotonic clock, which all
processes of a machine share.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import time
from base64 import b64decode
from hashlib import sha256
from typing import Any

from brokerkit.core import (
    Columns,
    Connection,
    MessageConsumer,
    OutboundMessage,
    RecordConsumer,
    Slice,
    connect,
)

WAIT_SECONDS = 30.0


def say(what: str, **more: Any) -> None:
    """Report to the parent."""
    print(json.dumps({"what": what, "at": time.monotonic(), **more}), flush=True)


def end_with_parent() -> None:
    """End this process when its standard input ends, because a killed parent cannot end it."""

    def watch() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it is for the main thread
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def digest(parts: list[Columns]) -> str:
    """Return a fingerprint of positions, keys, payloads and attributes."""
    rows = [
        (offset, key, value, tuple(attributes or ()))
        for columns in parts
        for offset, key, value, attributes in zip(
            columns.positions(),
            columns.values("key"),
            columns.values("value"),
            columns.values("attributes"),
            strict=True,
        )
    ]
    return sha256(repr(rows).encode()).hexdigest()


def read(order: dict[str, Any]) -> None:
    """Read a pickled slice and report its fingerprint."""
    slice_ = pickle.loads(b64decode(order["slice"]))
    assert isinstance(slice_, Slice)
    with connect(order["url"], **order["options"]) as connection:
        say("read", digest=digest(list(connection.inspector().read(slice_))))


def interrupt(order: dict[str, Any]) -> None:
    """Wait for more messages than there are, twice. Report each interrupt, and the messages after it."""
    with connect(order["url"], **order["options"]) as connection:
        if order["in_process"]:
            _prepare(connection, order)
        consumer = connection.consumer(order["topic"], order["subscription"], model=order["model"])
        consumer.attach()
        more = consumer.capabilities.more_while_held
        if more:
            _interrupted(lambda: consumer.next_batch(100, None))
        batch = consumer.next_batch(len(order["payloads"]), WAIT_SECONDS)
        if not more:
            # this system sends no more while messages are held, so wait while holding them
            _interrupted(lambda: _next(consumer))
        found = [item.data if hasattr(item, "data") else item.value for item in batch]
        say("batch", payloads=[value.decode() for value in found if value is not None])
        for item in batch:
            item.ack()
        _interrupted(lambda: _next(consumer))
        # a message that comes now was not lost by the interrupt
        item = _next(consumer, 0.5)
        say("next", payload=None if item is None else repr(item))
    say("closed")


def _prepare(connection: Connection, order: dict[str, Any]) -> None:
    connection.create_topic(order["topic"])
    connection.create_subscription(
        order["topic"], order["subscription"], start="earliest", model=order["model"]
    )
    with connection.publisher() as publisher:
        publisher.topic(order["topic"]).publish_batch([OutboundMessage(p) for p in order["payloads"]])


def _next(consumer: MessageConsumer | RecordConsumer, timeout: float | None = None) -> Any:
    if isinstance(consumer, MessageConsumer):
        return consumer.next_message(timeout)
    return consumer.next_record(timeout)


def _interrupted(wait: Any) -> None:
    say("waiting")
    try:
        wait()
    except KeyboardInterrupt:
        say("interrupted")
    else:
        say("returned")


TASKS = {"interrupt": interrupt, "read": read}

if __name__ == "__main__":
    end_with_parent()
    TASKS[sys.argv[1]](json.loads(sys.argv[2]))
