"""How many messages a consumer of the library holds ready, by the size of those that are there.

The library counts messages and no bytes, and a consumer that holds messages cannot be opened again with a
shorter queue: they would be delivered twice. So the size is asked for before it is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, NotFound

from .topic_policies import refusal
from .topics import Topics

MOST = 200
"""How many messages are held ready at most, and where their size is not known."""
LEAST = 2
HELD_BYTES = 32_000_000
"""About how many bytes the partitions of a topic hold ready together, unless `LEAST` of each have more."""


def fitting(topics: Topics, full: str, timeout: float) -> int:
    """Return how many messages of each partition to hold ready.

    The largest mean of a ledger counts, so that large messages behind many small ones do. A batch counts as
    one message, which is held whole.

    Raises:
        NotFound: There is no such topic.
        Unavailable: The REST endpoint does not answer, not even for one partition.
    """
    rest = topics.rest
    if rest is None:
        return MOST
    deadline = Deadline(timeout)
    parts = topics.parts(full, deadline.remaining()).values()
    means: list[float] = []
    try:
        for part in parts:
            means.extend(_means(rest.internal_stats(part, deadline.remaining())))
    except NotFound:
        raise
    except BrokerError as error:
        # of many partitions some may be asked too late; those before tell about the size too
        if not means or not error.retryable:
            refusal(error)
            return MOST
    mean = max(1.0, *means)
    return max(LEAST, min(MOST, int(HELD_BYTES / len(parts) / mean)))


def _means(internal: dict[str, Any]) -> Iterator[float]:
    """Yield the mean size of the entries of each ledger of a partition."""
    yield int(internal["currentLedgerSize"]) / max(1, int(internal["currentLedgerEntries"]))
    for each in internal["ledgers"]:
        yield int(each["size"]) / max(1, int(each["entries"]))
