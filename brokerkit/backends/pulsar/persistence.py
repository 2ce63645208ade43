"""Describe what the confirmation of a topic means: how many bookies store the message."""

from __future__ import annotations

import logging

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError

from .names import rest_path
from .rest import RestEndpoint

LOGGER = logging.getLogger("brokerkit.pulsar")
NOT_PERSISTENT = "in memory of one broker, and kept nowhere: a non-persistent topic"
SYNCED = "on their disks where their journalSyncData is on (the default), which no endpoint tells"
NEEDED = "how many of them: not known without the REST endpoint, connect with admin=http://HOST:8080"


def confirmation(rest: RestEndpoint | None, full: str, deadline: Deadline) -> str:
    """Return what a confirmation of a topic means, as far as the brokers tell."""
    if full.startswith("non-persistent://"):
        return NOT_PERSISTENT
    if rest is None:
        return f"written by the bookies of the ack quorum ({NEEDED}); {SYNCED}"
    try:
        found = rest.get(f"{rest_path(full)}/persistence", deadline.remaining(), applied="true")
        write, ack = int(found["bookkeeperWriteQuorum"]), int(found["bookkeeperAckQuorum"])
        ensemble = int(found["bookkeeperEnsemble"])
    except (BrokerError, LookupError, TypeError, ValueError) as error:
        # an account that may read a topic may lack the right to see its policies
        LOGGER.info("the persistence of %s: %s", full, error)
        return (
            f"written by the bookies of the ack quorum (how many of them: the brokers do not say); {SYNCED}"
        )
    return (
        f"written by {ack} of the {write} bookies that each message goes to (ack quorum {ack}, write quorum "
        f"{write}, ensemble {ensemble}); {SYNCED}"
    )
