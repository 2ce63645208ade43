"""Emptying topics, by the REST endpoint. What waits for one subscription is skipped by a reset."""

from __future__ import annotations

from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.purging import PurgePlan

from .names import rest_path
from .topics import Topics

OPEN_LEDGER = (
    "the backlogs of all subscriptions are skipped; brokers delete whole ledgers, so readers still find the "
    "messages of the one that is written to now, until it is full or the topic is unloaded, and is truncated "
    "again"
)


class PulsarPurging(PurgingDriver):
    """A remover of messages."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    def check(self, plan: PurgePlan, timeout: float) -> tuple[str, ...]:
        self._topics.required_rest()
        return (OPEN_LEDGER,) if plan.kind == "everything" else ()

    def empty(self, topic: str, timeout: float) -> None:
        deadline = Deadline(timeout)
        rest = self._topics.required_rest()
        for part in self._topics.parts(self._topics.full(topic), deadline.remaining()).values():
            rest.ask("DELETE", f"{rest_path(part)}/truncate", deadline.remaining())
