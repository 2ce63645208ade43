"""Repair a subscription whose consumer left between the chunks of a message.

The broker gives all chunks of a message to one consumer of a shared subscription, and remembers which
consumer that is. If that consumer leaves between two chunks, the broker still remembers it and gives the
message to no other consumer while the topic is loaded. It forgets when the type of the subscription
changes.
"""

from __future__ import annotations

import contextlib
from itertools import islice

import pulsar

from brokerkit.core.contract.forked import keep_in_child
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import Unauthorized

from .connection import PulsarConnection, leave
from .entries import Entries
from .log import log
from .positions import from_ledgers, pack
from .topics import Topics

LOOK_BACK = 20
"""How many entries before the next one to be delivered are searched for chunks."""


def forget_consumers_that_left(topics: Topics, full: str, name: str, timeout: float) -> None:
    """Make the broker give messages in chunks to the next consumer.

    Does nothing while a consumer is attached. Blocks.
    """
    deadline = Deadline(timeout)
    for part in topics.parts(full, deadline.remaining()).values():
        try:
            interrupted = _interrupted(topics, part, name, deadline)
        except Unauthorized as error:
            log.info("the messages delivered to subscription %r of %s are unknown: %s", name, part, error)
            return
        if interrupted:
            _change_type(topics.connection, part, name)


def _interrupted(topics: Topics, part: str, name: str, deadline: Deadline) -> bool:
    rest = topics.required_rest()
    stats = rest.stats(part, deadline.remaining())["subscriptions"].get(name)
    if stats is None or stats["consumers"] or not stats.get("msgBacklog"):
        return False
    internal = rest.internal_stats(part, deadline.remaining())
    cursor = internal["cursors"].get(name)
    if cursor is None:
        return False
    after, reached = (
        pack(max(0, ledger), max(0, entry + step))
        for step, text in ((1, cursor["markDeletePosition"]), (0, cursor["readPosition"]))
        for ledger, entry in (map(int, text.split(":")),)
    )
    entries = Entries(rest, part)
    for position in islice(from_ledgers(None, internal).backwards(reached), LOOK_BACK):
        if position < after:
            return False
        found = entries.entry(position, deadline)
        if found is not None and found.chunk is not None:
            return True
    return False


def _change_type(connection: PulsarConnection, part: str, name: str) -> None:
    # another consumer attached first, and its messages are its own
    with contextlib.suppress(pulsar.ConsumerBusy):
        leave(
            keep_in_child(
                connection.client.subscribe(part, name, pulsar.ConsumerType.Exclusive, receiver_queue_size=0)
            )
        )
