"""The messages of one call on their way, and what the library reports of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pulsar

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, Unavailable
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.outcomes import Outcomes
from brokerkit.core.vocabulary.results import PublishResult

from .client_internals import giving
from .codec import each, encode, texts_of
from .errors import SURELY_NOT_STORED, named, result_name, translate
from .log import lost_connections
from .size_limits import check_size

LOOK_AGAIN_SECONDS = 0.02
"""The library waits longer than this before it reconnects."""
LOOK_AGAIN_ROWS = 256
CLOSED = "AlreadyClosed"
STORED = int(pulsar.Result.Ok)
TAKEN_FOR_A_REPEAT = BrokerError(
    "the broker deduplicates the topic and took it for a repeat, as it does with batches of several keys: "
    "connect with admin=http://HOST:8080, or without batching=true"
)
TWICE = BrokerError(
    "it may be stored twice: the connection was lost while it was under way, and the client library sent it "
    "once more; a topic that the broker deduplicates stores it once"
)
_Report = tuple[Any, Any]
_NOT_SENT: _Report = (None, None)
"""What stands where a report would for a row that was not sent."""


class ProducerClosed(Unavailable):
    """The library closed the producer, for example because its topic was deleted.

    The next attempt opens another.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Producer:
    """A producer of the library.

    Attributes:
        deduplicated: Whether a message that it sends again is stored once.
        batching: Whether it makes batches.
        chunking: Whether it cuts what is larger than the brokers take.
        topic: The full name of its topic.
    """

    native: Any
    deduplicated: bool
    batching: bool
    chunking: bool
    topic: str = ""


class Sending:
    """A batch that is being sent. The library calls back from its own threads.

    Its reports are kept as they come, and are looked at when all are there: what a thread of the library does
    in Python, the thread that sends cannot do meanwhile.

    Args:
        producers: The producer of each row, or None.
    """

    def __init__(self, producers: Sequence[Producer | None]) -> None:
        self._producers = producers
        self._lost = {each: lost_connections(each.topic) for each in {*producers} if each is not None}
        """How often each producer had lost its connection at the last look."""
        self._arrived = 0
        """How many reports were there at the last look."""
        self._reports: dict[int, _Report] = {}
        """The first report of each row. Each of its operations here is a single one for other threads."""
        self._failed: dict[int, PublishResult] = {}
        self._notes: dict[int, str] = {}
        self._repeated: set[int] = set()
        self._at_once: set[int] = set()
        self._begun = 0
        self._awaited = len(producers) + 1
        self._here = threading.Event()

    def _taker(self, row: int) -> Callable[[Any, Any], None]:
        """Return the function that takes the report of a row. An exception in it would end the process."""
        reports = self._reports

        def take(result: Any, message_id: Any) -> None:
            reports.setdefault(row, (result, message_id))
            if len(reports) >= self._awaited:
                self._here.set()

        return take

    def begin_all(self, contents: Sequence[bytes | None], keys: Sequence[bytes | None] | None) -> None:
        """Send messages without attributes that no limit of a topic forbids, all with the same producer."""
        producer = self._producers[0]
        assert producer is not None
        give = giving(producer.native)
        for row, content in enumerate(contents):
            key = None if keys is None else keys[row]
            self._begun += 1
            try:
                give(content, None if key is None else key.decode(), self._taker(row))
            except pulsar.PulsarException as error:
                self._not_sent(row, translate(error, "publishing"))
            self._given(row)

    def begin(self, row: int, message: OutboundMessage, unset: str | None, limit: int | None) -> None:
        """Send a message."""
        producer = self._producers[row]
        assert producer is not None
        self._begun += 1
        try:
            encoded = encode(message, unset)
            if encoded.note is not None:
                self._notes[row] = encoded.note
            if limit is not None:
                check_size(encoded, producer.native.producer_name(), limit, chunking=producer.chunking)
            producer.native.send_async(
                encoded.content,
                self._taker(row),
                properties=encoded.properties,
                partition_key=encoded.partition_key,
                **encoded.fields,
            )
        except BrokerError as error:
            self._not_sent(row, error)
        except pulsar.PulsarException as error:
            self._not_sent(row, translate(error, "publishing"))
        self._given(row)

    def _given(self, row: int) -> None:
        if row in self._reports:
            self._at_once.add(row)
        if row % LOOK_AGAIN_ROWS == LOOK_AGAIN_ROWS - 1:
            self._note_lost_connections()

    def fail(self, row: int, error: BrokerError) -> None:
        """Set the outcome of a row that is not sent."""
        self._begun += 1
        self._not_sent(row, error)

    def _not_sent(self, row: int, error: BrokerError) -> None:
        if self._reports.setdefault(row, _NOT_SENT) is _NOT_SENT:
            self._failed[row] = PublishResult("failed", None, error)

    def arrived(self, deadline: Deadline) -> bool:
        """Wait until no message is pending. Return False if that takes longer than the deadline."""
        arrived = self._wait(self._begun, deadline)
        self._note_lost_connections(now=False)
        return arrived

    def _wait(self, count: int, deadline: Deadline) -> bool:
        """Wait until so many rows are decided."""
        self._here.clear()
        # a report that comes after this line is noticed by its thread, and one before it by the next line
        self._awaited = count
        try:
            while len(self._reports) < count:
                self._here.wait(min(LOOK_AGAIN_SECONDS, deadline.remaining()))
                if len(self._reports) >= count:
                    break
                if deadline.passed:
                    return False
                self._note_lost_connections()
            return True
        finally:
            self._awaited = len(self._producers) + 1

    def _note_lost_connections(self, *, now: bool = True) -> None:
        """Note the messages that the library may send again after the first copy may have been stored.

        Args:
            now: Whether to look at the connections too, not only at what was lost since the last look.
        """
        before, self._arrived = self._arrived, len(self._reports)
        for producer, known in self._lost.items():
            lost = self._lost[producer] = lost_connections(producer.topic)
            if lost != known or (now and not producer.native.is_connected()):
                surely = {*islice([*self._reports], before if lost != known else self._arrived)}
                self._repeated |= {
                    row
                    for row, each in enumerate(self._producers[: self._begun])
                    if each is producer and row not in surely
                }

    def outcomes(self, deadline: Deadline) -> Outcomes:
        """Return the outcomes. A message that was not confirmed in time has an unknown outcome."""
        self._wait(len(self._producers), deadline)
        # what comes from now on is too late
        reports = self._reports.copy()
        self._note_lost_connections(now=False)
        outcomes = self._outcomes(reports)
        late = Unavailable(f"the broker did not confirm it within {deadline.seconds:g} s; it may be stored")
        for row in range(len(self._producers)) if len(reports) < len(self._producers) else ():
            if row not in reports:
                outcomes.others[row] = PublishResult("unknown", None, late)
        for row, note in self._notes.items():
            if row in reports and row not in self._failed:
                outcomes.others[row] = replace(outcomes[row], note=note)
        for row in (self._repeated & reports.keys()) - self._failed.keys() - self._at_once:
            producer = self._producers[row]
            if outcomes[row].status == "failed":
                # the broker refused the second copy, or the library gave up, after the first was on its way
                outcomes.others[row] = replace(outcomes[row], status="unknown")
            elif outcomes[row].ok and producer is not None and not producer.deduplicated:
                outcomes.others[row] = replace(outcomes[row], error=TWICE)
        return outcomes

    def _outcomes(self, reports: dict[int, _Report]) -> Outcomes:
        """Return what the reports say."""
        ids: list[str | None] = [None] * len(self._producers)
        others = self._failed.copy()
        sent = [row for row in reports if row not in others]
        results, message_ids = [reports[row][0] for row in sent], [reports[row][1] for row in sent]
        told = zip(sent, results, each(message_ids, "ledger_id"), texts_of(message_ids), strict=True)
        for row, result, ledger, text in told:
            if int(result) != STORED:
                others[row] = _outcome(result, at_once=row in self._at_once)
            elif ledger >= 0:
                ids[row] = text
            else:
                # a repeat that the broker did not store again has no id
                producer = self._producers[row]
                assert producer is not None
                if producer.batching and not producer.deduplicated:
                    others[row] = PublishResult("unknown", None, TAKEN_FOR_A_REPEAT)
        return Outcomes(ids, others)


def _outcome(result: Any, *, at_once: bool) -> PublishResult:
    """Return the outcome of a message that the broker did not confirm.

    Args:
        at_once: Whether this was reported before the library had taken the message.
    """
    name = result_name(result)
    if name == CLOSED:
        if at_once:
            return PublishResult(
                "failed", None, ProducerClosed("the producer was closed before this was sent")
            )
        return PublishResult(
            "unknown", None, ProducerClosed("the producer was closed before it was confirmed")
        )
    problem = named(name, "publishing")
    return PublishResult("failed" if name in SURELY_NOT_STORED else "unknown", None, problem)
